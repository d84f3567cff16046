"""The calls about pages that an app makes with its key."""
