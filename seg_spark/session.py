"""The SparkSession, and what must be right before it starts."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pyspark
from py4j.protocol import Py4JError
from pyspark import SparkConf
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from seg_spark.errors import PlatformError
from seg_spark.machine import OLDEST_PYTHON, driver_memory_gib, find_java, local_java_options
from seg_spark.settings.paths import path_scheme
from seg_spark.settings.schema import Settings

log = logging.getLogger("seg_spark")

_NOISY_LOGGERS: Final = ("DataFrameQueryContextLogger", "SQLQueryContextLogger")
"""Loggers of pyspark that print Spark's errors, with their values and stack traces, before we can translate them."""
_QUIET_LOG: Final = Path(__file__).with_name("log4j2.properties")
_END_SECONDS: Final = 10.0  # platforms that terminate a run give it some 30 before they kill it

# Without these the answers would be other ones, so they are not for the user to choose.
_CORRECTNESS: Final = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.csv.parser.columnPruning.enabled": "false",  # pruning hides malformed rows
    "spark.sql.parquet.mergeSchema": "false",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",  # store=007 is text, not seven
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # else one column of pandas' timestamps stops the run
    "spark.sql.variable.substitute": "false",  # a level called ${env:HOME} is a text like any other
    "spark.sql.legacy.javaCharsets": "true",  # windows-1252 is real
}
_COMFORT: Final = {
    "spark.ui.showConsoleProgress": "false",  # it would garble our own progress
    "spark.sql.debug.maxToStringFields": "100",
    "spark.python.sql.dataFrameDebugging.enabled": "false",  # a call site per column costs wide tables seconds
    # a cached frame may have few partitions too: 200 tiny ones take seconds
    "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning": "true",
    # Java leaves a method of more than 8,000 bytes to its interpreter; Spark runs smaller ones instead
    "spark.sql.codegen.hugeMethodLimit": "8000",
}


def start_session(
    app_name: str, log_config: Path | None = None, *, with_catalog: bool = False, is_small: bool = False
) -> SparkSession:
    """Start Spark (or join the one that spark-submit started).

    The master, memory and everything else come from spark-submit; started without it, Spark runs
    in local mode on all cores, with the log4j2 file `log_config` (errors only, if it is not there).
    Local mode knows the tables of the catalog in the current folder (`metastore_db`, `spark-warehouse`)
    if it is started `with_catalog`; elsewhere the platform decides which catalog there is. A run that
    `is_small` ends before Java's slower compiler would pay, so local mode does without it.
    Raises PlatformError if Java or Python is too old, or Spark does not start.
    """
    if sys.version_info < OLDEST_PYTHON:
        raise PlatformError(
            f"Python {sys.version.split()[0]} is too old; expected {'.'.join(map(str, OLDEST_PYTHON))} or newer"
        )
    builder = SparkSession.builder.appName(app_name)
    options = dict(_CORRECTNESS)
    if is_submitted():
        chosen = SparkConf()
        options |= {key: value for key, value in _COMFORT.items() if not chosen.contains(key)}
    else:
        java = _prepare_local_environment()
        options |= _COMFORT | {"spark.ui.enabled": "false", "spark.driver.memory": f"{driver_memory_gib()}g"}
        log_file = log_config if log_config is not None and log_config.is_file() else _QUIET_LOG
        log_option = f'"-Dlog4j2.configurationFile={log_file.resolve().as_uri()}"'
        options["spark.driver.extraJavaOptions"] = f"{log_option} {local_java_options(java, is_small=is_small)}"
        builder = builder.master("local[*]")
        if with_catalog:
            builder = builder.enableHiveSupport()
    for key, value in options.items():
        builder = builder.config(key, value)
    try:
        session = builder.getOrCreate()
    except (PySparkException, Py4JError, OSError, RuntimeError) as error:
        raise PlatformError(f"Spark did not start: {_reason(error)}") from error
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    session.sparkContext.setLogLevel(
        "FATAL"
    )  # Spark's errors are translated; its own texts may hold values of customers
    return session


def is_submitted() -> bool:
    """Whether spark-submit started this process."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def task_counter(spark: SparkSession) -> Callable[[], tuple[int, int] | None]:
    """A function that counts the tasks of Spark's running stages, as (done, planned)."""
    tracker = spark.sparkContext.statusTracker()

    def count() -> tuple[int, int] | None:
        try:
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        except (Py4JError, OSError):
            return None  # Spark is stopping; a missing count must not fail the run
        running = [stage for stage in stages if stage is not None]
        if not running:
            return None
        return sum(stage.numCompletedTasks for stage in running), sum(stage.numTasks for stage in running)

    return count


@contextmanager
def ending_work(spark: SparkSession) -> Iterator[None]:
    """When the block fails, end what Spark still does for it, so that files removed afterwards stay removed.

    A task that goes on would write its files anew. What has not ended after 10 seconds is left to itself.
    """
    try:
        yield
    except BaseException:
        with suppress(Py4JError, OSError):  # a Spark that is gone does nothing
            spark.sparkContext.cancelAllJobs()
            deadline = time.monotonic() + _END_SECONDS
            while is_working(spark) and time.monotonic() < deadline:
                time.sleep(0.05)
                spark.sparkContext.cancelAllJobs()  # a query that was being planned has its job by now
        raise


def is_working(spark: SparkSession) -> bool:
    """Whether a query or a write has not come to its end (the driver too removes files by then), or a task runs.

    A write that is cancelled ends before its tasks do. They are counted by the scheduler itself: Spark's status
    leaves out for up to 100 ms what it deems too recent.
    """
    context = spark.sparkContext._jsc.sc()
    context.listenerBus().waitUntilEmpty()  # what the list of queries is made from
    queries = spark._jsparkSession.sharedState().statusStore().executionsList()
    if any(queries.apply(index).completionTime().isEmpty() for index in range(queries.size())):
        return True
    running = context.taskScheduler().runningTasksByExecutors().valuesIterator()
    while running.hasNext():
        if running.next():
            return True
    return False


def is_one_machine(spark: SparkSession) -> bool:
    """Whether driver and executors share this machine's disks (local and local-cluster masters)."""
    return (spark.sparkContext.master or "").startswith("local")


def check_reachable(spark: SparkSession, settings: Settings) -> None:
    """Raise PlatformError if executors on other machines would write to disks of their own."""
    if path_scheme(settings.output.path) != "file":
        return
    if not is_one_machine(spark) and not settings.output.shared_filesystem:
        raise PlatformError(
            f"output.path: {settings.output.path} is a local folder, but the master is {spark.sparkContext.master}: "
            "executors on other machines would write to their own disks; if all machines share the folder, "
            "set output.shared_filesystem: true"
        )


def _prepare_local_environment() -> str:
    """Point Spark's launcher at this Python, this pyspark and a Java that runs, whatever the environment says.

    Returns the path of that Java.
    """
    java, _ = find_java()
    home = Path(java).resolve().parent.parent
    if (home / "bin" / "java").exists():
        os.environ["JAVA_HOME"] = str(home)
    else:
        os.environ.pop("JAVA_HOME", None)  # a shim: the PATH leads to it, no home does
    os.environ["SPARK_HOME"] = str(Path(pyspark.__file__).parent)
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # cures a host name that does not resolve
    for stale in ("PYSPARK_SUBMIT_ARGS", "SPARK_CONF_DIR"):
        if os.environ.pop(stale, None) is not None:
            log.info("%s is ignored in local mode; use spark-submit to pass options", stale)
    return java


def _reason(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    first = text[0] if text else type(error).__name__
    hints = [f"{name}={os.environ[name]}" for name in ("JAVA_HOME", "SPARK_HOME") if name in os.environ]
    return f"{first[:300]} ({', '.join(hints)})" if hints else first[:300]
