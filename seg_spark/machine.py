"""The machine that Spark is to run on: its Java, its memory, its packages. Known without Spark."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from seg_spark.class_archive import archive_options
from seg_spark.errors import PlatformError

OLDEST_JAVA: Final = 17
OLDEST_PYTHON: Final = (3, 11)
GIB: Final = 1024**3
_PACKAGES: Final = ("seg-spark", "pyspark", "numpy", "pyarrow")
_CONTROL_GROUPS: Final = Path("/sys/fs/cgroup")
_LARGEST_LIMIT: Final = 1 << 60
"""What is above it is the old control groups' way to say that there is no limit."""


def find_java() -> tuple[str, int]:
    """The `java` that Spark will use and its major version; raises PlatformError if it is absent or too old."""
    home = os.environ.get("JAVA_HOME")
    candidates = [str(Path(home) / "bin" / "java")] if home else []
    bundled = Path(sys.prefix) / "java" / "bin" / "java"
    candidates += [path for path in (shutil.which("java"), str(bundled)) if path]
    tried = []
    for java in candidates:
        version = _java_version(java)
        if version is not None and version >= OLDEST_JAVA:
            return java, version
        tried.append(f"{java} is Java {version}" if version else f"{java} does not run")
    found = f" (JAVA_HOME={home}; " + "; ".join(tried) + ")" if home else f" ({'; '.join(tried)})" if tried else ""
    raise PlatformError(
        f"no Java {OLDEST_JAVA} or newer was found{found}; install one (apt install openjdk-17-jre-headless, "
        "brew install openjdk@17) or run ./scripts/demo, which installs one"
    )


def local_java_options(java: str, *, is_small: bool = False) -> str:
    """The options for a run in local mode, as one text, quoted for Spark. A run that `is_small` ends before Java's
    slower compiler would pay."""
    options = [
        "-XX:+UseParallelGC",  # on one machine throughput counts, not short pauses: the default takes a tenth longer
        *(["-XX:TieredStopAtLevel=1"] if is_small else []),
        *archive_options(java),
    ]
    return " ".join(f'"{option}"' for option in options)


def memory_bytes() -> int | None:
    """The memory of the machine, or of the container if that is less; None where the system does not say."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
    limit = memory_limit_bytes()
    return physical if limit is None else min(physical, limit)


def memory_limit_bytes(groups: Path = _CONTROL_GROUPS, own: Path = Path("/proc/self/cgroup")) -> int | None:
    """The lowest limit that Linux control groups (a container's limit, say) put on this process; None without one."""
    limits = []
    for line in _read(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        top, name = (groups / "memory", "memory.limit_in_bytes") if controllers else (groups, "memory.max")
        folder = top / path.lstrip("/")
        for group in (folder, *folder.parents):
            limits.append(_read(group / name).strip())
            if group == top:
                break  # inside a container its own group is mounted here, whatever its path says
    numbers = [int(limit) for limit in limits if limit.isdigit()]
    return min((number for number in numbers if number < _LARGEST_LIMIT), default=None)


def driver_memory_gib() -> int:
    """Two fifths of the memory, between 1 and 8 GiB: local mode runs everything in the driver."""
    memory = memory_bytes()
    return 1 if memory is None else int(min(8, max(1, memory * 0.4 // GIB)))


def _java_version(java: str) -> int | None:
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+)(?:\.(\d+))?', answer.stderr + answer.stdout)
    if answer.returncode != 0 or match is None:
        return None
    return int(match[2] or 0) if match[1] == "1" else int(match[1])


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def package_versions() -> dict[str, str]:
    """The versions of what the figures of a run depend on."""
    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"  # shipped as files, with --py-files
