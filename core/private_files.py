"""Files and folders that only their owner may read: what is kept on disk names people, phones and money."""

import os
import stat
from contextlib import suppress
from pathlib import Path

FILE_MODE, FOLDER_MODE = 0o600, 0o700


def open_private(path: str, flags: int) -> int:
    """The `opener` of `open()` for a private file: it is created for its owner only."""
    return os.open(path, flags, FILE_MODE)


def make_private_file(path: Path) -> None:
    """Creates the file if it does not exist, and takes it from all but its owner. Raises OSError."""
    with suppress(FileExistsError):
        path.touch(FILE_MODE, exist_ok=False)
    tighten(path)


def make_private_folder(path: Path) -> None:
    """Creates the folder if it does not exist, and takes it from all but its owner. Raises OSError."""
    path.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    tighten(path)


def tighten(path: Path) -> None:
    """Takes a file or a folder from all but its owner. It stays as it is if it is absent, or is not ours to change.

    A folder that all may write to, such as /tmp, is for all.
    """
    with suppress(FileNotFoundError, PermissionError):
        mode = path.stat().st_mode
        if not mode & stat.S_ISVTX:
            path.chmod(stat.S_IMODE(mode) & FOLDER_MODE)
