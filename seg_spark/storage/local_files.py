"""File operations that a crash cannot leave half done, on local (or mounted) filesystems."""

import ctypes
import errno
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_NO_EXCHANGE: Final = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
_NO_LINKS: Final = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EMLINK)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a small file so that a reader sees the old content or the new, never a part."""
    temporary = _temporary(path, content)
    temporary.replace(path)
    sync_folder(path.parent)


def create_atomically(path: Path, content: bytes) -> bool:
    """Write a small file whole, only if there is none; False if there is one."""
    temporary = _temporary(path, content)
    try:
        link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    sync_folder(path.parent)
    return True


def link(source: Path, target: Path) -> None:
    """Give a file a second name; a copy where the filesystem has no hard links. Raises FileExistsError."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with source.open("rb") as content, target.open("xb") as copy:
            try:
                shutil.copyfileobj(content, copy)
                copy.flush()
                os.fsync(copy.fileno())
            except OSError:  # on a full disk: a part of a file would be taken for all of it
                target.unlink()
                raise


def link_tree(source: Path, target: Path) -> None:
    """Make the folder `target` with all files and folders of `source` under second names."""
    target.mkdir(parents=True)
    for one in sorted(source.iterdir()):
        (link_tree if one.is_dir() else link)(one, target / one.name)


def swap_in(staged: Path, published: Path) -> Path | None:
    """Put the folder `staged` in the place of `published`, in one step where the system can.

    Returns the path of the replaced version (the place of `staged`), or None if there was none.
    Without an atomic exchange (not Linux, or a filesystem without it) there is a moment in which
    the date is absent, but never one in which it is partial.
    """
    published.parent.mkdir(parents=True, exist_ok=True)
    if not published.exists():
        staged.rename(published)
        sync_folder(published.parent)
        return None
    if not _exchange(staged, published):
        aside = staged.with_name(staged.name + ".replaced")
        published.rename(aside)
        try:
            staged.rename(published)
        except OSError:
            aside.rename(published)
            raise
        aside.rename(staged)
    sync_folder(published.parent)
    return staged


def sync_tree(folder: Path) -> None:
    """Make every file and folder below `folder` durable."""
    for parent, _, files in os.walk(folder):
        for name in files:
            _sync(Path(parent) / name)
        sync_folder(Path(parent))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    _sync(folder)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all it holds, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def _temporary(path: Path, content: bytes) -> Path:
    """A durable file beside `path`, hidden from listings of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system or the filesystem cannot."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NO_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(other))
