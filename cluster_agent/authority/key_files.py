"""The files of an authority whose key is replaced: what was prepared is written before it is used.

    next.json        the next key, its anchor, and once the root has signed it its intermediate
    activating.json  the same at the moment of change: from then on the next key is the current one
    retiring.json    the anchor of the key before, until its last leaf has run out

`ca.key`, `twin.pem` and `intermediate.pem` are the current ones; `trust.pem` has all anchors.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from federation.model.errors import InvalidInput
from federation.runtime.files import read_if_there, write_atomic, write_private
from federation.supervisor.certificates.agent_trust import Trust, format_trust


@dataclass(frozen=True, slots=True)
class Next:
    """A key that comes, all PEM; `intermediate` is empty until the root has signed it.

    `activate_by` and `retire_at` are ISO 8601; the latter is set when the key is activated.
    """

    key: str
    twin: str
    activate_by: str
    intermediate: str = ""
    retire_at: str = ""


@dataclass(frozen=True, slots=True)
class Retiring:
    """The anchor (PEM) of the key before, and until when it stays (ISO 8601)."""

    twin: str
    until: str


def read_next(folder: Path) -> Next | None:
    """The key that comes, None when there is none; raises InvalidInput when it is damaged."""
    data = read_if_there(folder / "next.json")
    return _read_next(folder / "next.json", data) if data is not None else None


def write_next(folder: Path, coming: Next) -> None:
    """Keep the key that comes."""
    write_private(folder / "next.json", json.dumps(asdict(coming)).encode())


def read_retiring(folder: Path) -> Retiring | None:
    """The anchor that stays for a while, None when there is none."""
    file = folder / "retiring.json"
    data = read_if_there(file)
    try:
        return Retiring(**json.loads(data)) if data is not None else None
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{file} is damaged: remove it") from error


def forget_retiring(folder: Path) -> None:
    """That anchor is of no use any more."""
    (folder / "retiring.json").unlink(missing_ok=True)


def activate(folder: Path, coming: Next, retire_at: datetime) -> None:
    """Make the key that comes the current one: at once, whenever the process dies."""
    write_next(folder, replace(coming, retire_at=retire_at.isoformat()))
    (folder / "next.json").replace(folder / "activating.json")
    complete(folder)


def complete(folder: Path) -> Next | None:
    """Go on with a change of keys that was begun, until all is written; returns the new key.

    None when there is none.
    """
    file = folder / "activating.json"
    data = read_if_there(file)
    if data is None:
        return None
    coming = _read_next(file, data)
    twin = (folder / "twin.pem").read_text()
    if twin != coming.twin:
        retiring = Retiring(twin, coming.retire_at)
        write_private(folder / "retiring.json", json.dumps(asdict(retiring)).encode())
    write_private(folder / "ca.key", coming.key.encode())
    write_atomic(folder / "intermediate.pem", coming.intermediate.encode(), durable=True)
    write_atomic(folder / "twin.pem", coming.twin.encode(), durable=True)
    file.unlink()
    return coming


def show_anchors(folder: Path, trust_domain: str) -> None:
    """Write trust.pem: by what this cluster's proxies know their agent, now and after a change."""
    twins = [(folder / "twin.pem").read_text()]
    coming, retiring = read_next(folder), read_retiring(folder)
    twins += [found.twin for found in (coming, retiring) if found is not None]
    text = format_trust(Trust("".join(twins).encode(), trust_domain))
    if read_if_there(folder / "trust.pem") != text:
        write_atomic(folder / "trust.pem", text)


def _read_next(file: Path, data: bytes) -> Next:
    try:
        return Next(**json.loads(data))
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{file} is damaged: remove it, and another key is made") from error
