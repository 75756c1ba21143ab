"""What the service says of itself while it runs: one log line a call, metrics, and whether it is well.

All of it is derived from the `CallLine` of a call, which can hold only counts and names of our own choosing.
"""
