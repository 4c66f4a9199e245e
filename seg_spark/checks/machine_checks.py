"""Whether Spark will run on this machine: Python, Java, packages, memory, disks. Needs no Spark."""

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from seg_spark.machine import (
    GIB,
    JAVAS_WITHOUT_ARCHIVE,
    OLDEST_JAVA,
    OLDEST_PYTHON,
    driver_memory_gib,
    find_archive,
    find_java,
    installed,
    memory_bytes,
    memory_limit_bytes,
)
from seg_spark.reporting.summary import Finding, readable_bytes

Version = tuple[int, ...]

PACKAGES: Final[Mapping[str, tuple[Version, Version | None]]] = {
    "pyspark": ((4, 0), (5,)),
    "pandas": ((2, 2), (3,)),
    "pyarrow": ((21,), None),
    "numpy": ((1, 26), None),
}
"""The oldest supported version, and the first that is not supported any more; as pyproject.toml has them."""
_NEWEST_JAVA: Final = 25
_NEWEST_JAVA_BEFORE: Final = ((4, 2), 21)
"""Before Spark 4.2, Hadoop calls a method that newer Javas lack."""
_BESIDE_THE_DRIVER_GIB: Final = 0.5
"""What Python, and Java outside its heap, take at least."""
_FULL_BYTES: Final = 100 * 1024**2
_LITTLE_BYTES: Final = GIB
_INPUT_COPIES: Final = 2
"""A run publishes all customers while the version it replaces is kept."""


def check_python() -> Iterator[Finding]:
    """Is this Python new enough?"""
    version = platform.python_version()
    oldest = ".".join(map(str, OLDEST_PYTHON))
    if sys.version_info < OLDEST_PYTHON:
        yield Finding("fault", "Python", f"{version} is too old", f"use {oldest} or newer")
    else:
        yield Finding("ok", "Python", f"{version} ({sys.executable})")


def check_java() -> Iterator[Finding]:
    """Which Java will Spark use, and does it know it?"""
    java, version = find_java()
    spark = installed("pyspark")
    before, older_limit = _NEWEST_JAVA_BEFORE
    newest = older_limit if spark is not None and _numbers(spark) < before else _NEWEST_JAVA
    if version > newest:
        yield Finding(
            "warning",
            "Java",
            f"{version} ({java}) is newer than Spark {spark or ''} is known to run on",
            f"point JAVA_HOME to a Java from {OLDEST_JAVA} to {newest}",
        )
    else:
        yield Finding("ok", "Java", f"{version} ({java})")
    home = os.environ.get("JAVA_HOME")
    if home and Path(java) != Path(home) / "bin" / "java":
        yield Finding(
            "warning",
            "JAVA_HOME",
            f"{home} holds no Java {OLDEST_JAVA} or newer and is passed over; spark-submit would use it all the same",
            "unset it or let it name a newer Java",
        )


def check_class_archive() -> Iterator[Finding]:
    """Is there an archive of Java's classes for this Java and this Spark?"""
    java, version = find_java()
    archive = find_archive(java)
    if version in JAVAS_WITHOUT_ARCHIVE:
        yield Finding("ok", "class archive", f"none, Java {version} cannot use one", "Java 17 and 25 start faster")
    elif archive is None:
        yield Finding("ok", "class archive", "none, so Spark starts some seconds later", "doctor --prepare makes one")
    else:
        yield Finding("ok", "class archive", f"{archive} ({readable_bytes(archive.stat().st_size)})")


def check_spark_variables() -> Iterator[Finding]:
    """Do SPARK_HOME and PYSPARK_PYTHON, which spark-submit follows, lead to what is installed here?"""
    home = os.environ.get("SPARK_HOME")
    if home:
        yield _check_spark_home(Path(home))
    for name in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
        python = os.environ.get(name)
        if not python:
            continue
        found = shutil.which(python)
        advice = f"unset it or set {name}={sys.executable}"
        if found is None:
            yield Finding("warning", name, f"{python} does not run; spark-submit would stop at it", advice)
        elif not _same_environment(found):
            problem = f"{python} is another Python than this one; spark-submit would start it"
            yield Finding("warning", name, problem, advice)
        else:
            yield Finding("ok", name, python)


def check_packages() -> Iterator[Finding]:
    """Are the packages there, in versions that are supported?"""
    yield Finding("ok", "seg-spark", installed("seg-spark") or "runs from its source folder")
    for name, (oldest, first_too_new) in PACKAGES.items():
        version = installed(name)
        supported = f">={_text(oldest)}" + (f",<{_text(first_too_new)}" if first_too_new else "")
        advice = f"pip install '{name}{supported}'"
        if version is None:
            yield Finding("fault", name, "is not installed", advice)
        elif _numbers(version) < oldest or (first_too_new is not None and _numbers(version) >= first_too_new):
            yield Finding("fault", name, f"{version} is not supported", advice)
        else:
            yield Finding("ok", name, version)


def check_memory() -> Iterator[Finding]:
    """Is there the memory that Spark will take?"""
    memory = memory_bytes()
    if memory is None:
        yield Finding("warning", "memory", "the system does not report its memory", "expected 2 GiB or more")
        return
    driver = driver_memory_gib()
    limit = memory_limit_bytes()
    where = "container's limit" if limit is not None and limit <= memory else "machine's"
    needed = int((driver + _BESIDE_THE_DRIVER_GIB) * GIB)
    free = _available_bytes()
    found = f"Spark's driver takes up to {driver} GiB in local mode; the {where} is {readable_bytes(memory)}"
    if needed > memory:
        yield Finding("fault", "memory", found, f"give it {_BESIDE_THE_DRIVER_GIB + driver} GiB or more")
    elif free is not None and needed > free:
        yield Finding(
            "warning",
            "memory",
            f"{found}, of which {readable_bytes(free)} are free now",
            "end what else runs here, or start through spark-submit with a smaller --driver-memory",
        )
    else:
        yield Finding("ok", "memory", found)


def check_spark_disks(input_bytes: int | None) -> Iterator[Finding]:
    """Is there room for what Spark puts aside while it works?"""
    named = [name.strip() for name in os.environ.get("SPARK_LOCAL_DIRS", "").split(",") if name.strip()]
    # Java's temporary folder is the system's, whatever TMPDIR says; on macOS TMPDIR is the system's
    default = "/tmp" if sys.platform.startswith("linux") else tempfile.gettempdir()
    for name in named or [default]:
        advice = "free some, or name a folder on a larger disk in SPARK_LOCAL_DIRS"
        yield check_disk("Spark's disk", Path(name), input_bytes, advice)


def check_disk(what: str, folder: Path, input_bytes: int | None, advice: str) -> Finding:
    """How much is free on the disk where `folder` is or will be, against the size of the input."""
    place = nearest_existing(folder)
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return Finding("fault", what, f"{place} cannot be written", "fix its permissions or name another folder")
    free = shutil.disk_usage(place).free
    found = f"{readable_bytes(free)} free at {folder}"
    if input_bytes is not None:
        found += f", for an input of {readable_bytes(input_bytes)}"
    if free < _FULL_BYTES:
        return Finding("fault", what, found, advice)
    if free < max(_LITTLE_BYTES, _INPUT_COPIES * (input_bytes or 0)):
        return Finding("warning", what, f"{found}, may not be enough", advice)
    return Finding("ok", what, found)


def nearest_existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())


def _check_spark_home(home: Path) -> Finding:
    jar = next(home.glob("jars/spark-core_*.jar"), None)
    version = re.search(r"-(\d+\.\d+[\w.]*)\.jar$", jar.name) if jar else None
    advice = "unset SPARK_HOME, or let it name the Spark that you mean"
    if version is None:
        return Finding("warning", "SPARK_HOME", f"{home} holds no Spark; spark-submit would stop at it", advice)
    oldest, first_too_new = PACKAGES["pyspark"]
    if _numbers(version[1]) < oldest or (first_too_new and _numbers(version[1]) >= first_too_new):
        problem = f"{home} is Spark {version[1]}, which is not supported; spark-submit uses it"
        return Finding("warning", "SPARK_HOME", problem, advice)
    return Finding("ok", "SPARK_HOME", f"{home} is Spark {version[1]}")


def _same_environment(python: str) -> bool:
    """Whether a Python is of the environment this one runs in; its name may be another (python, python3)."""
    return Path(python).absolute().parent in (Path(sys.executable).parent, Path(sys.prefix) / "bin")


def _numbers(version: str) -> Version:
    """The release part of a version: (4, 1, 0) of 4.1.0.dev2."""
    release = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in release[0].split(".")) if release else ()


def _text(version: Version) -> str:
    return ".".join(map(str, version))


def _available_bytes() -> int | None:
    """What could be had now without pushing others out; Linux alone says."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
    except OSError:
        return None
    match = re.search(r"^MemAvailable:\s+(\d+) kB", text, flags=re.MULTILINE)
    return int(match[1]) * 1024 if match else None
