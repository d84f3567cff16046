"""Claims, referrals and events as they are written over HTTP."""
