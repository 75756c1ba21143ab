"""Spark for one run: the one that is there, or one started here, quiet and on this machine unless told otherwise."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cds_hooks.silent.faults import UnusableRunError

LOG = "spark.log"
_NAME = "trd-cds cohort run"
_DAEMON = "cds_hooks.silent.spark.daemon"


def need_spark() -> None:
    """Raises UnusableRunError, with the remedy, when PySpark or Java is not installed."""
    try:
        import pyspark  # noqa: F401, PLC0415 - an extra that only this engine needs
    except ImportError:
        raise UnusableRunError(
            "--engine spark", "needs pyspark, which is not installed", "install the extra: trd-cds-hooks[spark]"
        ) from None
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java").exists() if home else shutil.which("java") is not None
    if not java and "PYSPARK_GATEWAY_PORT" not in os.environ:
        raise UnusableRunError(
            "--engine spark",
            "needs Java 17 or newer, which was not found",
            "install it, on Debian default-jre-headless, or name it with JAVA_HOME",
        )


@contextmanager
def spark_context(master: str | None, work: Path) -> Iterator[Any]:
    """A SparkContext. One that is running, as in a notebook, is used and left; any other is stopped afterwards.

    `master` goes before what Spark is configured to; without both, all cores of this machine. What Spark started here
    writes goes into `work`: its log, and on one machine its data. Raises UnusableRunError when it does not start, or
    when it ends before its time.
    """
    from py4j.protocol import Py4JError  # noqa: PLC0415
    from pyspark import SparkContext  # noqa: PLC0415

    try:
        if SparkContext._active_spark_context is not None:
            yield SparkContext._active_spark_context
        else:
            with _own_context(master, work) as context:
                yield context
    except (Py4JError, ConnectionError):
        raise UnusableRunError("Spark", "has ended", f"see {work / LOG}; the same command goes on from here") from None


@contextmanager
def _own_context(master: str | None, work: Path) -> Iterator[Any]:
    heard = signal.getsignal(signal.SIGINT)
    try:
        context = _started(master, work)
    except Exception:
        raise UnusableRunError(
            "Spark", "did not start", f"it needs Java 17 or newer and a master that answers; see {work / LOG}"
        ) from None
    try:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, heard)  # Spark takes Ctrl-C for itself
        yield context
    finally:
        with warnings.catch_warnings(action="ignore"):  # that Spark had ended was told
            context.stop()


def _started(master: str | None, work: Path) -> Any:
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415
    from pyspark.java_gateway import launch_gateway  # noqa: PLC0415

    gateway = SparkContext._gateway
    if gateway is None:
        asked = SparkConf(loadDefaults=False)
        if master:
            asked.setMaster(master)
        with os.fdopen(os.open(work / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            gateway = launch_gateway(asked, {"stdout": log, "stderr": log})
    conf = SparkConf(_jvm=gateway.jvm)
    conf.setAppName(_NAME)
    if master:
        conf.setMaster(master)
    conf.setIfMissing("spark.master", "local[*]")
    conf.setIfMissing("spark.ui.enabled", "false")
    conf.setIfMissing("spark.python.daemon.module", _DAEMON)
    conf.set("spark.ui.showConsoleProgress", "false")
    if conf.get("spark.master").startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        conf.setIfMissing("spark.driver.host", "127.0.0.1")
        conf.setIfMissing("spark.driver.bindAddress", "127.0.0.1")
        conf.setIfMissing("spark.local.dir", str((work / "spark").absolute()))
    return SparkContext(conf=conf, gateway=gateway)
