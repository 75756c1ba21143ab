"""Spark's parent of Python workers with this program already loaded: it forks them, so none has to load it again.

Spark runs it as the main module (`spark.python.daemon.module`). Nothing loaded here starts a thread.
"""

from __future__ import annotations

import cds_hooks.silent.spark.judged  # noqa: F401 - what the workers would load

if __name__ == "__main__":
    from pyspark.daemon import manager

    manager()
