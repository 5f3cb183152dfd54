"""A folder's texts become objects; what is broken takes nothing away."""

from pathlib import Path

import pytest

from cluster_agent.sources.folder import Folder
from cluster_agent.sources.source import Key

BOOKINFO = Path(__file__).parents[3] / "data" / "bookinfo.yaml"


def service(name: str, port: int = 80) -> str:
    return (
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\n"
        f"spec: {{ports: [{{name: http, port: {port}}}]}}\n"
    )


def key(name: str) -> Key:
    return Key("Service", "shop", name)


def test_a_file_may_hold_several_documents() -> None:
    folder = Folder()
    assert folder.update({"a.yaml": service("api") + "---\n" + service("web")}) == {
        key("api"),
        key("web"),
    }
    assert set(folder.objects) == {key("api"), key("web")}
    assert folder.problems == ()


def test_only_what_changed_is_named() -> None:
    folder = Folder()
    folder.update({"a.yaml": service("api") + "---\n" + service("web")})
    assert folder.update({"a.yaml": service("api") + "---\n" + service("web", 81)}) == {key("web")}
    assert folder.update({"a.yaml": service("api") + "---\n" + service("web", 81)}) == set()


def test_a_file_that_vanished_withdraws_its_objects() -> None:
    folder = Folder()
    folder.update({"a.yaml": service("api"), "b.yaml": service("web")})
    assert folder.update({}, ["a.yaml"]) == {key("api")}
    assert set(folder.objects) == {key("web")}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (service("api").replace("spec", "\tspec"), "b.yaml:4"),
        (service("api") + "kind: Pod\n", "b.yaml:5"),
        (service("web") + "---\n" + service("api", 70_000), "b.yaml:6"),
        ("a: [", "b.yaml:1"),
        ("x" * 1_100_000, "b.yaml"),
    ],
    ids=["tab", "key-twice", "port", "cut", "huge"],
)
def test_a_broken_file_among_good_ones_keeps_its_last_good_state(text: str, where: str) -> None:
    folder = Folder()
    folder.update({"a.yaml": service("web"), "b.yaml": service("api")})
    assert folder.update({"b.yaml": text, "a.yaml": service("web", 81)}) == {key("web")}
    assert key("api") in folder.objects
    [problem] = folder.problems
    assert problem.where == where
    assert problem.message.endswith("its last good state stays")


def test_a_broken_file_that_is_mended_is_no_problem_any_more() -> None:
    folder = Folder()
    folder.update({"a.yaml": "a: ["})
    assert [p.where for p in folder.problems] == ["a.yaml:1"]
    assert folder.update({"a.yaml": service("api")}) == {key("api")}
    assert not folder.problems


def test_a_broken_file_that_vanished_is_no_problem_any_more() -> None:
    folder = Folder()
    folder.update({"a.yaml": service("api")})
    folder.update({"a.yaml": "a: ["})
    assert folder.update({}, ["a.yaml"]) == {key("api")}
    assert folder.problems == ()


def test_an_unreadable_file_keeps_its_last_good_state() -> None:
    folder = Folder()
    folder.update({"a.yaml": service("api")})
    folder.set_broken("a.yaml", "no permission")
    assert set(folder.objects) == {key("api")}
    assert [(p.where, p.message) for p in folder.problems] == [("a.yaml", "no permission")]


def test_an_object_in_two_files_belongs_to_the_first_by_name() -> None:
    folder = Folder()
    folder.update({"b.yaml": service("api", 81)})
    assert folder.update({"a.yaml": service("api", 80)}) == {key("api")}
    [problem] = folder.problems
    assert problem.where == "b.yaml:1"
    assert problem.message == "Service shop/api is already in a.yaml:1, which counts"


def test_the_second_takes_over_when_the_first_is_gone() -> None:
    folder = Folder()
    folder.update({"a.yaml": service("api", 80), "b.yaml": service("api", 81)})
    assert folder.update({}, ["a.yaml"]) == {key("api")}
    assert folder.problems == ()


def test_a_shorter_text_may_be_a_half_written_one_but_a_broken_text_is_not() -> None:
    folder = Folder()
    folder.update({"a.yaml": service("api") + "---\n" + service("web")})
    assert folder.would_shrink("a.yaml", service("api"))
    assert not folder.would_shrink("a.yaml", service("api") + "---\n" + service("web", 9))
    assert not folder.would_shrink("a.yaml", "a: [")


def test_bookinfo_is_four_services_and_no_problem() -> None:
    folder = Folder()
    folder.update({"bookinfo.yaml": BOOKINFO.read_text()})
    assert sorted(k.name for k in folder.objects) == [
        "details",
        "productpage",
        "ratings",
        "reviews",
    ]
    assert folder.problems == ()
