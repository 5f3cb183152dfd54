"""Every path of every settings file counts from the folder of that file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import inspect

from federation.process.settings import Address, Settings, load_settings
from tests.docs.settings import PROCESSES

SAMPLES: dict[str, Any] = {
    "domain": "example.internal",
    "advertise": ["127.0.0.1"],
    "cluster": "east",
    "name": "gateway-1",
    "address": "127.0.0.1",
    "workload": "shop/api-1",
    "addresses": "10.96.0.0/16",
}
"""Values of required fields that are neither paths nor HOST:PORT."""


def _struct(kind: inspect.Type) -> inspect.StructType | None:
    match kind:
        case inspect.Metadata():
            return _struct(kind.type)
        case inspect.UnionType():
            return next((s for s in map(_struct, kind.types) if s), None)
        case inspect.StructType():
            return kind
        case _:
            return None


def _is(kind: inspect.Type, wanted: type) -> bool:
    match kind:
        case inspect.Metadata():
            return _is(kind.type, wanted)
        case inspect.UnionType():
            return any(_is(inner, wanted) for inner in kind.types)
        case inspect.CustomType():
            return kind.cls is wanted
        case _:
            return False


def _paths(struct: inspect.StructType, *above: str) -> Iterator[tuple[str, ...]]:
    """All fields that are paths, also those of mappings within."""
    for field in struct.fields:
        if _is(field.type, Path):
            yield (*above, field.encode_name)
        elif inner := _struct(field.type):
            yield from _paths(inner, *above, field.encode_name)


def _document(struct: inspect.StructType, only: tuple[str, ...] = ()) -> dict[str, Any]:
    """The required fields, and the one that is named."""
    document: dict[str, Any] = {}
    for field in struct.fields:
        name, inner = field.encode_name, _struct(field.type)
        if not field.required and name not in only[:1]:
            continue
        if _is(field.type, Path):
            document[name] = f"of/{name}"
        elif _is(field.type, Address):
            document[name] = "127.0.0.1:1"
        elif inner:
            document[name] = _document(inner, only[1:])
        else:
            document[name] = SAMPLES[name]
    return document


def _info(model: type[Settings]) -> inspect.StructType:
    found = inspect.type_info(model)
    assert isinstance(found, inspect.StructType)
    return found


FIELDS = [(process, model, path) for process, model in PROCESSES for path in _paths(_info(model))]


def test_there_are_paths_in_the_settings_of_every_process() -> None:
    assert {process for process, _, _ in FIELDS} == {process for process, _ in PROCESSES}
    assert ("fedmesh-gateway", ("entry", "token_file")) in [(p, path) for p, _, path in FIELDS]


@pytest.mark.parametrize(
    ("process", "model", "path"), FIELDS, ids=[f"{p} {'.'.join(path)}" for p, _, path in FIELDS]
)
def test_a_relative_path_counts_from_the_folder_of_the_file(
    process: str,
    model: type[Settings],
    path: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, elsewhere = tmp_path / "etc", tmp_path / "cwd"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    file = folder / f"{process}.yaml"
    file.write_text(yaml.safe_dump(_document(_info(model), path)))
    for named in (file, Path("../etc") / file.name):
        found: Any = load_settings(model, named)
        for step in path:
            found = getattr(found, step)
        assert found.is_absolute()
        assert found.resolve() == folder / "of" / path[-1]


def test_absolute_paths_and_those_from_home_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, model, path = FIELDS[0]
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    file = tmp_path / "s.yaml"
    for text, wanted in (("/var/lib/x", "/var/lib/x"), ("~/x", f"{tmp_path}/home/x")):
        document = _document(_info(model), path) | {path[0]: text}
        file.write_text(yaml.safe_dump(document))
        assert str(getattr(load_settings(model, file), path[0])) == wanted, process
