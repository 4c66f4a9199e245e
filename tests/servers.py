"""On loopback: an S3 of moto, an HDFS of Hadoop's own test cluster, what Java needs to reach them, a Spark cluster."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyspark
from processes import PROJECT
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from pyarrow.fs import S3FileSystem

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


def s3_submit(ivy: Path, endpoint: str) -> list[str]:
    """The same with what a job on S3 needs."""
    options = [f"spark.hadoop.{name}={value}" for name, value in s3_options(endpoint).items()]
    words = [word for one in options for word in ("--conf", one)]
    return [*spark_submit(ivy), "--properties-file", str(PROJECT / "conf/spark-s3.conf"), *words]


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

    The program moto_server must be on PATH: `make_stores` in scripts/environment.sh installs it.
    """
    port = port or free_port()
    server = subprocess.Popen(
        ["moto_server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with _with_bucket(server, f"http://127.0.0.1:{port}") as endpoint:
        yield endpoint


@contextmanager
def strict_s3_server(folder: Path) -> Iterator[str]:
    """The endpoint of an S3 that refuses wrong secrets, and keeps a bucket named `bucket` in a folder: SeaweedFS.

    The program weed must be on PATH: scripts/test-faults installs it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    variables = s3_variables("")
    credentials = {"accessKey": variables["AWS_ACCESS_KEY_ID"], "secretKey": variables["AWS_SECRET_ACCESS_KEY"]}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    users = folder / "users.json"
    identities = [{"name": "tester", "credentials": [credentials], "actions": actions}]
    users.write_text(json.dumps({"identities": identities}), encoding="utf-8")
    ports = free_port_pairs(4)
    parts = ("master.port", "volume.port", "filer.port", "s3.port")
    words = [f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-filer", "-s3"]
    words += [f"-{part}={port}" for part, port in zip(parts, ports, strict=True)]
    words += ["-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={users}"]
    server = subprocess.Popen(
        ["weed", "server", *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with _with_bucket(server, f"http://127.0.0.1:{ports[-1]}") as endpoint:
        yield endpoint


@contextmanager
def _with_bucket(server: "subprocess.Popen[bytes]", endpoint: str) -> Iterator[str]:
    """The endpoint, once its server has made the bucket; the server ends with the block."""
    variables = s3_variables(endpoint)
    try:
        store = S3FileSystem(
            access_key=variables["AWS_ACCESS_KEY_ID"],
            secret_key=variables["AWS_SECRET_ACCESS_KEY"],
            endpoint_override=endpoint,
            allow_bucket_creation=True,
        )
        deadline = time.monotonic() + 60.0
        while True:
            try:
                store.create_dir("bucket")
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise
                time.sleep(0.2)
        yield endpoint
    finally:
        server.kill()
        server.wait()


@dataclass
class Proxy:
    """What stands between the job and a server: `fault` is asked of each request (method, path) what happens to it.

    A number answers with that status; "cut" ends the connection before the server has heard of the request, "lost"
    after it has done what was asked.
    """

    url: str
    endpoint: str
    fault: Callable[[str, str], int | str | None] = lambda method, path: None


@contextmanager
def proxy(endpoint: str) -> Iterator[Proxy]:
    """A proxy in front of an HTTP server of loopback."""
    address = endpoint.removeprefix("http://")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = between.fault(self.command, self.path)
            if isinstance(fault, int):
                self.answer(fault, [], b"")
                return
            if fault != "cut":
                connection = HTTPConnection(address, timeout=60)
                with closing(connection):
                    connection.request(self.command, self.path, body, dict(self.headers.items()))
                    answer = connection.getresponse()
                    content = answer.read()
            if fault is not None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.answer(answer.status, answer.getheaders(), content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = forward  # noqa: N815

        def answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            length = str(len(content))
            for name, value in headers:
                if self.command == "HEAD" and name.lower() == "content-length":
                    length = value
                elif name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    between = Proxy(f"http://127.0.0.1:{server.server_port}", endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield between
    finally:
        server.shutdown()
        server.server_close()


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


def free_port_pairs(count: int) -> list[int]:
    """Ports of loopback that nobody uses now, nor the port 10,000 above each, where SeaweedFS listens too."""
    found: list[int] = []
    for port in range(20_000 + os.getpid() % 10_000, 45_000, 7):
        with socket.socket() as one, socket.socket() as other, suppress(OSError):
            one.bind(("127.0.0.1", port))
            other.bind(("127.0.0.1", port + 10_000))
            found.append(port)
        if len(found) == count:
            return found
    raise OSError("no free ports")


@dataclass
class SparkCluster:
    """A standalone Spark of a master and two workers, each with one core and a group of processes of its own.

    Where the tests are allowed to, the workers run as another user, who can neither read nor write what belongs to the
    driver. They know none of its variables (no credentials, no Python).
    """

    folder: Path
    url: str
    status_url: str
    user: str | None
    daemons: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def start_daemon(self, name: str, *words: str) -> "subprocess.Popen[bytes]":
        folder = self.folder / f"{len(self.daemons)}"
        folder.mkdir()
        if self.user is not None:
            shutil.chown(folder, self.user)
        kept = ("PATH", "JAVA_HOME", "LANG")
        variables = {name: os.environ[name] for name in kept if name in os.environ} | {
            "SPARK_HOME": str(SPARK_JARS.parent),
            "SPARK_DAEMON_MEMORY": "512m",
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",  # its port is the same for every master
            "SPARK_LOCAL_DIRS": str(folder),
            "LOCAL_DIRS": str(folder),
        }
        with (self.folder / f"{len(self.daemons)}.log").open("wb") as log:
            daemon = subprocess.Popen(
                [str(SPARK_JARS.parent / "bin/spark-class"), f"org.apache.spark.deploy.{name}", *words],
                cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True,
                **as_user(self.user),
            )  # fmt: skip
        self.daemons.append(daemon)
        return daemon

    def start_worker(self) -> "subprocess.Popen[bytes]":
        """One more worker, and wait until the master knows it."""
        known = self.workers()
        words = ["--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g", "--work-dir", "."]
        daemon = self.start_daemon("worker.Worker", *words, self.url)
        deadline = time.monotonic() + 120
        while self.workers() <= known:
            assert daemon.poll() is None, "the worker has ended"
            assert time.monotonic() < deadline, "the master does not know the worker"
            time.sleep(0.2)
        return daemon

    def workers(self) -> set[str]:
        """All workers that the master has known."""
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{self.status_url}/json/", timeout=5.0) as answer:
                    return {worker["id"] for worker in json.load(answer)["workers"]}
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


@contextmanager
def spark_cluster() -> Iterator[SparkCluster]:
    """A standalone Spark of PySpark's own libraries, without workers at first."""
    folder = Path(tempfile.mkdtemp(prefix="spark-cluster-"))
    folder.chmod(0o755)
    port, status_port = free_port(), free_port()
    url = f"spark://127.0.0.1:{port}"
    cluster = SparkCluster(folder, url, f"http://127.0.0.1:{status_port}", another_user())
    try:
        words = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(status_port)]
        cluster.start_daemon("master.Master", *words)
        yield cluster
    finally:
        for daemon in cluster.daemons:
            with suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)


def as_user(name: str | None) -> dict[str, Any]:
    """What subprocess needs to be told for a process of another user, nothing without a name."""
    return {} if name is None else {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


def another_user() -> str | None:
    """A user without rights who can run Spark, if the tests may start processes of other users."""
    if os.getuid() != 0:
        return None
    with suppress(KeyError):
        user = pwd.getpwnam("nobody").pw_name
        command = [str(SPARK_JARS.parent / "bin/spark-class"), "org.apache.spark.deploy.worker.Worker", "--help"]
        probe = subprocess.run(command, cwd="/", capture_output=True, check=False, **as_user(user))
        return user if b"Usage: Worker" in probe.stdout + probe.stderr else None
    return None
