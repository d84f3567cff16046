"""Answers, explanations and notifications, in the words and ids of whoever reads them."""
