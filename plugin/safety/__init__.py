"""What a record and its conclusions say about danger: named facts, modifiers and gates, hard stops, blocks."""
