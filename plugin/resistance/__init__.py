"""From judged trials to the verdict: definitions, staging, pseudo-resistance, what would change it (rules V, G, Q)."""
