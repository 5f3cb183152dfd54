"""A cluster's host made ready: the agent's settings and state, written when all is known to fit.

In: a join token and where things shall lie. Out: files that `fedmesh-agent` starts with. What is
there already stays, so that this can be repeated, also after it was cut off: the settings file
comes last, and each file is whole or not there.
"""

import contextlib
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from federation.model.errors import Conflict, Failed, InvalidInput
from federation.process.settings import Address, parse_address
from federation.runtime.files import (
    exclusive,
    private_folder,
    read_if_there,
    write_atomic,
    write_private,
)
from federation.runtime.yamldocs import YamlError, load_document
from federation.runtime.yamldump import dumped
from federation.trust.join_tokens import JoinToken, format_join_token

USUAL_LISTEN = Address("127.0.0.1", 15012)
TOKEN_FILE = "join.token"  # noqa: S105 - its name
_MADE = frozenset({TOKEN_FILE, "member.json", "workload-tokens.key", ".lock"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where the agent of a cluster lies and listens; paths are absolute."""

    state: Path
    file: Path
    source: Path
    token_file: Path
    listen: Address
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What the command line names; None and False: nothing."""

    source: Path | None = None
    listen: Address | None = None
    loopback: bool = False


def planned(token: JoinToken, state: Path, file: Path, said: Said) -> Place:
    """The place of the agent: that of its settings file, or a new one; nothing is written.

    Raises Conflict when settings or state are another cluster's, or the file says something else.
    """
    _check_member(state, token)
    _check_ours(state)
    found = _settings(file)
    if found is None:
        source = said.source or state.parent / token.cluster
        listen = said.listen or USUAL_LISTEN
        return Place(state, file, source, state / TOKEN_FILE, listen, said.loopback)
    listen = _address(file, found.get("listen"))
    there = Place(
        _path(file, found, "state"),
        file,
        _path(file, found, "source"),
        _path(file, found, "join_token_file"),
        listen,
        found.get("allow_loopback_endpoints") is True,
    )
    _check_same(file, "cluster", found.get("cluster"), token.cluster)
    _check_same(file, "state", there.state, state)
    _check_same(file, "source", there.source, said.source)
    _check_same(file, "listen", str(listen), str(said.listen) if said.listen else None)
    _check_same(file, "allow_loopback_endpoints", there.loopback, True if said.loopback else None)
    return there


def is_running(state: Path) -> bool:
    """Whether an agent holds the state folder."""
    if not (state / ".lock").exists():
        return False
    try:
        with exclusive(state):
            return False
    except BlockingIOError:
        return True


def check_free(listen: Address) -> None:
    """Raise Failed when nobody can listen there."""
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[0][4])
    except OSError as error:
        raise Failed(
            f"the agent cannot listen at {listen} ({error.strerror}): choose another address of "
            "this machine by --listen HOST:PORT"
        ) from error


def settle(token: JoinToken, place: Place) -> bool:
    """Write what is missing: state folder, token, source folder, settings; whether that was any."""
    private_folder(place.state)
    text = f"{format_join_token(token)}\n".encode()
    is_new = not has_joined(place.state, token) and read_if_there(place.token_file) != text
    if is_new:
        write_private(place.token_file, text)
    place.source.mkdir(parents=True, exist_ok=True)
    if not place.file.exists():
        place.file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place.file, _text(token, place).encode(), durable=True)
        is_new = True
    return is_new


def has_joined(state: Path, token: JoinToken) -> bool:
    """Whether the agent of this folder has joined by this very token."""
    return bool(_member(state).get("token") == token.id)


def _check_member(state: Path, token: JoinToken) -> None:
    other = _member(state).get("cluster", token.cluster)
    if other != token.cluster:
        raise Conflict(
            f"state folder {state} belongs to cluster {other}, and the token is for "
            f"{token.cluster}: name another folder by --state"
        )


def _check_ours(state: Path) -> None:
    """Raise Conflict for a folder of something else, which would become private."""
    names = {entry.name for entry in state.iterdir()} if state.is_dir() else set()
    if names and not names & _MADE:
        raise Conflict(
            f"state folder {state} holds something else ({min(names)}): name an empty folder, or "
            "one that is not there yet, by --state"
        )


def _member(state: Path) -> dict[str, Any]:
    with contextlib.suppress(ValueError):  # the agent says so when it starts
        found = json.loads(read_if_there(state / "member.json") or b"{}")
        return found if isinstance(found, dict) else {}
    return {}


def _settings(file: Path) -> dict[str, Any] | None:
    data = read_if_there(file)
    if data is None:
        return None
    try:
        found = load_document(data.decode(), str(file))
    except UnicodeDecodeError as error:
        raise InvalidInput(f"settings file {file} is not UTF-8: correct or remove it") from error
    except YamlError as error:
        raise InvalidInput(f"settings file {error}: correct or remove it") from error
    if not isinstance(found, dict):
        raise InvalidInput(
            f"settings file {file} is no mapping of field to value: correct or remove it"
        )
    return found


def _path(file: Path, found: dict[str, Any], field: str) -> Path:
    text = found.get(field)
    if not isinstance(text, str) or not text:
        raise InvalidInput(f"settings file {file}: field {field} must be a path: correct it")
    return Path(os.path.realpath(file.parent / Path(text).expanduser()))


def _address(file: Path, text: object) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise InvalidInput(f"settings file {file}: field listen {error}: correct it") from error


def _check_same(file: Path, field: str, there: object, wanted: object) -> None:
    if wanted is not None and there != wanted:
        raise Conflict(
            f"settings file {file} says {field} {there}, not {wanted}, and is never overwritten: "
            "edit it, or name another file by --settings"
        )


def _text(token: JoinToken, place: Place) -> str:
    def beside(path: Path) -> str:
        folder = place.file.parent
        return str(path.relative_to(folder) if path.is_relative_to(folder) else path)

    fields: dict[str, Any] = {
        "cluster": str(token.cluster),
        "source": beside(place.source),
        "state": beside(place.state),
        "listen": str(place.listen),
        "join_token_file": beside(place.token_file),
    }
    if place.loopback:
        fields["allow_loopback_endpoints"] = True
    return f"# Settings of fedmesh-agent; fedctl join wrote them.\n{dumped(fields)}"
