"""`fedctl kubeconfig`: kubectl, and all that reads its files, may ask the controller."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import chosen_config, config_option

if TYPE_CHECKING:
    from federation.cli.contexts import Config
    from federation.cli.kubeconfig import Access


@dataclass(frozen=True, slots=True)
class Options:
    """The context, the files to look for it (the first that is there is written), and how.

    `is_merged`: a file is changed; else it is written anew, or printed when there is no file.
    """

    access: "Access"
    files: tuple[Path, ...]
    is_merged: bool


@click.command("kubeconfig")
@click.option("--merge", is_flag=True, help="Into $KUBECONFIG or ~/.kube/config, or --output.")
@click.option("--output", type=click.Path(path_type=Path), help="A file to write instead.")
@click.option("--name", default="", help="The context's name for kubectl; default: as for fedctl.")
@config_option
def command(merge: bool, output: Path | None, name: str, config: Path | None) -> int:
    """Print a kubeconfig for the controller, or merge it into the one of kubectl.

    It holds the context's token, or certificate and key: keep it secret. Merging keeps all that
    is there, and kubectl's current context.
    """
    files = (output.expanduser(),) if output else kubectl_files(os.environ) if merge else ()
    return run(Options(access_of(chosen_config(config), name), files, merge), standard_io())


def run(options: Options, io: IO) -> int:
    """Print or write it."""
    from federation.cli.kubeconfig import kubeconfig  # noqa: PLC0415
    from federation.model.errors import Conflict  # noqa: PLC0415
    from federation.runtime.files import write_private  # noqa: PLC0415
    from federation.runtime.yamldump import dumped  # noqa: PLC0415

    name = options.access.name
    if options.is_merged:
        file = _merge(options)
    else:
        text = dumped(kubeconfig(options.access))
        if not options.files:
            io.result(text.rstrip("\n"))
            return 0
        file = options.files[0]
        if file.exists():
            raise Conflict(f"{file} is there already: say --merge to add to it")
        write_private(file, text.encode())
    io.say(f"wrote context {name} into {file}; try: kubectl --context {name} get clusters")
    return 0


def _merge(options: Options) -> Path:
    """Change the file that has the context, else the first that is there, else the last one."""
    from federation.cli.kubeconfig import has_context, merged, read_kubeconfig  # noqa: PLC0415
    from federation.model.errors import Failed  # noqa: PLC0415
    from federation.runtime.files import read_if_there, write_private  # noqa: PLC0415
    from federation.runtime.yamldocs import load_document  # noqa: PLC0415
    from federation.runtime.yamldump import dumped  # noqa: PLC0415

    found = {file: read_if_there(file) for file in options.files}
    there = {f: read_kubeconfig(data, f) for f, data in found.items() if data is not None}
    ours = [f for f, document in there.items() if has_context(document, options.access.name)]
    file = (*ours, *there, options.files[-1])[0].resolve()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(file):
        before = read_kubeconfig(read_if_there(file) or b"", file)
        after = merged(before, options.access, file)
        text = dumped(after)
        if load_document(text, str(file)) != after:
            raise Failed(f"{file} has what cannot be written again: name another file by --output")
        if after != before or file.stat().st_mode & 0o077:
            write_private(file, text.encode())
    return file


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold the file as kubectl does; raises Failed when another program does."""
    from federation.model.errors import Failed  # noqa: PLC0415

    lock = file.with_name(f"{file.name}.lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as error:
        raise Failed(
            f"{file} is being changed by another program: try again, or remove {lock} when none is"
        ) from error
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            lock.unlink()


def kubectl_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that kubectl reads, in its order."""
    named = [part for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    return tuple(map(Path, named)) or (Path("~/.kube/config").expanduser(),)


def access_of(config: "Config", name: str = "") -> "Access":
    """What the context gives; raises InvalidInput when one of its files cannot be read."""
    from federation.cli.config import token_of  # noqa: PLC0415
    from federation.cli.kubeconfig import Access  # noqa: PLC0415

    parts: dict[str, Any] = {"name": name or config.name, "server": config.controller.rstrip("/")}
    parts["root"] = _read(config.ca_file, "ca_file")
    if config.certificate_file is not None and config.key_file is not None:
        parts["certificate"] = _read(config.certificate_file, "certificate_file")
        parts["key"] = _read(config.key_file, "key_file")
    else:
        parts["token"] = token_of(config)
    return Access(**parts)


def _read(file: Path, field: str) -> bytes:
    from federation.model.errors import InvalidInput  # noqa: PLC0415

    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"{field} {file} cannot be read ({error.strerror}): correct it in fedctl's "
            "configuration"
        ) from error
