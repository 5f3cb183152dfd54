"""How every process starts: `--config FILE`, logs, one clear sentence when it cannot go on."""

import argparse
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from errno import EACCES, EDQUOT, EEXIST, ENOSPC, ENOTDIR, EPERM, EROFS
from pathlib import Path
from typing import Any

from federation.model.errors import Failed, FedmeshError
from federation.process.settings import Model, load_settings
from federation.runtime import logs
from federation.runtime.descriptors import raise_limit
from federation.runtime.escapes import visible
from federation.runtime.files import exclusive, private_folder, remove_unfinished
from federation.runtime.tasks import run

_FOLDER_IS_UNUSABLE = (EACCES, EDQUOT, EEXIST, ENOSPC, ENOTDIR, EPERM, EROFS)


def run_process(
    name: str,
    what: str,
    model: type[Model],
    main: Callable[[Model], Coroutine[Any, Any, None]],
) -> None:
    """Read the settings, run `main(settings)`, and exit with the code of what went wrong."""
    arguments = parser_of(name, what).parse_args()
    logs.set_up(arguments.log_level)
    raise_limit()
    try:
        run(main(load_settings(model, arguments.config)))
    except FedmeshError as error:
        sys.exit(_said(name, str(error), error.exit_code))
    except OSError as error:
        sys.exit(_said(name, f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), 1))


def parser_of(name: str, what: str) -> argparse.ArgumentParser:
    """What the command line of every process takes."""
    parser = argparse.ArgumentParser(prog=name, description=what)
    parser.add_argument("--config", required=True, type=Path, help="settings file (YAML)")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING"])
    return parser


@contextmanager
def state_folder(path: Path) -> Iterator[Path]:
    """The private folder of a process, for it alone; raises Failed with the reason."""
    try:
        private_folder(path)
        with exclusive(path):
            remove_unfinished(path)
            yield path
    except BlockingIOError as error:
        raise Failed(f"state folder {path} is in use by another process that still runs") from error
    except OSError as error:
        if error.errno not in _FOLDER_IS_UNUSABLE:
            raise
        raise Failed(f"state folder {path} cannot be used: {error.strerror}") from error


def _said(name: str, reason: str, code: int) -> int:
    sys.stderr.write(f"{name}: {visible(reason)}\n")
    return code
