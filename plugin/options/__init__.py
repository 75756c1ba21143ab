"""What could come next: what was tried, lanes and ranking of options, what goes together."""
