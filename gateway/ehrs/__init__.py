"""The registry of EHRs and who speaks with them: transports, tokens, checks."""
