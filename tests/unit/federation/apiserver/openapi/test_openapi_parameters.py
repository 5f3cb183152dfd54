"""Parameters of requests."""

from federation.apiserver.openapi.parameters import of_path, query


def names(verb: str, *, watches: bool = False) -> set[str]:
    return {parameter["name"] for parameter in query(verb, watches=watches)}


def test_what_kubectl_looks_for() -> None:
    assert {"dryRun", "fieldManager", "fieldValidation", "force"} == names("patch")
    assert {"dryRun", "fieldManager", "fieldValidation"} == names("create") == names("update")
    assert {"limit", "continue", "labelSelector", "fieldSelector"} < names("list")


def test_only_lists_that_can_be_watched_say_so() -> None:
    watching = {"watch", "allowWatchBookmarks", "sendInitialEvents"}
    assert not watching & names("list")
    assert watching < names("list", watches=True)
    assert not watching & names("get", watches=True)


def test_parameters_of_the_path() -> None:
    found = of_path("Thing", namespaced=True, named=True)
    assert [(p["name"], p["in"], p.get("required", False)) for p in found] == [
        ("pretty", "query", False),
        ("namespace", "path", True),
        ("name", "path", True),
    ]
    assert len(of_path("Thing", namespaced=False, named=False)) == 1
