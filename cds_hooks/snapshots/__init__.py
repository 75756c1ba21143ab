"""Snapshot links: the basis of a card for clients that cannot launch the app, shown once to the clinician of the hook.

Off unless a client's registry entry has `snapshots`. What is kept, for how long and why: docs/snapshots.md.
"""
