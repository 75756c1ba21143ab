"""Silent mode on Apache Spark: the two steps of the local engine on Spark's workers, with Spark's shuffle between them.

`reading` and `judged` are what a worker does, `session` starts Spark, `asking` waits for it, `engine` puts all of it in
order. Only `session`, `engine` and `daemon` import pyspark, when a run begins.
"""
