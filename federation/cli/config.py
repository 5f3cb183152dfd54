"""fedctl's configuration: which controller, how to know it, and as whom.

    controller: https://127.10.0.1:8443
    ca_file: root.pem          the controller's root certificate
    token_file: admin.token    a token of the API

Relative paths are meant from the file's own folder. Found by `--config`, else `$FEDCTL_CONFIG`,
else `~/.config/fedmesh/fedctl.yaml`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from federation.client.client import Client
from federation.model.errors import InvalidInput, shown
from federation.process.secret_file import read_token_file
from federation.runtime.yamldocs import YamlError, load_document

VARIABLE = "FEDCTL_CONFIG"
_FIELDS = ("controller", "ca_file", "token_file")


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration as read; paths are absolute."""

    controller: str
    ca_file: Path
    token_file: Path


def config_path(flag: Path | None, environment: Mapping[str, str]) -> Path:
    """Where the configuration is."""
    if flag is not None:
        return flag
    named = environment.get(VARIABLE)
    return Path(named) if named else Path("~/.config/fedmesh/fedctl.yaml").expanduser()


def load_config(path: Path) -> Config:
    """Read a configuration; raises InvalidInput with one sentence."""
    try:
        found = load_document(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise InvalidInput(
            f"configuration {path} cannot be read ({error.strerror}): name another one with "
            f"--config or ${VARIABLE}, 'fedctl demo up' prints the demo's"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"configuration {path} is not YAML: it is not UTF-8") from error
    except YamlError as error:
        raise InvalidInput(f"configuration {error}") from error
    return _parse(path, found)


def _parse(path: Path, found: object) -> Config:
    if not isinstance(found, dict):
        raise InvalidInput(f"configuration {path} must be a mapping of {', '.join(_FIELDS)}")
    unknown = sorted(str(key) for key in set(found) - set(_FIELDS))
    if unknown:
        known = ", ".join(_FIELDS)
        raise InvalidInput(f"configuration {path}: field {unknown[0]} is not known, only {known}")
    for field in _FIELDS:
        value = found.get(field)
        if not isinstance(value, str) or not value:
            raise InvalidInput(f"configuration {path}: {field} is {shown(value)}, but must be text")
    here = path.absolute().parent
    ca_file, token_file = (here / Path(found[f]).expanduser() for f in ("ca_file", "token_file"))
    return Config(found["controller"], ca_file, token_file)


def open_client(config: Config) -> Client:
    """A client of the controller; raises InvalidInput when the token cannot be read."""
    token = read_token_file(config.token_file, f"token_file {config.token_file}")
    if token is None:
        raise InvalidInput(f"token_file {config.token_file} is not there")
    return Client(config.controller, config.ca_file, token)
