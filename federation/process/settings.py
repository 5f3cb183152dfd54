"""Settings files of the processes: documents people write, read once at the start.

In: a YAML file. Out: a frozen struct of one process; InvalidInput names file, field and value.
Built on msgspec and not on pydantic, which would cost every supervisor 10 MB of memory.
"""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from federation.model.errors import InvalidInput, shown
from federation.model.names import MAX_PORT
from federation.runtime.yamldocs import YamlError, load_document

_PORT_TEXT = re.compile(r"[0-9]{1,5}")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of all settings: unknown fields are mistakes, and nothing changes later."""


Model = TypeVar("Model", bound=Settings)


class Address:
    """Where to listen or to dial: an IP address or host name, and a port. Written HOST:PORT.

    The host of an IPv6 address stands in brackets where it is written, and not in `host`.
    """

    __slots__ = ("host", "port")

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


Port = Annotated[int, Meta(ge=1, le=MAX_PORT)]


def parse_address(text: object) -> Address:
    """HOST:PORT; raises ValueError."""
    host, _, port = str(text).rpartition(":")
    if not host or not _PORT_TEXT.fullmatch(port) or not 1 <= int(port) <= MAX_PORT:
        raise ValueError("must be HOST:PORT with a port between 1 and 65535")
    return Address(host.strip("[]"), int(port))


def ip_address_of(address: Address, field: str) -> str:
    """The IP address of a field in its canonical form; raises InvalidInput for a host name."""
    try:
        return str(ip_address(address.host))
    except ValueError as error:
        raise InvalidInput(
            f"field {field} is {shown(str(address))}, but must be IP:PORT"
        ) from error


def _path(text: object, here: Path) -> Path:
    if not isinstance(text, str) or not text:
        raise ValueError("must be the path of a file or folder")
    return here / Path(text).expanduser()


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "array": "a list",
    "object": "a mapping",
}


def load_settings(model: type[Model], path: Path) -> Model:
    """The settings in the file at `path`; raises InvalidInput with one sentence.

    Relative paths in it count from its own folder.
    """
    here = path.absolute().parent

    def read(kind: type, value: object) -> object:
        return _path(value, here) if kind is Path else parse_address(value)

    try:
        found = load_document(path.read_text(), str(path))
    except OSError as error:
        raise InvalidInput(f"settings file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"settings file {path} is not YAML: it is not UTF-8") from error
    except YamlError as error:
        raise InvalidInput(f"settings file {error}") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"settings file {path} must be a mapping of field to value")
    try:
        return msgspec.convert(found, model, dec_hook=read)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"settings file {path}: {_explain(str(error), found)}") from error
    except InvalidInput as error:  # from a struct that looks at several fields together
        raise InvalidInput(f"settings file {path}: {error}") from error


def _explain(said: str, document: dict[str, Any]) -> str:
    """What msgspec says, as `field is VALUE, but must be ...`."""
    reason, _, place = said.partition(" - at `$.")
    field = place.rstrip("`")
    inside = f"{field}." if field else ""
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", reason)
    if unknown:
        return f"field {inside}{unknown[1]} is not known"
    missing = re.fullmatch(r"Object missing required field `(.+)`", reason)
    if missing:
        return f"field {inside}{missing[1]} is missing"
    return f"field {field} is {shown(_at(document, field))}, but {_in_words(reason)}"


def _at(document: Any, field: str) -> Any:
    """What stands at a place such as `a.b[1].c`."""
    for step in re.findall(r"[^.\[\]]+", field):
        document = document[int(step) if isinstance(document, list) else step]
    return document


def _in_words(reason: str) -> str:
    """Turn "Expected `int` <= 9, got `str`" into "must be a whole number <= 9"."""
    wanted = reason.partition(", got ")[0].replace("Expected ", "must be ").replace("`", "")
    for kind, words in _WORDS.items():
        wanted = re.sub(rf"\b{kind}\b", words, wanted)
    return wanted
