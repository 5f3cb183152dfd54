"""Whose a demo's folder is: what lies in it is run, and killed, as whoever starts a demo.

The default folder has a name that others foresee, in a folder where everybody may write. So nothing
in it is read before it is known to be ours alone.
"""

import os
import stat
from pathlib import Path

from federation.model.errors import Denied

_WRITABLE_BY_OTHERS = 0o022


def check_ours(folder: Path) -> None:
    """Raise Denied for a folder that others could have prepared; one that is not there is fine."""
    try:
        about = folder.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    wrong = _wrong(about)
    if wrong:
        raise Denied(
            f"{folder} {wrong}, so nothing in it is read or run: look who made it, and choose "
            "another folder with --state or remove it"
        )


def _wrong(about: os.stat_result) -> str:
    if stat.S_ISLNK(about.st_mode):
        return "is a symbolic link"
    if not stat.S_ISDIR(about.st_mode):
        return "is not a folder"
    if about.st_uid != os.geteuid():
        return f"belongs to another user (uid {about.st_uid})"
    if about.st_mode & _WRITABLE_BY_OTHERS:
        mode = stat.S_IMODE(about.st_mode)
        return f"may be written into by other users (mode {mode:04o}, but must be 0700)"
    return ""
