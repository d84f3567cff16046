"""Endpoints and deliveries of our own webhooks."""
