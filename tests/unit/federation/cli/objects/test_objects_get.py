"""`get`, `events` and `api-resources` show what the server has, as the server shows it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import yaml

from federation.cli.commands import api_resources, events, get
from federation.cli.io import Format
from federation.cli.objects.options import Form
from federation.client.statuses import Expired
from federation.controller.objects.events import Events
from federation.model.errors import Failed, FedmeshError, InvalidInput, NotReady
from tests.unit.fakes.verbs import Verbs, verbs


@pytest_asyncio.fixture
async def v() -> AsyncIterator[Verbs]:
    async with verbs() as made:
        await made.put("trafficpolicies", "near", {"mode": "Locality"}, labels={"app": "api"})
        await made.put("trafficpolicies", "far", {"mode": "None"})
        yield made


async def got(v: Verbs, *words: str, namespace: str = "shop", **how: Any) -> int:
    return await v.run(get.run, get.Options(v.session(namespace), words, **how))


@pytest.mark.parametrize(
    "word",
    ["tp", "TP", "trafficpolicies", "trafficpolicy", "TrafficPolicy", "tp.fedmesh.dev",
     "trafficpolicies.v1alpha1.fedmesh.dev"],
)  # fmt: skip
async def test_a_kind_is_known_by_all_its_words(v: Verbs, word: str) -> None:
    assert await got(v, word) == 0
    header, *rows = v.shown()
    assert header.split() == ["NAME", "MODE", "ACCEPTED", "AGE"]
    assert [row.split()[:3] for row in rows] == [["far", "None", "-"], ["near", "Locality", "-"]]


async def test_columns_of_wide_tables_and_namespaces_come_from_the_server(v: Verbs) -> None:
    await got(v, "tp", namespace="", every=True)
    assert v.shown()[0].split() == ["NAMESPACE", "NAME", "MODE", "ACCEPTED", "AGE"]
    assert v.shown()[1].split()[:2] == ["shop", "far"]
    await v.put("namespaces", "shop")
    await got(v, "ns", form=Form.WIDE)
    assert v.shown()[0].split() == ["NAME", "STATUS", "AGE"]


async def test_names_selectors_and_forms(v: Verbs) -> None:
    await got(v, "tp", "near", form=Form.NAME)
    assert v.shown() == ["trafficpolicy.fedmesh.dev/near"]
    await got(v, "tp", labels="app=api", form=Form.NAME)
    assert v.shown() == ["trafficpolicy.fedmesh.dev/near"]
    await got(v, "tp", fields="metadata.name!=near", form=Form.NAME)
    assert v.shown() == ["trafficpolicy.fedmesh.dev/far"]
    await got(v, "tp/near", "tp/far", form=Form.NAME)
    assert v.shown() == ["trafficpolicy.fedmesh.dev/near", "trafficpolicy.fedmesh.dev/far"]
    await got(v, "tp", "near", form=Form.JSON)
    found = json.loads(v.out.getvalue())
    assert (found["kind"], found["spec"]["mode"]) == ("TrafficPolicy", "Locality")
    assert "managedFields" not in found["metadata"]
    await got(v, "tp", "near", form=Form.JSON, managed=True)
    assert "managedFields" in json.loads(v.out.getvalue())["metadata"]
    await got(v, "tp", form=Form.YAML)
    found = yaml.safe_load(v.out.getvalue())
    assert found["kind"] == "List"
    assert [(i["kind"], i["metadata"]["name"]) for i in found["items"]] == [
        ("TrafficPolicy", "far"),
        ("TrafficPolicy", "near"),
    ]


async def test_several_kinds_have_a_table_each_with_their_names_said_in_full(v: Verbs) -> None:
    await v.put("namespaces", "shop")
    await got(v, "tp,ns")
    names = [line.split()[0] for line in v.shown() if line]
    assert names == [
        "NAME", "trafficpolicy.fedmesh.dev/far", "trafficpolicy.fedmesh.dev/near",
        "NAME", "namespace/shop",
    ]  # fmt: skip


async def test_a_category_is_all_its_kinds_and_shows_those_that_can_be_had(v: Verbs) -> None:
    assert await got(v, "fedmesh") == NotReady.exit_code, "this world has only some of them"
    assert [line.split()[0] for line in v.shown()][1:] == [
        "trafficpolicy.fedmesh.dev/far",
        "trafficpolicy.fedmesh.dev/near",
    ]
    assert "clusters: the server could not find the requested resource\n" in v.err.getvalue()


async def test_nothing_is_success_and_said(v: Verbs) -> None:
    assert await got(v, "tp", namespace="other") == 0
    assert (v.shown(), v.err.getvalue()) == ([], "no trafficpolicies in namespace other\n")


@pytest.mark.parametrize(
    ("words", "how", "error", "said"),
    [
        (("tpp",), {}, InvalidInput, "no kind 'tpp', only"),
        (("tp", "none"), {}, NotReady, 'trafficpolicies.fedmesh.dev "none" not found'),
        (("tp", "a", "tp/b"), {}, InvalidInput, "stands beside"),
        (("tp/..",), {}, InvalidInput, "no name"),
        (("tp", "near"), {"labels": "a=b"}, InvalidInput, "names and selectors"),
        (("tp", "near"), {"every": True}, InvalidInput, "one namespace"),
        (("tp",), {"labels": "a in b"}, InvalidInput, "labelSelector"),
        (("tp",), {"fields": "spec.mode=x"}, InvalidInput, "field label not supported"),
        (("tp,ns",), {"watch": True}, InvalidInput, "one kind"),
        (("tp", "none"), {"watch": True}, NotReady, "not found"),
    ],
)
async def test_mistakes_are_a_sentence(
    v: Verbs, words: tuple[str, ...], how: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said.replace("(", r"\(")):
        await got(v, *words, **how)
    assert v.shown() == []


async def seen(v: Verbs, lines: int) -> list[str]:
    """The lines that a watch has shown, as soon as there are so many."""
    await v.until(lambda: len(v.shown()) >= lines)
    return v.shown()


async def test_a_watch_shows_what_changes_below_what_was_there(v: Verbs) -> None:
    watch = asyncio.ensure_future(got(v, "tp", watch=True))
    await seen(v, 3)
    await v.put("trafficpolicies", "next", {"mode": "None"})
    *_, last = await seen(v, 4)
    assert last.split()[:2] == ["next", "None"]
    await v.world.ask(
        "PATCH",
        "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies/far",
        {"spec": {"mode": "Locality"}},
        Content_Type="application/merge-patch+json",
    )
    *_, last = await seen(v, 5)
    assert last.split()[:2] == ["far", "Locality"]
    assert last.index("Locality") == v.shown()[0].index("MODE")
    await v.end(watch)


async def test_a_watch_of_one_object_shows_documents(v: Verbs) -> None:
    watch = asyncio.ensure_future(got(v, "tp", "near", watch=True, form=Form.YAML))
    await seen(v, 5)
    await v.put("trafficpolicies", "other", {"mode": "None"})
    await v.world.ask("DELETE", "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies/near")
    await v.until(lambda: "\n---\n" in v.out.getvalue())
    found = list(yaml.safe_load_all(v.out.getvalue()))
    assert [one["metadata"]["name"] for one in found] == ["near", "near"]
    await v.end(watch)


async def test_events_are_those_of_an_object_the_newest_last(v: Verbs) -> None:
    policies = (await v.world.ask("GET", "/apis/fedmesh.dev/v1alpha1/trafficpolicies"))[1]["items"]
    kept = Events(v.world.of[v.world.kind("Event")])
    for at, found in enumerate(policies):
        whole = {"kind": "TrafficPolicy", "apiVersion": "fedmesh.dev/v1alpha1", **found}
        kept.note(whole, "Normal", "Accepted", f"number {9 - at}", 1000.0 - at)
    options = events.Options(v.session("shop"), form=Form.JSON)
    assert await v.run(events.run, options) == 0
    assert len(json.loads(v.out.getvalue())["items"]) == 2
    await v.run(events.run, events.Options(v.session("shop")))
    assert [line.split()[-1] for line in v.shown()] == ["MESSAGE", "8", "9"]
    await v.run(events.run, events.Options(v.session("shop"), "tp/near"))
    assert len(v.shown()) == 2
    assert "near" in v.shown()[1]


async def test_kinds_are_listed_with_the_words_for_them(v: Verbs) -> None:
    await v.run(api_resources.run, api_resources.Options(v.session(), Format.TABLE))
    assert v.shown()[0].split() == ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
    rows = [line.split() for line in v.shown()]
    assert ["trafficpolicies", "tp", "fedmesh.dev/v1alpha1", "true", "TrafficPolicy"] in rows
    assert ["namespaces", "ns", "v1", "false", "Namespace"] in rows


async def test_discovery_is_asked_for_once_and_then_only_whether_it_holds(v: Verbs) -> None:
    await got(v, "tp")
    kept = dict(v.cache.kept)
    assert set(kept) == {"/api", "/apis"}
    v.cache.store = lambda url, documents: pytest.fail("it is kept already")  # type: ignore[method-assign]
    await got(v, "tp")
    assert v.cache.kept == kept


async def test_a_watch_whose_past_is_gone_lists_again_and_tells_the_difference(v: Verbs) -> None:
    watch = asyncio.ensure_future(got(v, "tp", watch=True, form=Form.NAME))
    await seen(v, 2)
    await v.watched()
    errors: list[FedmeshError] = [Failed("it is away"), Failed("still"), Expired("too old")]

    def breaks(method: str, path: str) -> None:
        if errors and "watch=true" in path:
            raise errors.pop(0)

    v.opener.before = breaks
    await v.until(lambda: v.cut() or len(errors) < 3)
    for n in range(3):
        await v.put("trafficpolicies", f"p{n}", {"mode": "None"})
    assert sorted((await seen(v, 5))[2:]) == [f"trafficpolicy.fedmesh.dev/p{n}" for n in range(3)]
    await v.end(watch)
    assert len(v.shown()) == 5
    assert v.err.getvalue().count("waiting: ") == 1, "a controller that is away is told of once"


async def test_lists_are_read_page_by_page(v: Verbs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("federation.client.objects._PAGE", 1)
    await got(v, "tp", form=Form.NAME)
    assert len(v.shown()) == 2
    assert sum("continue=" in asked for asked in v.opener.asked) == 1
    await got(v, "tp")
    assert [line.split()[0] for line in v.shown()] == ["NAME", "far", "near"]
