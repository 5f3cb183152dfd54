"""Schemas that all groups have in common."""

from federation.apiserver.openapi.meta import COMPONENTS, VERSION_INFO
from federation.apiserver.openapi.names import META


def test_what_clients_look_for_is_there() -> None:
    for kind in ("ObjectMeta", "ListMeta", "Status", "DeleteOptions", "WatchEvent", "Patch"):
        assert COMPONENTS[f"{META}.{kind}"]["type"] == "object"


def test_the_version_has_all_that_the_python_client_asks_for() -> None:
    asked = {"buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion"}
    assert asked < set(COMPONENTS[VERSION_INFO]["required"])


def test_names_have_nothing_that_a_reference_must_escape() -> None:
    assert not any(set(name) & set("/~%") for name in COMPONENTS)
