"""Settings files of the processes: documents people write, read once at the start.

In: a YAML file. Out: a frozen struct of one process; InvalidInput names file, field and value.
Built on msgspec and not on pydantic, which would cost every supervisor 10 MB of memory.
"""

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import yaml
from msgspec import Meta

from federation.model.errors import InvalidInput
from federation.model.names import MAX_PORT

_LONGEST = 80


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of all settings: unknown fields are mistakes, and nothing changes later."""


Model = TypeVar("Model", bound=Settings)


class Address:
    """Where to listen or to dial: an IP address or host name, and a port. Written HOST:PORT."""

    __slots__ = ("host", "port")

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


Port = Annotated[int, Meta(ge=1, le=MAX_PORT)]


def parse_address(text: object) -> Address:
    """HOST:PORT; raises ValueError."""
    host, _, port = str(text).rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= MAX_PORT:
        raise ValueError("must be HOST:PORT with a port between 1 and 65535")
    return Address(host.strip("[]"), int(port))


def _path(text: object) -> Path:
    if not isinstance(text, str) or not text:
        raise ValueError("must be the path of a file or folder")
    return Path(text).expanduser().absolute()


_READERS = {Address: parse_address, Path: _path}


def _read(kind: type, value: object) -> object:
    return _READERS[kind](value)


def load_settings(model: type[Model], path: Path) -> Model:
    """The settings in the file at `path`; raises InvalidInput with one sentence."""
    try:
        found = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InvalidInput(f"settings file {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first = " ".join(str(error).split())
        raise InvalidInput(f"settings file {path} is not YAML: {first}") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"settings file {path} must be a mapping of field to value")
    try:
        return msgspec.convert(found, model, dec_hook=_read)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"settings file {path}: {_explain(str(error), found)}") from error


def _explain(said: str, document: dict[str, Any]) -> str:
    """What msgspec says, as `field is VALUE, but must be ...`."""
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", said)
    if unknown:
        return f"field {unknown[1]} is not known"
    missing = re.fullmatch(r"Object missing required field `(.+)`", said)
    if missing:
        return f"field {missing[1]} is missing"
    reason, _, place = said.partition(" - at `$.")
    field = place.rstrip("`")
    value = repr(document.get(re.split(r"[.\[]", field)[0]))
    shown = value if len(value) <= _LONGEST else f"{value[: _LONGEST - 3]}..."
    return f"field {field} is {shown}, but {_in_words(reason)}"


def _in_words(reason: str) -> str:
    """Turn "Expected `int` <= 9, got `str`" into "must be a whole number <= 9"."""
    wanted = reason.partition(", got ")[0].replace("Expected ", "must be ").replace("`", "")
    for kind, words in (("int", "a whole number"), ("float", "a number"), ("str", "text")):
        wanted = re.sub(rf"\b{kind}\b", words, wanted)
    return wanted
