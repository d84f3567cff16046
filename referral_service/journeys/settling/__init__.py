"""Bring referrals and rewards to where their facts say they ought to stand."""
