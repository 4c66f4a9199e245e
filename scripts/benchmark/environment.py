"""What was measured on: machine, versions, commit."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any, Final

from seg_spark.errors import PlatformError
from seg_spark.machine import find_archive, find_java, memory_bytes

_PACKAGES: Final = ("seg-spark", "pyspark", "scikit-learn", "numpy", "pandas", "pyarrow", "scipy")


def describe_environment() -> dict[str, Any]:
    """Machine, versions and commit, as JSON-ready values."""
    commit, changed = _output("git", "rev-parse", "HEAD"), _output("git", "status", "--porcelain")
    return {
        "machine": {
            "cpu": _cpu_model(),
            "cores": os.cpu_count(),
            "memory_bytes": memory_bytes(),
            "system": platform.platform(),
            "load_before": os.getloadavg()[0],
        },
        "versions": {
            "python": platform.python_version(),
            "java": _java(),
            "class_archive": _has_class_archive(),
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
        },
        "git": {"commit": commit, "changed_files": len((changed or "").splitlines())},
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _java() -> str | None:
    try:
        return (_output(find_java()[0], "-version") or "").partition("\n")[0]
    except PlatformError:
        return None


def _has_class_archive() -> bool:
    try:
        return find_archive(find_java()[0]) is not None
    except PlatformError:
        return False


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # an unpacked archive has no history
    return done.stdout.strip()
