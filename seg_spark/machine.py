"""The machine that Spark is to run on: its Java, its memory, its packages, and the archive of Java's classes.

With the archive (class data sharing) Spark starts sooner. It serves one Java and one set of Spark's jars. Java passes
over one that does not fit, but then warns and starts more slowly than without any; so it is named to Java only where
its key fits and its file is the one written.
"""

import hashlib
import importlib.metadata
import json
import mmap
import os
import platform
import re
import secrets
import shutil
import subprocess
import sys
import time
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from seg_spark.errors import PlatformError

OLDEST_JAVA: Final = 17
OLDEST_PYTHON: Final = (3, 11)
GIB: Final = 1024**3
_PACKAGES: Final = ("seg-spark", "pyspark", "numpy", "pyarrow")
_CONTROL_GROUPS: Final = Path("/sys/fs/cgroup")
_LARGEST_LIMIT: Final = 1 << 60
"""What is above it is the old control groups' way to say that there is no limit."""
JAVAS_WITHOUT_ARCHIVE: Final = range(18, 25)
"""Java 21 writes an archive, and then refuses it: it counts a folder of Spark's class path that does not exist."""
_ARCHIVE: Final = "classes.jsa"
_DESCRIPTION: Final = "classes.json"
_FIRST_RUN_ENDED: Final = "first-run-ended"
_RECORDING: Final = ".recording-"
_LONGEST_RECORDING_SECONDS: Final = 3600
_SILENT: Final = ("-Xlog:disable",)
"""Java reports every archive it refuses, Java 25 even one that it uses, on the user's terminal."""
_FILES_OF_JAVA: Final = ("release", "lib/server/libjvm.so", "lib/server/classes.jsa", "lib/modules")


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
    slower compiler would pay. Without that one Java has room for 48 MB of compiled code, which many dates fill."""
    options = [
        "-XX:+UseParallelGC",  # on one machine throughput counts, not short pauses: the default takes a tenth longer
        *(["-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=128m"] if is_small else []),
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
    missing = "not installed"  # shipped as files, with --py-files
    return {"python": platform.python_version()} | {name: installed(name) or missing for name in _PACKAGES}


def installed(package: str) -> str | None:
    """The version of a package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def archive_options(java: str) -> tuple[str, ...]:
    """The options that let `java` use the archive; none where there is no archive for it, whatever the reason."""
    archive = find_archive(java)
    return () if archive is None else (f"-XX:SharedArchiveFile={archive}", *_SILENT)


def recording_options(file: Path) -> tuple[str, ...]:
    """The options that let Java write the classes it has loaded to `file` when it ends."""
    return (f"-XX:ArchiveClassesAtExit={file}", *_SILENT)


def find_archive(java: str) -> Path | None:
    """The archive made for `java` and the jars of this environment, if it is there and whole."""
    for folder in _folders():
        archive = folder / _ARCHIVE
        try:
            if json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8")) == _describe(archive, java):
                return archive
        except (OSError, ValueError):
            continue  # none there, or damaged
    return None


def new_archive() -> Path | None:
    """The path of a file to record into, beside the archive it will become; None if no folder can be written.

    What recordings that were killed have left there is removed.
    """
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(f"{_RECORDING}*"):
                if time.time() - left.stat().st_mtime > _LONGEST_RECORDING_SECONDS:
                    left.unlink()
        except OSError:
            continue
        if os.access(folder, os.W_OK | os.X_OK):
            return folder / f"{_RECORDING}{secrets.token_hex(6)}.jsa"
    return None


def publish_archive(recorded: Path, java: str) -> Path | None:
    """Put a recorded file in the archive's place; None if Java recorded nothing (not every Java can).

    A run that starts meanwhile uses the old archive, the new one, or none.
    """
    if not recorded.is_file() or recorded.stat().st_size == 0:
        return None
    archive, description = recorded.with_name(_ARCHIVE), recorded.with_suffix(".json")
    description.write_text(json.dumps(_describe(recorded, java), indent=2) + "\n", encoding="utf-8")
    recorded.replace(archive)
    description.replace(archive.with_name(_DESCRIPTION))
    return archive


def lacks_archive(java: str, version: int) -> bool:
    """Whether `java` could use an archive, and there is none for it."""
    return version not in JAVAS_WITHOUT_ARCHIVE and find_archive(java) is None


def is_first_run() -> bool:
    """Whether no run of this user has ended before; from now on one has. False where that cannot be kept on disk."""
    marker = _user_cache() / _FIRST_RUN_ENDED
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch(exist_ok=False)
    except OSError:
        return False
    return True


def _folders() -> list[Path]:
    """The environment's own folder, then the user's cache; Java splits the path of an archive at colons."""
    folders = [Path(sys.prefix) / "share" / "seg_spark", _user_cache()]
    return [folder for folder in folders if folder.is_absolute() and ":" not in str(folder)]


def _user_cache() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  # a user may have no home
    return Path(cache) / "seg_spark"


def _describe(archive: Path, java: str) -> dict[str, Any]:
    """What must be the same when the archive is used as when it was written."""
    with archive.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {"key": _key(java), "crc32": zlib.crc32(content)}  # Java crashes on a damaged archive; 0.1 s for 200 MB


def _key(java: str) -> str:
    """A digest of the Java and the jars: names, sizes and times (in seconds, which copies and image layers keep)."""
    program = Path(java).resolve()
    home = program.parent.parent
    spark = find_spec("pyspark")
    jars = sorted(Path(spark.origin).parent.glob("jars/*.jar")) if spark is not None and spark.origin else []
    files = [file for file in (program, *(home / name for name in _FILES_OF_JAVA), *jars) if file.is_file()]
    states = [(str(file), file.stat().st_size, int(file.stat().st_mtime)) for file in files]
    return hashlib.sha256(json.dumps(states).encode()).hexdigest()
