"""What a path in the settings may be."""

import re
from pathlib import Path
from typing import Final

SCHEMES: Final = ("file", "hdfs", "s3a", "s3", "gs", "abfss")

_WITH_HOST: Final = r"\w+://[^/]"
_WITH_PORT: Final = r"\w+://([^/:]+(:[0-9]{1,5})?(/|$)|/)"


def path_scheme(path: str) -> str:
    """`s3a` of `s3a://bucket/x`; `file` for a plain path."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", path)
    return match[1].lower() if match else "file"


def local_path(path: str) -> str:
    """A `file:` URL as the plain path it means; a plain path as it is."""
    return re.sub(r"^file:(//(?=/))?", "", path, flags=re.IGNORECASE)


def spark_path(path: Path) -> str:
    """A local path as Spark takes it: never the default filesystem's, and nothing percent-encoded."""
    return f"file://{path}"


def hadoop_path(path: str, s3_class: str | None) -> str:
    """A path as Hadoop takes it: `s3://` is `s3a://` to Spark from PyPI; EMR has a class for it (`fs.s3.impl`)."""
    return path if path_scheme(path) != "s3" or s3_class else "s3a" + path[len("s3") :]


def refuse_overlap(input_path: str, output_path: str) -> None:
    """Raise ValueError if one path is inside the other."""
    raw, published = _plain(input_path), _plain(output_path)
    if raw.is_relative_to(published) or published.is_relative_to(raw):
        raise ValueError("input.path and output.path lie inside each other; a run would read its own output")


def _plain(path: str) -> Path:
    if path_scheme(path) != "file":
        return Path(hadoop_path(path, None))
    try:
        return Path(local_path(path)).resolve()
    except (OSError, RuntimeError):  # links in a circle
        return Path(local_path(path)).absolute()


def checked_path(path: str) -> str:
    """The path as it is. Raises ValueError for a scheme that is not supported, or credentials in it."""
    if not path.strip():
        raise ValueError("is empty; expected a file or folder")
    if re.search(r"[\x00-\x1f]", path):
        raise ValueError("contains a control character")
    scheme = path_scheme(path)
    if scheme not in SCHEMES:
        raise ValueError(f"has the scheme {scheme!r}; expected a plain path or one of {', '.join(SCHEMES)}")
    if scheme != "file" and ("?" in path or _has_password(path, scheme)):
        raise ValueError(
            "contains credentials; give them through the platform (for S3 the variables AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY), not in a path"
        )
    if scheme != "file" and not re.match(_WITH_HOST if scheme != "hdfs" else _WITH_PORT, path):
        what = "hdfs://host:8020/folder, or hdfs:///folder" if scheme == "hdfs" else f"{scheme}://bucket/folder"
        raise ValueError(f"{path!r} names no place in a store; expected a path like {what}")
    return path


def _has_password(path: str, scheme: str) -> bool:
    """Whether the host has more behind a colon than a port; a bucket has no port. A password may hold slashes."""
    host = path.partition("://")[2].partition("/")[0]
    return re.search(r":(?!\d+$)" if scheme == "hdfs" else ":", host) is not None
