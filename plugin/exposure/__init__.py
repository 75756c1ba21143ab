"""From recorded drugs to days on each ingredient: dose, supply, which source wins on a day, eras (rules E1 to E9)."""
