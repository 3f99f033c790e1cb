"""Who acts: sessions, API keys, the OpenID provider of staff."""
