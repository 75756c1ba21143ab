"""What the service keeps: cards it has shown, what clinicians did with them, who asked, and which tokens were used.

One database for all workers and replicas: an embedded SQLite file unless PostgreSQL is named. No patient value is
kept: a patient is a keyed pseudonym (`cds_hooks.storage.keys`). docs/security.md lists every column with its reason
and how long it stays.
"""
