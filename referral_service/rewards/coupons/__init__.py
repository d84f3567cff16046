"""Coupons: the unique codes that rewards give. Made at the release, redeemed once by one order."""
