"""Funnel, leaderboard, liability."""
