"""Stores on loopback: an S3 of moto, an HDFS of Hadoop's own test cluster, and what Java needs to reach them."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyspark
from processes import PROJECT
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

SPARK_JARS = Path(pyspark.__file__).parent / "jars"
SECRET = "hunter2-a-secret-of-nobody"
"""What S3 is asked with; it must be in no file and no log."""


def fetched_jars(folder: Path, *options: str) -> list[Path]:
    """What spark-submit fetches from Maven Central with some options, in a folder."""
    script = folder / "nothing.py"
    folder.mkdir(parents=True, exist_ok=True)
    script.write_text("from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate()\n", encoding="utf-8")
    done = subprocess.run(
        [*spark_submit(folder), *options, str(script)],
        env=spark_variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return sorted((folder / "jars").glob("*.jar"))


def s3_jars(folder: Path) -> list[Path]:
    """What conf/spark-s3.conf names."""
    return fetched_jars(folder, "--properties-file", str(PROJECT / "conf/spark-s3.conf"))


def hdfs_jars(folder: Path) -> list[Path]:
    """Hadoop's test cluster, in the version of PySpark's own Hadoop."""
    [client] = SPARK_JARS.glob("hadoop-client-api-*.jar")
    version = client.stem.removeprefix("hadoop-client-api-")
    ours = "org.apache.hadoop:hadoop-client-api,org.apache.hadoop:hadoop-client-runtime"
    found = fetched_jars(
        folder, "--packages", f"org.apache.hadoop:hadoop-client-minicluster:{version}", "--exclude-packages", ours
    )
    return [path for path in found if "minicluster" in path.name]


def spark_submit(ivy: Path) -> list[str]:
    """The words before the script; what is fetched goes to a folder of the tests."""
    command = str(Path(sys.executable).with_name("spark-submit"))
    settings = (f"spark.jars.ivy={ivy}", "spark.ui.enabled=false")
    return [
        command, "--master", "local[2]", "--driver-memory", "2g", "--driver-java-options", "-XX:TieredStopAtLevel=1",
        *(word for one in settings for word in ("--conf", one)),
    ]  # fmt: skip


def spark_variables() -> dict[str, str]:
    """The environment of a spark-submit that finds this Python and this package."""
    return os.environ | {
        "SPARK_HOME": str(SPARK_JARS.parent),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(PROJECT),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def java_process(jars: list[Path], options: Mapping[str, str]) -> tuple[JavaGateway, Any]:
    """Java with PySpark's libraries and others, without Spark; and a Hadoop configuration with some options."""
    port = launch_gateway(
        classpath=os.pathsep.join([*map(str, jars), f"{SPARK_JARS}/*"]),
        jarpath=str(next(SPARK_JARS.glob("py4j*.jar"))),
        javaopts=["-Xmx1g", "-XX:TieredStopAtLevel=1"],
        redirect_stderr=subprocess.DEVNULL,
        redirect_stdout=subprocess.DEVNULL,
        die_on_exit=True,
    )
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))
    configuration = gateway.jvm.org.apache.hadoop.conf.Configuration()
    for name, value in options.items():
        configuration.set(name, value)
    return gateway, configuration


@contextmanager
def hdfs_server(folder: Path, jars: list[Path]) -> Iterator[str]:
    """The URL of an HDFS of one node that keeps its blocks in a folder."""
    gateway, configuration = java_process(jars, {"hdfs.minidfs.basedir": str(folder)})
    try:
        cluster = gateway.jvm.org.apache.hadoop.hdfs.MiniDFSCluster.Builder(configuration).numDataNodes(1).build()
        cluster.waitActive()
        yield f"hdfs://127.0.0.1:{cluster.getNameNodePort()}"
    finally:
        gateway.shutdown()


@contextmanager
def s3_server(port: int | None = None) -> Iterator[str]:
    """The endpoint of an S3 that keeps a bucket named `bucket` in memory.

    The program moto_server (`pip install moto[server]`) lies in an environment of its own, at the end of PATH: its
    dependencies do not go with ours.
    """
    port = port or free_port()
    server = subprocess.Popen(
        ["moto_server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60.0
        while True:
            try:
                request = urllib.request.Request(f"{endpoint}/bucket", method="PUT")
                urllib.request.urlopen(request, timeout=5.0).close()
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise
                time.sleep(0.2)
        yield endpoint
    finally:
        server.kill()
        server.wait()


def s3_options(endpoint: str) -> dict[str, str]:
    """What Hadoop must be told of an S3 that is not Amazon's."""
    return {
        "fs.s3a.endpoint": endpoint,
        "fs.s3a.path.style.access": "true",
        "fs.s3a.attempts.maximum": "3",
        "fs.s3a.retry.limit": "3",
    }


def s3_variables(endpoint: str) -> dict[str, str]:
    """What a user of that S3 sets in the environment."""
    return {
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
    }


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
