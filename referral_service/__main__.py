"""`python -m referral_service`: the command line, where the package is not installed."""

from __future__ import annotations

from referral_service.cli import main

if __name__ == "__main__":
    main()
