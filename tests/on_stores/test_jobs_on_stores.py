"""The real job by spark-submit, with its output on S3 and HDFS of loopback, while servers and processes fail."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from on_stores.conftest import RUN_DATE, Bench, Place, labels_in
from processes import PROJECT, SEG_SPARK
from pyspark.sql import SparkSession
from servers import SECRET, Proxy, s3_submit, spark_submit, spark_variables

from seg_spark import published_files
from seg_spark.storage.commits import commit_entries, latest_commit
from seg_spark.storage.hadoop_store import HadoopStore
from seg_spark.storage.readers import files_at
from seg_spark.storage.store import Files

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

S3_OUTPUT = "s3a://bucket/output"


def start(bench: Bench, submit: Sequence[str], script: Path, *words: str) -> "subprocess.Popen[str]":
    """Start a job; what it says goes to a file of its own, which is its `args`' last word."""
    bench.jobs.append(bench.folder / f"job-{len(bench.jobs)}.log")
    with bench.jobs[-1].open("w", encoding="utf-8") as log:
        return subprocess.Popen(
            [*submit, str(script), *words],
            env=spark_variables(), stdout=log, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip


def publish(bench: Bench, submit: Sequence[str], variant: str, output: str, *more: str) -> int:
    """Publish one of the inputs, and the exit code of that."""
    return start(bench, submit, PROJECT / "jobs/nightly.py", *bench.words(variant, output), *more).wait()


def said(bench: Bench, job: int = -1) -> str:
    """The end of what a job has said."""
    return bench.jobs[job].read_text(encoding="utf-8")[-4000:]


def seg_spark(output: str, command: str, *words: str) -> str:
    """What a command without Spark shows."""
    asked = [sys.executable, "-c", SEG_SPARK, command, "--set", f"output.path={output}", *words]
    done = subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_below(files: Files, folder: str = "") -> list[str]:
    found = []
    for one in files.entries(folder):
        path = f"{folder}/{one.name}".lstrip("/")
        found += files_below(files, path) if one.is_folder else [path]
    return found


def runs_with_files(output: str) -> set[str]:
    """The runs of which tables or models are there."""
    return {match[1] for path in files_below(files_at(output)) if (match := re.search(r"/run_id=([^/]+)/", path))}


def runs_in_commits(output: str) -> set[str]:
    files = files_at(output)
    last = latest_commit(files)
    return {one.run_id for one in last.tables.values()}


@pytest.fixture(scope="module")
def submit_s3(bench: Bench, s3: Proxy) -> list[str]:
    """The words before a job on S3."""
    return s3_submit(bench.folder / "ivy", s3.url)


@pytest.fixture(scope="module")
def published_s3(bench: Bench, submit_s3: list[str]) -> str:
    """An output on S3 in which variant A is published."""
    assert publish(bench, submit_s3, "A", S3_OUTPUT) == 0, said(bench)
    return S3_OUTPUT


def test_s3_has_the_labels_of_a_local_disk_and_serves_all_readers(bench: Bench, published_s3: str) -> None:
    assert bench.published_in(published_s3) == "A"
    assert runs_with_files(published_s3) == runs_in_commits(published_s3)
    readers_without_spark(published_s3)
    words = [sys.executable, "-c", SEG_SPARK, "nightly", *bench.words("A", published_s3), "--dry-run"]
    plan = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert f"customer_segments/run_date={RUN_DATE}/run_id=<run_id>: replaces" in plan


def readers_without_spark(output: str) -> None:
    assert "3 segments, 195 customers" in seg_spark(output, "segments")
    assert json.loads(seg_spark(output, "predict", "income=20", "score=20", "--json"))["segment_id"] >= 1
    assert "succeeded" in seg_spark(output, "runs")
    assert RUN_DATE in seg_spark(output, "report", "--run-date", RUN_DATE)


def test_a_job_on_s3_ends_well_without_the_address_that_only_readers_take_from_a_variable(
    bench: Bench, submit_s3: list[str], published_s3: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ENDPOINT_URL")
        assert publish(bench, submit_s3, "A", published_s3) == 0, said(bench)
    assert "nothing to do: run " in said(bench)


@pytest.mark.parametrize("command", ["segments", "runs", "doctor"])
def test_a_bucket_that_is_not_there_is_not_taken_for_an_empty_one(s3: Proxy, command: str) -> None:
    asked = [sys.executable, "-c", SEG_SPARK, command, "--set", "output.path=s3a://absent/output"]
    done = subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "s3a://absent/output cannot be reached: there is no such bucket (AWS_ENDPOINT_URL is set)" in "".join(
        (done.stdout + done.stderr).splitlines()
    )


def test_pyarrow_reads_s3_by_the_lines_of_the_docs(published_s3: str) -> None:
    page = (PROJECT / "docs/stores.md").read_text(encoding="utf-8")
    [program] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    program = program.replace("s3://bucket/path", published_s3.replace("s3a:", "s3:"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts = [int(line.split()[1]) for line in done.stdout.splitlines() if re.fullmatch(r"\d+ +\d+", line)]
    assert sum(counts) == len(labels_in(published_s3))


def test_duckdb_reads_s3_by_the_script_of_the_docs(s3: Proxy, published_s3: str) -> None:
    page = (PROJECT / "docs/tables.md").read_text(encoding="utf-8")
    script = page[page.index("SET VARIABLE output") : page.index("```", page.index("SET VARIABLE output"))]
    script = script.replace("= 'output';", f"= '{published_s3.replace('s3a:', 's3:')}';")
    moto_server = shutil.which("moto_server")
    assert moto_server is not None
    python = Path(moto_server).with_name("python3")  # has a DuckDB whose extension for S3 is on PyPI
    program = (
        "import duckdb, duckdb_extensions, json, sys\n"
        "duckdb_extensions.import_extension('httpfs')\n"
        "duckdb.sql('LOAD httpfs')\n"
        f"duckdb.sql(\"CREATE SECRET (TYPE s3, KEY_ID 'tester', SECRET '{SECRET}', URL_STYLE 'path', USE_SSL false, "
        f"ENDPOINT '{s3.endpoint.removeprefix('http://')}')\")\n"
        "*variables, query = sys.stdin.read().strip().rstrip(';').split(';\\n')\n"
        "[duckdb.execute(one) for one in variables]\n"
        "print(json.dumps(dict(duckdb.sql(query).fetchall())))\n"
    )
    done = subprocess.run([python, "-c", program], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = [name for _, _, name, *_ in labels_in(published_s3)]
    assert json.loads(done.stdout) == {name: names.count(name) for name in names}


def test_spark_reads_s3_by_the_list_of_files_and_by_the_location_of_a_catalog(
    bench: Bench, submit_s3: list[str], published_s3: str, tmp_path: Path
) -> None:
    page = (PROJECT / "docs/stores.md").read_text(encoding="utf-8")
    statements = page[page.index("ALTER TABLE customer_segments ADD") : page.index("```", page.index("ALTER TABLE"))]
    [first, *_] = published_files(published_s3, "customer_segments", RUN_DATE)
    statements = re.sub(r"'s3a://[^']+'", f"'{first.rpartition('/')[0]}'", statements)
    script = tmp_path / "read.py"
    script.write_text(
        "import json, sys\n"
        "from pyspark.sql import SparkSession\n"
        "from seg_spark import published_files\n"
        "spark = SparkSession.builder.enableHiveSupport().getOrCreate()\n"
        f"listed = spark.read.parquet(*published_files({published_s3!r}, 'customer_segments'))\n"
        "columns = listed.drop('run_date').schema\n"
        "definition = ', '.join(f'`{one.name}` {one.dataType.simpleString()}' for one in columns)\n"
        "spark.sql(f'CREATE EXTERNAL TABLE customer_segments ({definition}) PARTITIONED BY (run_date STRING) '\n"
        f"          \"STORED AS PARQUET LOCATION '{published_s3}/customer_segments'\")\n"
        f"for statement in {[one.strip() for one in statements.split(';') if one.strip()]!r}:\n"
        "    spark.sql(statement)\n"
        "rows = spark.table('customer_segments')\n"
        f"assert {{row.run_date for row in rows.select('run_date').distinct().collect()}} == {{{RUN_DATE!r}}}\n"
        "print('COUNTS', json.dumps([listed.count(), rows.count(), rows.select('customer_id').distinct().count()]))\n",
        encoding="utf-8",
    )
    metastore = f"jdbc:derby:;databaseName={tmp_path}/metastore;create=true"
    options = {
        "spark.sql.warehouse.dir": str(tmp_path / "warehouse"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": metastore,
    }
    words = [word for name, value in options.items() for word in ("--conf", f"{name}={value}")]
    assert start(bench, [*submit_s3, *words], script).wait() == 0, said(bench)
    count = len(labels_in(published_s3))
    assert re.findall(r"^COUNTS (.*)$", said(bench), re.MULTILINE) == [json.dumps([count] * 3)]


def test_of_two_runs_at_once_on_s3_one_publishes(bench: Bench, submit_s3: list[str], published_s3: str) -> None:
    nightly = PROJECT / "jobs/nightly.py"
    runs = [start(bench, submit_s3, nightly, *bench.words(name, published_s3), "--force") for name in ("A", "B")]
    codes = [one.wait() for one in runs]
    assert sorted(codes) == [0, 75], said(bench, -2) + said(bench)
    assert bench.published_in(published_s3) == "AB"[codes.index(0)]
    assert f"has published {RUN_DATE}" in said(bench, -2 + codes.index(75))


def test_a_killed_run_leaves_the_old_labels_and_the_next_publishes_though_the_server_fails_at_times(
    bench: Bench, s3: Proxy, submit_s3: list[str], published_s3: str
) -> None:
    old = bench.published_in(published_s3)
    new = "B" if old == "A" else "A"
    last = max(commit_entries(files_at(published_s3)))
    words = [*bench.words(new, published_s3), "--force"]
    process = start(bench, submit_s3, PROJECT / "jobs/nightly.py", *words)
    when_some_labels_are_written(s3, process)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert bench.published_in(published_s3) == old
    assert max(commit_entries(files_at(published_s3))) == last

    seen: list[str] = []

    def at_times(method: str, path: str) -> int | str | None:
        seen.append(f"{method} {path}")
        if method == "PUT" and f"{last + 1:08}.json" in path:
            return "lost" if seen.count(seen[-1]) == 1 else None
        return {0: 503, 5: 500, 10: "cut"}.get(len(seen) % 15)

    s3.fault = at_times
    try:
        assert publish(bench, submit_s3, new, published_s3, "--force") == 0, said(bench)
    finally:
        s3.fault = lambda method, path: None
    assert len([one for one in seen if one.startswith("PUT") and f"{last + 1:08}.json" in one]) >= 2
    assert bench.published_in(published_s3) == new


def command_of(process: psutil.Process) -> str:
    """The command line of a process, nothing of one that has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def when_some_labels_are_written(s3: Proxy, process: "subprocess.Popen[str]") -> None:
    """Wait until the job has sent a file of labels to the store."""
    sent: list[str] = []

    def watch(method: str, path: str) -> None:
        if method == "PUT" and "/customer_segments/" in path:
            sent.append(path)

    s3.fault = watch
    deadline = time.monotonic() + 300
    while not sent and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    s3.fault = lambda method, path: None
    assert sent, "the job has sent no labels"


def test_a_server_that_fails_for_good_ends_the_run_and_changes_nothing(
    bench: Bench, s3: Proxy, submit_s3: list[str], published_s3: str
) -> None:
    old = bench.published_in(published_s3)
    failing: list[str] = []

    def for_good(method: str, path: str) -> int | None:
        if failing or (method == "PUT" and "/customer_segments/" in path):
            failing.append(path)
            return 500
        return None

    s3.fault = for_good
    try:
        code = publish(bench, submit_s3, "B" if old == "A" else "A", published_s3, "--force")
    finally:
        s3.fault = lambda method, path: None
    assert code == 4, said(bench)
    assert failing
    assert "the file store cannot be reached or answers with an error" in said(bench)
    assert bench.published_in(published_s3) == old


def test_a_terminated_run_ends_soon_with_a_record_and_leaves_nothing(bench: Bench, place: Place) -> None:
    output = f"{place.url}/terminated"
    assert publish(bench, place.submit, "A", output) == 0, said(bench)
    before = runs_with_files(output)
    process = start(bench, place.submit, PROJECT / "jobs/nightly.py", *bench.words("B", output))
    when_there_are_files_of_two_runs(output, process)
    [job] = [one for one in psutil.Process(process.pid).children(recursive=True) if "nightly.py" in command_of(one)]
    clock = time.monotonic()
    job.terminate()
    assert process.wait() == 143, said(bench)
    assert time.monotonic() - clock < 20
    assert bench.published_in(output) == "A"
    assert runs_with_files(output) == before
    [told] = [line for line in seg_spark(output, "runs").splitlines() if "143" in line]
    assert "failed" in told


def when_there_are_files_of_two_runs(output: str, process: "subprocess.Popen[str]") -> None:
    """Wait until a job that publishes again has begun to write."""
    deadline = time.monotonic() + 300
    while len(runs_with_files(output)) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)


def test_s3_that_cannot_create_only_if_absent_is_refused_unless_nobody_else_writes(
    bench: Bench, s3: Proxy, submit_s3: list[str]
) -> None:
    without = [*submit_s3, "--conf", "spark.hadoop.fs.s3a.create.conditional.enabled=false"]
    output = "s3a://bucket/single"
    assert publish(bench, without, "A", output) == 4
    assert "publish.allow_single_writer: true" in said(bench)
    assert files_below(files_at(output)) == []
    assert publish(bench, without, "A", output, "--set", "publish.allow_single_writer=true") == 0, said(bench)
    assert bench.published_in(output) == "A"


def test_an_input_on_s3_that_has_not_changed_is_not_read_again(bench: Bench, s3: Proxy, submit_s3: list[str]) -> None:
    output, source = "s3a://bucket/from-s3", "s3://bucket/input"  # as EMR calls it
    for part in (bench.folder / "A" / "input").iterdir():
        files_at(source).write(part.name, part.read_bytes())
    words = ["--set", f"input.path={source}"]
    assert publish(bench, submit_s3, "A", output, *words) == 0, said(bench)
    assert publish(bench, submit_s3, "A", output, *words) == 0, said(bench)
    assert "nothing to do: run " in said(bench)
    assert bench.published_in(output) == "A"
    files_at(source).write("more.csv", (bench.folder / "A" / "input" / "part-000.csv").read_bytes())
    assert publish(bench, submit_s3, "A", output, *words) == 0, said(bench)
    assert "nothing to do" not in said(bench)


def test_a_date_is_rolled_back_and_a_customer_forgotten(bench: Bench, place: Place) -> None:
    output, command = f"{place.url}/operations", PROJECT / "jobs/command.py"
    for variant in ("A", "B"):
        assert publish(bench, place.submit, variant, output) == 0, said(bench)
    assert start(bench, place.submit, command, "rollback", *bench.words("B", output)).wait() == 0, said(bench)
    assert bench.published_in(output) == "A"
    gone = bench.expected["A"][0][0]
    ids = bench.folder / "ids"
    ids.write_text(gone, encoding="utf-8")
    forget = ["forget", "--file", str(ids)]
    assert start(bench, place.submit, command, *forget, *bench.words("A", output)[2:]).wait() == 3, said(bench)
    assert "1 rows are of customers to be forgotten" in said(bench)
    without = bench.folder / "C" / "input"
    without.mkdir(parents=True, exist_ok=True)
    for part in (bench.folder / "A" / "input").iterdir():
        lines = part.read_text(encoding="utf-8").splitlines(keepends=True)
        (without / part.name).write_text(
            "".join(one for one in lines if not one.startswith(f"{gone},")), encoding="utf-8"
        )
    assert start(bench, place.submit, command, *forget, *bench.words("C", output)[2:]).wait() == 0, said(bench)
    assert gone not in said(bench)
    assert labels_in(output) == bench.expected["A"][1:]
    files = files_at(output)
    for path in files_below(files):
        if path.endswith(".parquet"):
            with closing(files.open_input(path)) as file:
                assert gone not in str(pq.ParquetFile(file).read().to_pylist()), path
        assert gone.encode() not in files.read(path), path
    assert start(bench, place.submit, command, "rollback", *bench.words("C", output), "--to", "x").wait() == 3


def test_the_secret_of_s3_is_in_no_file_and_in_no_log(bench: Bench, published_s3: str) -> None:
    logs = [path for path in bench.folder.rglob("*") if path.is_file() and path.suffix != ".jar"]
    assert set(bench.jobs) <= set(logs)
    assert [path for path in logs if SECRET.encode() in path.read_bytes()] == []
    files = files_at("s3a://bucket")
    paths = files_below(files)
    assert any(path.startswith("output/runs/") for path in paths)
    assert [path for path in paths if SECRET.encode() in files.read(path)] == []


def test_hdfs_publishes_again_after_a_kill_and_serves_readers(bench: Bench, hdfs: str) -> None:
    output = f"{hdfs}/output"
    submit = spark_submit(bench.folder / "ivy")
    assert publish(bench, submit, "A", output) == 0, said(bench)
    assert bench.published_in(output) == "A"
    assert runs_with_files(output) == runs_in_commits(output)
    readers_without_spark(output)
    process = start(bench, submit, PROJECT / "jobs/nightly.py", *bench.words("B", output))
    when_there_are_files_of_two_runs(output, process)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert bench.published_in(output) == "A"
    assert publish(bench, submit, "B", output) == 0, said(bench)
    assert bench.published_in(output) == "B"


def test_of_many_writers_on_hdfs_one_creates_a_file(spark: SparkSession, hdfs: str) -> None:
    store = HadoopStore.of(f"{hdfs}/writers", spark)
    for path in ("commits/1", "commits/2", "commits/3"):
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda number, path=path: store.create(path, b"%d" % number), range(8)))
        assert sorted(told) == [False] * 7 + [True]
        assert store.read(path) == b"%d" % told.index(True)
    assert [one.name for one in store.entries("commits")] == ["1", "2", "3"]
