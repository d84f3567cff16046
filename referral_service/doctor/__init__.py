"""The doctor: proves the books by queries that were written apart from the verbs it checks, and changes nothing."""
