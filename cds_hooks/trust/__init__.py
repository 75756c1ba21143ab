"""Who may call, and how that is proved: the client registry, signed tokens, their keys, replay and rate limits."""
