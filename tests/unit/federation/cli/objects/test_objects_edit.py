"""`edit`, `describe`, `wait`, `explain`: what people read and write about one object."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from federation.cli.commands import describe, edit, explain, wait
from federation.cli.objects.editing import EditFile
from federation.cli.objects.goals import goal_of
from federation.cli.objects.merge import change, contested
from federation.controller.objects.events import Events
from federation.model.errors import Denied, Failed, InvalidInput, NotReady
from tests.unit.fakes.verbs import Verbs, verbs

NEAR = "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies/near"


@pytest_asyncio.fixture
async def v() -> AsyncIterator[Verbs]:
    async with verbs() as made:
        await made.put("trafficpolicies", "near", {"mode": "Locality"}, labels={"app": "api"})
        yield made


class Edits(EditFile):
    """An editor that does one thing after the other to the text."""

    def __init__(self, folder: Path, *edits: Any) -> None:
        super().__init__({})
        self.folder = folder
        self.left = list(edits)
        self.seen: list[str] = []

    def edit(self, text: str) -> str:
        self.path = self.folder / "text.yaml"
        self.seen.append(text)
        done = self.left.pop(0)
        edited: str = done(text) if callable(done) else text.replace(*done)
        self.path.write_text(edited)
        return edited


async def edited(v: Verbs, file: EditFile) -> int:
    return await v.run(edit.run, edit.Options(v.session("shop"), ("tp", "near"), file))


async def merge(v: Verbs, spec: dict[str, Any], **metadata: Any) -> None:
    body = {"metadata": metadata, "spec": spec}
    media = "application/merge-patch+json"
    assert (await v.world.ask("PATCH", NEAR, body, Content_Type=media))[0] == 200


async def found(v: Verbs) -> dict[str, Any]:
    whole: dict[str, Any] = (await v.world.ask("GET", NEAR))[1]
    return whole


async def test_a_change_is_written_and_the_file_is_gone(v: Verbs, tmp_path: Path) -> None:
    file = Edits(tmp_path, ("Locality", "None"))
    assert await edited(v, file) == 0
    assert v.shown() == ["trafficpolicy.fedmesh.dev/near edited"]
    assert (await found(v))["spec"]["mode"] == "None"
    assert "managedFields" not in file.seen[0]
    assert os.listdir(tmp_path) == []  # noqa: PTH208


@pytest.mark.parametrize("undone", [("x", "x"), lambda text: "", lambda text: f"# more\n{text}"])
async def test_without_a_change_nothing_is_written(v: Verbs, tmp_path: Path, undone: Any) -> None:
    before = await found(v)
    assert await edited(v, Edits(tmp_path, undone)) == 0
    assert (v.shown(), v.err.getvalue()) == ([], "trafficpolicy.fedmesh.dev/near is as it was\n")
    assert await found(v) == before
    assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_what_is_refused_is_shown_again_with_the_reason(v: Verbs, tmp_path: Path) -> None:
    file = Edits(tmp_path, ("Locality", "Nonsense"), ("Nonsense", "{"), ("mode: {", "mode: None"))
    assert await edited(v, file) == 0
    assert "spec.mode" in file.seen[1].partition("apiVersion")[0]
    assert "mode: Nonsense" in file.seen[1]
    assert "# what you wrote:" in file.seen[2]
    assert (await found(v))["spec"]["mode"] == "None"


async def test_who_gives_up_keeps_the_text(v: Verbs, tmp_path: Path) -> None:
    file = Edits(tmp_path, ("Locality", "Nonsense"), ("x", "x"))
    with pytest.raises(InvalidInput, match=r"spec\.mode.*: your text is kept in .*text\.yaml"):
        await edited(v, file)
    assert "mode: Nonsense" in (tmp_path / "text.yaml").read_text()
    assert (await found(v))["spec"]["mode"] == "Locality"


class Meanwhile:
    """Somebody who changes the object while it is edited."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        change: Callable[[], Coroutine[Any, Any, None]],
        edit: tuple[str, str],
    ) -> None:
        self._do: Callable[[], None] = lambda: asyncio.run_coroutine_threadsafe(
            change(), loop
        ).result(5)
        self._edit = edit

    def __call__(self, text: str) -> str:
        self._do()
        return text.replace(*self._edit)


async def test_a_change_of_others_to_other_fields_stays(v: Verbs, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    other = Meanwhile(loop, lambda: merge(v, {}, labels={"b": "c"}), ("Locality", "None"))
    assert await edited(v, Edits(tmp_path, other)) == 0
    after = await found(v)
    assert after["spec"]["mode"] == "None"
    assert after["metadata"]["labels"] == {"app": "api", "b": "c"}


async def test_a_change_of_others_to_the_same_is_decided_by_people(
    v: Verbs, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    other = Meanwhile(
        loop, lambda: merge(v, {}, labels={"app": "web", "b": "c"}), ("app: api", "app: db")
    )
    file = Edits(tmp_path, other, ("x", "x"))
    assert await edited(v, file) == 0
    assert "somebody else changed metadata.labels.app meanwhile" in file.seen[1]
    assert (await found(v))["metadata"]["labels"] == {"app": "db", "b": "c"}


async def test_the_editor_is_the_users(v: Verbs, tmp_path: Path) -> None:
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\n[ "$1" = -x ] && sed -i s/Locality/None/ "$2"\n')
    script.chmod(0o755)
    file = EditFile({"EDITOR": f"{script} -x"})
    assert await edited(v, file) == 0
    assert (await found(v))["spec"]["mode"] == "None"
    assert file.path is not None
    assert not file.path.exists()


@pytest.mark.parametrize(("editor", "said"), [("false", "ended with 1"), ("/no/ed", "started")])
async def test_an_editor_that_fails_is_named(v: Verbs, editor: str, said: str) -> None:
    file = EditFile({"VISUAL": editor})
    with pytest.raises(Failed, match=f"{said}.*your text is kept in"):
        await edited(v, file)
    assert file.path is not None
    assert file.path.stat().st_mode & 0o077 == 0
    os.unlink(file.path)  # noqa: PTH108 - it is ours


@pytest.mark.parametrize("command", [" ", 'vi "'])
def test_an_editor_that_is_no_command_is_a_sentence(command: str) -> None:
    with pytest.raises(InvalidInput, match="is no command"):
        EditFile({"EDITOR": command})


def test_changes_and_what_is_contested() -> None:
    assert change({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"c": 3, "d": 2}, "e": []}) == {
        "a": None,
        "b": {"c": 3},
        "e": [],
    }
    assert contested({"a": {"b": 1, "c": 2}, "d": 1}, {"a": {"b": 2, "c": 2}, "e": 1}) == ["a.b"]


async def test_a_description_has_all_of_an_object(v: Verbs) -> None:
    held = v.world.of[v.world.kind("TrafficPolicy")]
    before = held.get("shop", "near")
    assert before is not None
    condition = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "it is"}
    held.put({**before.object, "status": {"conditions": [condition], "seen": 3}}, before.stored)
    kept = Events(v.world.of[v.world.kind("Event")])
    kept.note(before.object, "Normal", "Accepted", "it was accepted", 1_000.0)
    options = describe.Options(v.session("shop"), ("tp", "near"))
    assert await v.run(describe.run, options) == 0
    text = v.out.getvalue()
    for part in ("Name:         near", "Namespace:    shop", "  app: api", "Spec:\n", "  mode: Loc",
                 "Status:\n  seen: 3", "Conditions:\n  TYPE", "  Accepted  True",
                 "Events:\n  LAST SEEN", "it was accepted"):  # fmt: skip
        assert part in text, part

    def denies(method: str, path: str) -> None:
        if "/events" in path:
            raise Denied("no")

    v.opener.before = denies
    await v.run(describe.run, options)
    assert v.shown()[-1].startswith("Events:       they may not be read")


async def waited(v: Verbs, goal: str, *words: str) -> int:
    options = wait.Options(v.session("shop"), words or ("tp/near",), goal, 5.0)
    return await v.run(wait.run, options)


async def test_what_is_so_already_needs_no_time(v: Verbs) -> None:
    for goal, said in (
        ("create", "created"),
        ("jsonpath={.spec.mode}=Locality", "condition met"),
        ("jsonpath='{.spec.mode}'", "condition met"),
        ("jsonpath=.metadata.labels.app=api", "condition met"),
    ):
        assert await waited(v, goal) == 0
        assert v.shown() == [f"trafficpolicy.fedmesh.dev/near {said}"]
    assert await waited(v, "delete", "tp/none") == 0
    assert not any("watch=true" in asked for asked in v.opener.asked)


async def test_what_comes_is_waited_for(v: Verbs) -> None:
    waiting = asyncio.ensure_future(waited(v, "condition=accepted"))
    await v.watched()
    held = v.world.of[v.world.kind("TrafficPolicy")]
    before = held.get("shop", "near")
    assert before is not None
    for generation in (0, 1):  # of an object before it was changed, and of this one
        condition = {"type": "Accepted", "status": "True", "observedGeneration": generation}
        held.put({**before.object, "status": {"conditions": [condition]}}, before.stored)
    assert await waiting == 0
    waiting = asyncio.ensure_future(waited(v, "delete"))
    await v.watched(2)
    await v.world.ask("DELETE", NEAR)
    assert await waiting == 0
    with pytest.raises(NotReady, match="not found"):
        await waited(v, "condition=Accepted")


async def test_the_time_to_wait_is_bounded_also_when_the_controller_is_away(v: Verbs) -> None:
    def is_away(method: str, path: str) -> None:
        if "watch=true" in path:
            raise Failed("it is away")

    v.opener.before = is_away
    with pytest.raises(Failed):
        await waited(v, "condition=Accepted")
    assert v.clock.time == 5.0


@pytest.mark.parametrize(
    "text", ["", "Ready", "condition", "delete=1", "jsonpath=", "jsonpath={.a", "jsonpath=a b",
             "jsonpath={.a}b"]
)  # fmt: skip
def test_a_goal_that_is_none_is_a_sentence(text: str) -> None:
    with pytest.raises(InvalidInput, match="--for"):
        goal_of(text)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("condition=Ready", True), ("condition=ready=true", True), ("condition=Ready=False", False),
        ("condition=Other", False), ("jsonpath={.status.n}=3", True),
        ("jsonpath={.status.x}", False),
        ("jsonpath={.status.on}=true", True),
        ("jsonpath={.status.conditions[?(@.type=='Ready')].status}=True", True),
        ("jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=No", False),
    ],
)  # fmt: skip
def test_a_goal_judges_an_object(text: str, holds: bool) -> None:
    status = {"conditions": [{"type": "Ready", "status": "True"}], "n": 3, "on": True}
    assert goal_of(text).holds({"metadata": {}, "status": status}) is holds
    assert goal_of(text).holds(None) is False


async def test_fields_are_explained_by_the_servers_words(v: Verbs) -> None:
    assert await v.run(explain.run, explain.Options(v.session(), "tp")) == 0
    assert v.shown()[:2] == ["KIND:     TrafficPolicy", "VERSION:  fedmesh.dev/v1alpha1"]
    assert "  spec <object>" in v.out.getvalue()
    await v.run(explain.run, explain.Options(v.session(), "tp.spec.targetRefs.name"))
    assert "FIELD:    spec.targetRefs.name <string>" in v.shown()
    assert "The name of the Service, in the namespace of the policy." in v.shown()
    await v.run(explain.run, explain.Options(v.session(), "TrafficPolicy.spec"))
    assert "    values: Locality, Ordered, None" in v.shown()
    await v.run(explain.run, explain.Options(v.session(), "ns.metadata.labels"))
    assert "FIELD:    metadata.labels <map of string>" in v.shown()
    with pytest.raises(InvalidInput, match="spec has no field 'mod', but"):
        await v.run(explain.run, explain.Options(v.session(), "tp.spec.mod"))
