"""The page docs/reference/settings.md, made of what the settings say of themselves.

In: the settings of the six processes (types, limits, defaults and descriptions of their fields).
Out: the page as text; `python -m tests.docs.settings` writes it, a unit test checks it.
"""

from pathlib import Path

from msgspec import NODEFAULT, inspect

from cluster_agent.dns.settings import DnsSettings
from cluster_agent.settings import AgentSettings
from federation.controller.settings import ControllerSettings
from federation.process.settings import Address, Settings
from federation.supervisor.settings import IdentitySettings
from gateway.settings import GatewaySettings
from sidecar.settings import SidecarSettings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "settings.md"

PROCESSES: tuple[tuple[str, type[Settings]], ...] = (
    ("fedmesh-controller", ControllerSettings),
    ("fedmesh-agent", AgentSettings),
    ("fedmesh-dns", DnsSettings),
    ("fedmesh-gateway", GatewaySettings),
    ("fedmesh-identity", IdentitySettings),
    ("fedmesh-sidecar", SidecarSettings),
)
_HEAD = """\
# Settings

<!-- written by `make docs`, do not edit -->

For operators: every process is started as `PROCESS --config FILE`, where FILE is YAML, and takes
`--log-level DEBUG|INFO|WARNING`. A field that is not listed here is a mistake and is refused by
name, as is a value of the wrong type. Settings are read once, at the start. Addresses are written
`HOST:PORT`; relative paths count from the folder of FILE, wherever the process is started.
"""
_TYPES = {"Address": "`HOST:PORT`", "Path": "path"}


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(name, model) for name, model in PROCESSES)])


def _section(name: str, model: type[Settings]) -> str:
    described = inspect.type_info(model)
    assert isinstance(described, inspect.StructType)
    fields = sorted(described.fields, key=lambda field: not field.required)
    rows = [f"| `{f.name}` | {_kind(f.type)} | {_default(f)} | {_meaning(f)} |" for f in fields]
    head = ["| field | type | default | meaning |", "| --- | --- | --- | --- |"]
    return "\n".join([f"## {name}", "", *head, *rows, ""])


def _kind(kind: inspect.Type) -> str:
    """A type in words, with its limits."""
    match kind:
        case inspect.Metadata():
            words = _kind(kind.type)
        case inspect.UnionType():
            words = " or ".join(_kind(t) for t in kind.types if not _is_none(t))
        case inspect.CustomType():
            words = _TYPES[kind.cls.__name__]
        case inspect.VarTupleType():
            words = f"list of {_kind(kind.item_type)}"
        case inspect.StructType():
            inner = (f"`{field.name}`: {_kind(field.type)}" for field in kind.fields)
            words = f"mappings of {', '.join(inner)}"
        case inspect.StrType():
            words = "text"
        case inspect.BoolType():
            words = "true or false"
        case inspect.IntType():
            words = f"whole number{_limits(kind)}"
        case inspect.FloatType():
            words = f"number{_limits(kind)}"
        case _:
            raise TypeError(f"settings page: no words for {kind}")
    return words


def _is_none(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.NoneType)


def _limits(kind: inspect.IntType | inspect.FloatType) -> str:
    low = f"from {kind.ge:g}" if kind.ge is not None else ""
    low = f"above {kind.gt:g}" if kind.gt is not None else low
    high = f"to {kind.le:g}" if kind.le is not None else ""
    words = " ".join(part for part in (low, high) if part)
    return f", {words}" if words else ""


def _default(field: inspect.Field) -> str:
    if field.required:
        return "required"
    if field.default is NODEFAULT or field.default in (None, "", ()):
        return "-"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    if isinstance(field.default, float):
        return f"`{field.default:g}`"
    shown = field.default if isinstance(field.default, str | int | Address) else repr(field.default)
    return f"`{shown}`"


def _meaning(field: inspect.Field) -> str:
    schema = field.type.extra_json_schema if isinstance(field.type, inspect.Metadata) else None
    if not schema or not schema.get("description"):
        raise ValueError(f"settings field {field.name} has no description")
    return str(schema["description"]).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
