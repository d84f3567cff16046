"""What every room stands on, with no word of the domain: clock, ids, money, errors, JSON, secrets."""
