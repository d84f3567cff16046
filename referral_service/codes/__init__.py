"""Referral codes: issue, resolve, revoke, the signed form."""
