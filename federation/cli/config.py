"""fedctl's configuration file: found, read, written, and a client made of one of its contexts.

    current: prod
    contexts:
      prod:
        controller: https://127.10.0.1:8443
        ca_file: root.pem          the controller's root certificate
        token_file: admin.token    a token of the API; or certificate_file and key_file

Relative paths are meant from the file's own folder. Found by `--config`, else `$FEDCTL_CONFIG`,
else `~/.config/fedmesh/fedctl.yaml`. The context is that of `--context`, else `$FEDCTL_CONTEXT`,
else `current`. A file may also be one context without a name.
"""

from collections.abc import Mapping
from errno import ENOENT
from pathlib import Path

from federation.cli.contexts import Config, Contexts, parse_contexts
from federation.client.client import Client
from federation.model.errors import InvalidInput
from federation.process.secret_file import read_token_file
from federation.runtime.yamldocs import YamlError, load_document

VARIABLE = "FEDCTL_CONFIG"
CONTEXT_VARIABLE = "FEDCTL_CONTEXT"


def config_path(flag: Path | None, environment: Mapping[str, str]) -> Path:
    """Where the configuration is."""
    if flag is not None:
        return flag
    named = environment.get(VARIABLE)
    return Path(named) if named else Path("~/.config/fedmesh/fedctl.yaml").expanduser()


def context_name(flag: str, environment: Mapping[str, str]) -> str:
    """Which context is asked for; empty: the current one of the file."""
    return flag or environment.get(CONTEXT_VARIABLE, "")


def load_config(path: Path, context: str = "") -> Config:
    """Read a context, by default the current one; raises InvalidInput with one sentence."""
    return load_contexts(path).config(context)


def load_contexts(path: Path, *, may_lack: bool = False) -> Contexts:
    """Read all contexts; raises InvalidInput. `may_lack`: a file that is not there has none."""
    try:
        found = load_document(path.read_text("utf-8"), str(path))
    except OSError as error:
        if may_lack and error.errno == ENOENT:
            return Contexts(path, {})
        raise InvalidInput(
            f"configuration {path} cannot be read ({error.strerror}): name another one with "
            f"--config or ${VARIABLE}; 'fedctl init' writes one, 'fedctl demo up' prints the demo's"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"configuration {path} is not YAML: it is not UTF-8") from error
    except YamlError as error:
        raise InvalidInput(f"configuration {error}") from error
    return parse_contexts(path, found)


def save_contexts(contexts: Contexts) -> None:
    """Write the file anew, at once; only its owner may read it. Raises OSError."""
    from federation.runtime.files import write_private  # noqa: PLC0415 - most commands do not
    from federation.runtime.yamldump import dumped  # noqa: PLC0415

    text = dumped(contexts.document())
    path = contexts.path.resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, text.encode())


def token_of(config: Config) -> str:
    """The token of a context, empty where it has a certificate; raises InvalidInput."""
    if config.token_file is None:
        return ""
    token = read_token_file(config.token_file, f"token_file {config.token_file}")
    if token is None:
        raise InvalidInput(
            f"token_file {config.token_file} is not there: correct it in fedctl's configuration"
        )
    return token


def open_client(config: Config, timeout_seconds: float | None = None) -> Client:
    """A client of the controller; raises InvalidInput when the token cannot be read."""
    own = None
    if config.certificate_file is not None and config.key_file is not None:
        own = (config.certificate_file, config.key_file)
    more = {} if timeout_seconds is None else {"timeout_seconds": timeout_seconds}
    return Client(config.controller, config.ca_file, token_of(config), certificate=own, **more)
