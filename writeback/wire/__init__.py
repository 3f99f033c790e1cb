"""How it is said: HTTP to EHRs, whose turn it is, and what their limits leave."""
