"""The commands of `trd-cds`, one module per group; each parses, calls one thing and prints its result."""
