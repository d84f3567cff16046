"""The referral and its states; attribution and qualification policy."""
