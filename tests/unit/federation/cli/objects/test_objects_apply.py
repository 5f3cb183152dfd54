"""`apply`, `diff` and `delete`: all is checked before anything is done, and said in a line each."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from federation.cli.commands import apply, delete, diff, get
from federation.cli.objects.options import Form
from federation.model.errors import Conflict, Failed, InvalidInput, NotReady
from tests.unit.fakes.verbs import Verbs, verbs

POLICIES = "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies"


def policy(name: str, mode: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "fedmesh.dev/v1alpha1",
        "kind": "TrafficPolicy",
        "metadata": {"name": name, "namespace": "shop", **metadata},
        "spec": {"mode": mode},
    }


NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}


@pytest_asyncio.fixture
async def v() -> AsyncIterator[Verbs]:
    async with verbs() as made:
        yield made


def written(folder: Path, *documents: Any, name: str = "a.yaml") -> str:
    file = folder / name
    file.write_text(yaml.safe_dump_all(documents))
    return str(file)


async def applied(v: Verbs, *files: str, namespace: str = "", **how: Any) -> list[str]:
    options = apply.Options(v.session(namespace), files, **how)
    assert await v.run(apply.run, options) == 0
    return v.shown()


async def test_documents_are_created_configured_and_left_alone(v: Verbs, tmp_path: Path) -> None:
    file = written(tmp_path, NAMESPACE, policy("near", "Locality"))
    assert await applied(v, file) == [
        "namespace/shop created",
        "trafficpolicy.fedmesh.dev/near created",
    ]
    assert (await applied(v, file))[1] == "trafficpolicy.fedmesh.dev/near unchanged"
    file = written(tmp_path, policy("near", "None"))
    assert await applied(v, file, is_dry=True) == [
        "trafficpolicy.fedmesh.dev/near configured (dry run)"
    ]
    assert await applied(v, file) == ["trafficpolicy.fedmesh.dev/near configured"]
    _, found = await v.world.ask("GET", f"{POLICIES}/near")
    assert found["spec"]["mode"] == "None"
    assert {m["manager"] for m in found["metadata"]["managedFields"]} == {"fedctl"}


async def test_what_get_shows_can_be_applied(v: Verbs, tmp_path: Path) -> None:
    await applied(v, written(tmp_path, policy("near", "None"), policy("far", "None")))
    await v.run(get.run, get.Options(v.session("shop"), ("tp",), Form.YAML))
    file = tmp_path / "list.yaml"
    file.write_text(v.out.getvalue())
    assert await applied(v, str(file)) == [
        "trafficpolicy.fedmesh.dev/far unchanged",
        "trafficpolicy.fedmesh.dev/near unchanged",
    ]


async def test_folders_and_stdin_are_read(
    v: Verbs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, policy("b", "None"), name="b.yml")
    written(tmp_path, policy("a", "None"), name="a.json")
    (tmp_path / "notes.txt").write_text("{")
    data = yaml.safe_dump(policy("c", "None")).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    lines = await applied(v, str(tmp_path), "-")
    assert [line.split()[0].rpartition("/")[2] for line in lines] == ["a", "b", "c"]


async def test_nothing_is_applied_when_one_document_is_wrong(v: Verbs, tmp_path: Path) -> None:
    documents = (policy("a", "None"), policy("b", "Nonsense"), policy("c", "Neither"))
    file = written(tmp_path, *documents)
    with pytest.raises(InvalidInput, match=r"a\.yaml:\d+: trafficpolicy\.fedmesh\.dev/b: .*mode"):
        await applied(v, file)
    assert "/c: " in v.err.getvalue(), "all mistakes are said"
    assert v.shown() == []
    assert (await v.world.ask("GET", POLICIES))[1]["items"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: [", "a.yaml:1: this is not YAML"),
        ("- 1", r"a.yaml:1: \[1\] is no object"),
        ("kind: TrafficPolicy", "apiVersion is missing"),
        ("apiVersion: 3\nkind: TrafficPolicy", "apiVersion is 3, but must be text"),
        ("apiVersion: fedmesh.dev/v1\nkind: TrafficPolicy", "but TrafficPolicy of fedmesh.dev/v1a"),
        ("apiVersion: v1\nkind: Pod", "no kind 'Pod'"),
        ("apiVersion: v1\nkind: Namespace", "metadata is None"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {}", "metadata.name is missing"),
        ("", "there is no document in"),
        ("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n" * 2, "stated already at"),
        (
            "apiVersion: fedmesh.dev/v1alpha1\nkind: TrafficPolicy\n"
            "metadata: {name: a, namespace: other}",
            "metadata.namespace is 'other', but -n says shop",
        ),
    ],
)
async def test_a_document_that_is_none_is_named_by_its_line(
    v: Verbs, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InvalidInput, match=said):
        await applied(v, str(tmp_path / "a.yaml"), namespace="shop")
    assert not any("PATCH" in asked for asked in v.opener.asked)


@pytest.mark.parametrize("files", [(), ("none.yaml",)])
async def test_a_file_must_be_named_and_be_there(v: Verbs, files: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match=r"name a file|none\.yaml cannot be read"):
        await applied(v, *files)


async def test_fields_of_others_are_taken_only_when_that_is_said(v: Verbs, tmp_path: Path) -> None:
    await v.put("trafficpolicies", "near", {"mode": "Locality"})
    file = written(tmp_path, policy("near", "None"))
    with pytest.raises(Conflict, match=r"\.spec\.mode.*--force-conflicts"):
        await applied(v, file)
    assert await applied(v, file, force=True) == ["trafficpolicy.fedmesh.dev/near configured"]


async def test_what_was_applied_before_a_failure_is_said(v: Verbs, tmp_path: Path) -> None:
    def breaks(method: str, path: str) -> None:
        if method == "PATCH" and "/b?" in path and "dryRun" not in path:
            raise Failed("it is away")

    v.opener.before = breaks
    with pytest.raises(Failed, match="/b: it is away"):
        await applied(v, written(tmp_path, policy("a", "None"), policy("b", "None")))
    assert v.shown() == ["trafficpolicy.fedmesh.dev/a created"]
    assert v.err.getvalue() == "1 of 2 documents were applied\n"


async def differing(v: Verbs, *files: str) -> int:
    return await v.run(diff.run, diff.Options(v.session(), files))


async def test_a_diff_shows_what_would_change_and_changes_nothing(v: Verbs, tmp_path: Path) -> None:
    file = written(tmp_path, policy("near", "Locality"))
    assert await differing(v, file) == 1
    assert v.shown()[:2] == ["--- /dev/null", "+++ applied/shop/trafficpolicy.fedmesh.dev/near"]
    await applied(v, file)
    assert (await differing(v, file), v.shown()) == (0, [])
    file = written(tmp_path, policy("near", "None", labels={"a": "b"}))
    assert await differing(v, file) == 1
    changes = [line for line in v.shown() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changes == ["+  labels:", "+    a: b", "-  mode: Locality", "+  mode: None"]
    assert "managedFields" not in v.out.getvalue()
    _, found = await v.world.ask("GET", f"{POLICIES}/near")
    assert found["spec"]["mode"] == "Locality"


async def deleted(v: Verbs, *words: str, namespace: str = "shop", **how: Any) -> int:
    return await v.run(delete.run, delete.Options(v.session(namespace), words, **how))


async def test_objects_are_deleted_by_name_and_by_file(v: Verbs, tmp_path: Path) -> None:
    file = written(tmp_path, NAMESPACE, policy("a", "None"), policy("b", "None"))
    await applied(v, file)
    assert await deleted(v, "tp", "a", is_dry=True) == 0
    assert v.shown() == ["trafficpolicy.fedmesh.dev/a deleted (dry run)"]
    assert await deleted(v, "tp/a", timeout=5.0) == 0
    assert v.shown() == ["trafficpolicy.fedmesh.dev/a deleted"]
    assert await deleted(v, files=(file,), namespace="") == NotReady.exit_code
    assert v.shown() == ["trafficpolicy.fedmesh.dev/b deleted", "namespace/shop deleted"]
    assert '"a" not found' in v.err.getvalue()
    assert await deleted(v, "tp", "a", ignores_missing=True) == 0
    with pytest.raises(NotReady, match="not found"):
        await deleted(v, "tp", "a")


async def test_deletion_waits_for_finalizers_as_long_as_it_should(v: Verbs) -> None:
    await v.put("trafficpolicies", "kept", {"mode": "None"}, finalizers=["a.b/c"])
    with pytest.raises(Failed, match="still there after 3 s: see its finalizers"):
        await deleted(v, "tp", "kept", timeout=3.0)
    assert v.clock.time == 3.0
    assert v.shown() == ["trafficpolicy.fedmesh.dev/kept deleted"]
    assert await deleted(v, "tp", "kept") == 0, "without waiting"


@pytest.mark.parametrize("words", [(), ("tp",), ("tp", "a/b")])
async def test_what_is_deleted_must_be_said(v: Verbs, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput):
        await deleted(v, *words)
    assert not any("DELETE" in asked for asked in v.opener.asked)


class Fleet:
    """Those calls of a `Client` that tell what a cluster's word cuts."""

    def clusters(self) -> list[dict[str, Any]]:
        gateway = {"name": "g", "address": "10.1.0.3"}
        return [{"id": "east", "gateways": [gateway], "connected": True}]

    def services(self) -> list[dict[str, Any]]:
        return []


async def test_a_cluster_leaves_only_when_that_is_meant(v: Verbs) -> None:
    asked: list[str] = []

    def refuses(question: str) -> bool:
        asked.append(question)
        return False

    how: dict[str, Any] = {"client": Fleet(), "consent": refuses}
    assert await deleted(v, "cluster", "east", **how) == 1
    assert asked == ["Departure of cluster east: go on?"]
    assert not any("DELETE" in one for one in v.opener.asked)


async def test_files_and_documents_are_bounded(
    v: Verbs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("MOST_FILES", "MOST_DOCUMENTS"):
        monkeypatch.setattr(f"federation.cli.objects.manifests.{bound}", 2)
    for name in ("a", "b"):
        written(tmp_path, policy(name, "None"), name=f"{name}.yaml")
    assert len(await applied(v, str(tmp_path), is_dry=True)) == 2
    more = written(tmp_path, policy("c", "None"), policy("d", "None"), name="c.yaml")
    with pytest.raises(InvalidInput, match="has 3 files, but at most 2"):
        await applied(v, str(tmp_path))
    with pytest.raises(InvalidInput, match="more than 2 documents"):
        await applied(v, more, str(tmp_path / "a.yaml"))
    (tmp_path / "c.yaml").write_text(f"# {'ä' * 1024 * 1024}")
    with pytest.raises(InvalidInput, match="has more than 1048576 bytes"):
        await applied(v, more)
    (tmp_path / "c.yaml").write_bytes(b"\xff")
    with pytest.raises(InvalidInput, match="is not UTF-8"):
        await applied(v, more)
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidInput, match=r"has no file \*\.yaml, \*\.yml, \*\.json"):
        await applied(v, str(tmp_path / "none"))
