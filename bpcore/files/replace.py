"""Files that are there as a whole or not at all."""

import contextlib
import importlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from glob import escape
from pathlib import Path
from typing import Any

fcntl: Any
try:
    fcntl = importlib.import_module("fcntl")
except ImportError:  # Windows
    fcntl = None

__all__ = ["check_target", "replace_file"]

# How many characters of the target's name the folder beside it takes over: a name of 255 bytes, the
# longest there is, leaves no room for more.
_LONGEST = 50


def check_target(path: Any) -> Path:
    """Where a file of this name is written, links followed.

    Raises
    ------
    OSError
        If it cannot be: there is no such folder, or the name is that of a folder or a device.
    """
    target = Path(os.path.realpath(os.fsdecode(path)))
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder: name a file to write to")
    if target.exists() and not target.is_file():
        raise OSError(f"{target} is not a regular file: it is not replaced")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent} is not a folder: make it, to write {target.name}")
    return target


def replace_file(path: Any, write: Callable[[Path], Any]) -> None:
    """Put a new file in the place of what is at path, if anything.

    The file is written to a folder of its own beside the target, flushed to the disk, and given
    the target's name; then the folder around is flushed. A crash at any moment leaves the old
    file or the new one under that name, and at most a folder ``.name.….partial``, which the next
    write removes.

    Parameters
    ----------
    path : str or path-like
    write : callable
        ``write(path)`` makes the file.

    Raises
    ------
    OSError
        If the file cannot be written; what was there is still there. So it is where ``write``
        raises.
    """
    target = check_target(path)
    _remove_abandoned(target)
    with _folder_beside(target) as folder:
        new = folder / "new"
        write(new)
        # the permissions of the file that is replaced, else those of a new folder
        mode = stat.S_IMODE((target if target.exists() else folder).stat().st_mode) & 0o666
        descriptor = os.open(new, os.O_RDWR)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(new, target)
    if os.name == "posix":
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _folder_beside(target: Path) -> Iterator[Path]:
    """A new folder beside the target, locked where the system has locks; removed at the end."""
    while True:
        folder = target.with_name(f".{target.name[:_LONGEST]}.{secrets.token_hex(6)}.partial")
        folder.mkdir()
        if fcntl is None:
            lock = None
            break
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # before it was locked, another writer may have removed it as abandoned
        if folder.exists():
            break
        os.close(lock)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _remove_abandoned(target: Path) -> None:
    """Remove what killed writers of this target left: folders that nobody has locked."""
    if fcntl is None:
        return
    for folder in target.parent.glob(f".{escape(target.name[:_LONGEST])}.*.partial"):
        with contextlib.suppress(OSError):
            lock = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(lock)
