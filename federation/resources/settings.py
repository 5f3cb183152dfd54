"""Settings files of the processes: documents people write, read once at the start.

In: a YAML file. Out: a frozen model of one process; InvalidInput names file, field and value.
"""

from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from federation.model.errors import InvalidInput
from federation.model.names import MAX_PORT
from federation.resources.base import explain

Model = TypeVar("Model", bound="Settings")


class Settings(BaseModel):
    """The base of all settings: unknown fields are mistakes, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Address(NamedTuple):
    """Where to listen or to dial: an IP address or host name, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_address(text: object) -> Address:
    """HOST:PORT; raises ValueError."""
    host, _, port = str(text).rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= MAX_PORT:
        raise ValueError("must be HOST:PORT with a port between 1 and 65535")
    return Address(host.strip("[]"), int(port))


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


AddressField = Annotated[Address, BeforeValidator(parse_address)]
PathField = Annotated[Path, AfterValidator(_absolute)]


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
        return model.model_validate(found)
    except ValidationError as error:
        raise InvalidInput(f"settings file {path}: {explain(error)}") from error
