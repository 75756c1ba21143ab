"""What a card says. The policy is `plugin.advice.policy`; all prose comes from the knowledge."""
