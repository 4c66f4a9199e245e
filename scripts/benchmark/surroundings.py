"""What was measured on: machine, versions, commit."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any, Final

from seg_spark.errors import PlatformError
from seg_spark.machine import find_java, memory_bytes

_PACKAGES: Final = ("seg-spark", "pyspark", "scikit-learn", "numpy", "pandas", "pyarrow", "scipy")
_PROJECT: Final = Path(__file__).parents[2]


def surroundings() -> dict[str, Any]:
    """Machine, versions and commit, as JSON-ready values."""
    return {"machine": machine(), "versions": versions(), "git": git_state()}


def machine() -> dict[str, Any]:
    """The processor, its cores, the memory and the system."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_bytes": memory_bytes(),
        "system": platform.platform(),
        "load_before": os.getloadavg()[0],
        "nice": os.nice(0),
    }


def versions() -> dict[str, Any]:
    """Versions of Python, Java and the libraries that do the work."""
    return {
        "python": platform.python_version(),
        "java": _java(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES if _is_installed(name)},
    }


def git_state() -> dict[str, Any]:
    """The commit, and whether files differ from it."""
    commit = _git("rev-parse", "HEAD")
    return {"commit": commit, "changed_files": len((_git("status", "--porcelain") or "").splitlines())}


def _git(*words: str) -> str | None:
    try:
        answer = subprocess.run(["git", *words], cwd=_PROJECT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None  # an unpacked archive has no history
    return answer.stdout.strip()


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _java() -> str | None:
    try:
        java, _ = find_java()
    except PlatformError:
        return None
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    return (answer.stderr or answer.stdout).splitlines()[0]


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
