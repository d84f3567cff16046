"""What people and apps do with rewards: accept, hand over, spend, decide."""
