"""A folder's texts become objects; what is broken takes nothing away."""

from pathlib import Path

import pytest

from cluster_agent.source.folder import MOST_REMARKS, Folder
from cluster_agent.source.objects import Key, Problem
from cluster_agent.source.parsed import parse
from federation.api.base import Document
from federation.api.kubernetes import ServiceDocument
from federation.runtime.yamldocs import load_documents

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


def test_a_change_costs_what_is_in_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder()
    folder.update({f"{number}.yaml": service(f"api-{number}") for number in range(50)})
    looked_at: list[Key] = []
    decide = Folder._decide

    def count(self: Folder, key: Key, before: Document | None) -> bool:
        looked_at.append(key)
        return decide(self, key, before)

    monkeypatch.setattr(Folder, "_decide", count)
    assert folder.update({"7.yaml": service("api-7", 81)}) == {key("api-7")}
    assert looked_at == [key("api-7")]
    problems = folder.problems
    folder.update({"8.yaml": service("api-8", 81)})
    assert folder.problems is problems, "they are not gathered again"


def test_of_three_files_with_one_object_the_next_takes_over_each_time() -> None:
    folder = Folder()
    for name, port in (("c", 3), ("a", 1), ("b", 2)):
        folder.update({f"{name}.yaml": service("api", port)})
    for name, port, left in (("a", 1, 2), ("b", 2, 1), ("c", 3, 0)):
        found = folder.objects[key("api")]
        assert isinstance(found, ServiceDocument)
        assert (found.spec.ports[0].port, len(folder.problems)) == (port, left)
        assert folder.update({}, [f"{name}.yaml"]) == {key("api")}
    assert folder.objects == {}


def test_a_shorter_text_may_be_a_half_written_one_but_a_broken_text_is_not() -> None:
    folder = Folder()
    folder.update({"a.yaml": service("api") + "---\n" + service("web")})
    assert folder.would_shrink("a.yaml", parse("a.yaml", service("api")))
    assert not folder.would_shrink(
        "a.yaml", parse("a.yaml", service("api") + "---\n" + service("web", 9))
    )
    assert not folder.would_shrink("a.yaml", parse("a.yaml", "a: ["))


HUGE = "0x" + "F" * 4000


@pytest.mark.parametrize(
    "text",
    [
        service("api").replace("80", HUGE),
        service("api").replace("name: api", f"name: {HUGE}"),
        service("api").replace("name: api", f"name: api, labels: {{a: {HUGE}}}"),
        service("api").replace("name: api", f"name: api, creationTimestamp: {HUGE}"),
        service("api").replace("name: api", f"name: api, annotations: {{a: {'[' * 60}{']' * 60}}}"),
        f"apiVersion: {HUGE}\nkind: [{HUGE}]\n",
        "apiVersion: v1\nkind: ServiceList\nitems: {a: 1}\n",
    ],
)
def test_one_value_of_one_file_harms_no_other_file(text: str) -> None:
    folder = Folder()
    assert folder.update({"a.yaml": text, "b.yaml": service("web")}) == {key("web")}
    [problem] = folder.problems
    assert problem.where.startswith("a.yaml:")
    assert folder.unread == ("a.yaml",)


def test_a_fault_that_nobody_thought_of_is_a_problem_of_its_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(text: str, name: str) -> list[tuple[int, object]]:
        if name == "a.yaml":
            raise RecursionError("too deep\nfor us")
        return load_documents(text, name)

    monkeypatch.setattr("cluster_agent.source.parsed.load_documents", fails)
    folder = Folder()
    assert folder.update({"a.yaml": "a: 1", "b.yaml": service("web")}) == {key("web")}
    [problem] = folder.problems
    assert problem == Problem(
        "a.yaml", r"the file cannot be read (RecursionError: too deep\nfor us)"
    )


def test_files_of_other_programs_are_neither_problems_nor_unread() -> None:
    folder = Folder()
    texts = {
        "kustomization.yaml": "resources: [a.yaml]\n",
        "values.yaml": "replicas: 2\nkind: DaemonSet\n",
        "patch.json": '[{"op": "remove", "path": "/a"}]',
        "a.yaml": service("api"),
    }
    assert folder.update(texts) == {key("api")}
    assert (folder.problems, folder.unread) == ((), ())


def test_a_json_file_may_write_a_character_as_two_escapes() -> None:
    folder = Folder()
    text = (
        r'{"apiVersion":"v1","kind":"Service","metadata":{"name":"api","namespace":"shop",'
        r'"annotations":{"a":"\ud83d\ude00"}},"spec":{"ports":[{"port":80}]}}'
    )
    assert folder.update({"a.json": text}) == {key("api")}
    assert folder.objects[key("api")].metadata.annotations == {"a": "😀"}


def test_a_file_of_ours_that_has_lost_its_first_lines_keeps_its_last_good_state() -> None:
    folder = Folder()
    folder.update({"a.yaml": service("api") + "---\n" + service("web")})
    assert folder.update({"a.yaml": service("api") + "---\napiVersion: v1\n"}) == set()
    [problem] = folder.problems
    assert problem.where == "a.yaml:6"
    assert problem.message == (
        "this document has not both apiVersion and kind, but the file had Service shop/web; its "
        "last good state stays"
    )
    assert folder.update({"a.yaml": service("api")}) == {key("web")}
    assert folder.problems == ()


def test_a_misspelt_field_is_a_remark_with_its_place_and_the_rest_of_the_file_counts() -> None:
    folder = Folder()
    text = service("api").replace("ports", "prts") + "---\n" + service("web")
    assert folder.update({"a.yaml": text}) == {key("api"), key("web")}
    message = (
        "Service shop/api: spec.prts is not a known field (did you mean ports?) and has no effect"
    )
    assert folder.problems == (Problem("a.yaml:1", message, is_remark=True),)
    assert folder.unread == ()
    assert folder.update({"a.yaml": service("api") + "---\n" + service("web")}) == {key("api")}
    assert not folder.problems


def test_a_document_without_its_version_is_said_to_be_passed_over() -> None:
    folder = Folder()
    assert folder.update({"a.yaml": service("api").partition("\n")[2]}) == set()
    [problem] = folder.problems
    assert problem.where == "a.yaml:1"
    assert problem.message == "this has a name, but no apiVersion: it is passed over"


def test_what_is_nearly_an_object_is_said_to_be_passed_over() -> None:
    folder = Folder()
    bare = '[{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api"}}]'
    texts = {"a.json": bare, "b.yaml": service("web").replace("Service", "service")}
    assert folder.update(texts) == set()
    assert [(p.where, p.is_remark) for p in folder.problems] == [
        ("a.json:1", True),
        ("b.yaml:1", True),
    ]
    assert folder.unread == ()


def test_links_that_are_passed_over_are_problems_and_nothing_is_unread() -> None:
    folder = Folder()
    folder.set_unreadable({}, {"me/": "it is the folder itself"})
    assert folder.problems == (Problem("me/", "it is passed over: it is the folder itself"),)
    assert folder.unread == ()
    folder.set_unreadable({})
    assert not folder.problems


def test_remarks_are_bounded() -> None:
    folder = Folder()
    texts = {
        f"{number:03}.yaml": service(f"api-{number}").replace("ports", "prts")
        for number in range(MOST_REMARKS + 5)
    }
    folder.update(texts)
    assert len(folder.problems) == MOST_REMARKS + 1
    assert folder.problems[-1].message == "and 5 more remarks about documents"


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
