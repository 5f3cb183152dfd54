"""Server-side apply and the tracking of other writes, as stories of managers of one object."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from federation.apiserver.patching.conflicts import ApplyConflict
from federation.apiserver.patching.json_patch import apply_json_patch
from federation.apiserver.patching.managers import Applied, apply, track_update
from federation.model.errors import InvalidInput
from tests.unit.federation.apiserver.patching_schema import SCHEMA, VERSION, document

Json = dict[str, Any]

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def applying(
    live: Json | None, spec: Json | None, manager: str = "a", *, force: bool = False
) -> Json:
    return apply(live, document(spec), manager, force=force, schema=SCHEMA, now=NOW).object


def updating(before: Json | None, after: Json, manager: str = "u", now: datetime = NOW) -> Json:
    return track_update(before, after, manager, VERSION, schema=SCHEMA, now=now)


def owned(found: Json) -> dict[str, Json]:
    entries = found["metadata"].get("managedFields", [])
    return {entry["manager"]: entry["fieldsV1"].get("f:spec", {}) for entry in entries}


def edited(found: Json, **spec: object) -> Json:
    changed = deepcopy(found)
    for name, value in spec.items():
        if value is None:
            changed["spec"].pop(name, None)
        else:
            changed["spec"][name] = value
    return changed


# apply


def test_an_object_is_made_with_its_owner() -> None:
    assert applying(None, {"mode": "on"}) == {
        **document({"mode": "on"}),
        "metadata": {
            "name": "one",
            "managedFields": [
                {
                    "manager": "a",
                    "operation": "Apply",
                    "apiVersion": VERSION,
                    "time": "2026-01-02T03:04:05Z",
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:spec": {"f:mode": {}}},
                }
            ],
        },
    }


def test_the_same_once_more_changes_nothing() -> None:
    live = applying(None, {"mode": "on", "ports": [{"name": "x"}]})
    again = apply(
        live,
        document({"mode": "on", "ports": [{"name": "x"}]}),
        "a",
        force=False,
        schema=SCHEMA,
        now=LATER,
    )
    assert again == Applied(live, changed=False)
    assert again.object is live


def test_what_is_applied_no_more_is_gone() -> None:
    live = applying(None, {"mode": "on", "count": 1, "weights": {"a": 1, "b": 2}})
    after = applying(live, {"mode": "on", "weights": {"b": 2}})
    assert after["spec"] == {"mode": "on", "weights": {"b": 2}}
    assert owned(after) == {"a": {"f:mode": {}, "f:weights": {"f:b": {}}}}
    assert "spec" not in applying(after, None)


def test_equal_values_are_shared_and_stay_until_the_last_lets_go() -> None:
    live = applying(applying(None, {"mode": "on"}), {"mode": "on"}, "b")
    assert owned(live) == {"a": {"f:mode": {}}, "b": {"f:mode": {}}}
    live = applying(live, None, "a")
    assert live["spec"] == {"mode": "on"}
    assert owned(live) == {"b": {"f:mode": {}}}
    assert "spec" not in applying(live, None, "b")


def test_a_different_value_is_a_conflict_and_force_takes_it() -> None:
    live = applying(None, {"mode": "on", "count": 1})
    with pytest.raises(ApplyConflict) as raised:
        applying(live, {"mode": "off"}, "b")
    (conflict,) = raised.value.conflicts
    assert (conflict.field, conflict.manager, conflict.operation) == (".spec.mode", "a", "Apply")
    assert conflict.message == 'conflict with "a"'
    assert str(raised.value) == 'Apply failed with 1 conflict: conflict with "a": .spec.mode'
    forced = applying(live, {"mode": "off"}, "b", force=True)
    assert forced["spec"] == {"mode": "off", "count": 1}
    assert owned(forced) == {"a": {"f:count": {}}, "b": {"f:mode": {}}}


def test_conflicts_are_said_in_the_words_of_kubernetes() -> None:
    live = updating(None, document({"mode": "on", "count": 1}), "kubectl-edit")
    status = {**live, "status": {"x": 1}}
    live = track_update(live, status, "ctl", VERSION, schema=SCHEMA, now=NOW, subresource="status")
    applied = {**document({"mode": "off", "count": 2}), "status": {"x": 2}}
    with pytest.raises(ApplyConflict) as raised:
        apply(live, applied, "b", force=False, schema=SCHEMA, now=NOW)
    assert [(c.field, c.message) for c in raised.value.conflicts] == [
        (".status.x", f'conflict with "ctl" with subresource "status" using {VERSION}'),
        (".spec.count", f'conflict with "kubectl-edit" using {VERSION}'),
        (".spec.mode", f'conflict with "kubectl-edit" using {VERSION}'),
    ]
    assert str(raised.value) == (
        "Apply failed with 3 conflicts: "
        f'conflicts with "ctl" with subresource "status" using {VERSION}:\n- .status.x\n'
        f'conflicts with "kubectl-edit" using {VERSION}:\n- .spec.count\n- .spec.mode'
    )
    assert raised.value.conflicts[0].time == "2026-01-02T03:04:05Z"


def test_items_of_a_list_are_owned_by_their_keys() -> None:
    live = applying(None, {"ports": [{"name": "x", "port": 1}, {"name": "y"}]})
    live = applying(live, {"ports": [{"name": "z"}, {"name": "x", "zones": ["a"]}]}, "b")
    assert live["spec"]["ports"] == [
        {"name": "z"},
        {"name": "x", "port": 1, "zones": ["a"]},
        {"name": "y"},
    ]
    live = applying(live, {"ports": [{"name": "y"}]})
    assert live["spec"]["ports"] == [{"name": "z"}, {"name": "x", "zones": ["a"]}, {"name": "y"}]


def test_a_key_with_a_default_need_not_be_said() -> None:
    live = applying(None, {"ports": [{"name": "x", "protocol": "TCP", "port": 1}]})
    after = applying(live, {"ports": [{"name": "x", "port": 2}]}, "b", force=True)
    assert after["spec"]["ports"] == [{"name": "x", "protocol": "TCP", "port": 2}]


def test_sets_are_merged_and_lists_without_a_type_replaced() -> None:
    live = applying(None, {"zones": ["a", "b"], "list": [1]})
    live = applying(live, {"zones": ["b", "c"]}, "b")
    assert live["spec"]["zones"] == ["a", "b", "c"]
    with pytest.raises(ApplyConflict, match=r"\.spec\.list"):
        applying(live, {"list": [2]}, "b")
    assert applying(live, {"list": [1, 2]}, "a")["spec"] == {"list": [1, 2], "zones": ["b", "c"]}


def test_an_object_of_one_piece_is_replaced_as_a_whole() -> None:
    live = applying(None, {"atomic": {"x": 1, "y": 2}})
    assert owned(live) == {"a": {"f:atomic": {}}}
    assert applying(live, {"atomic": {"y": 3}})["spec"] == {"atomic": {"y": 3}}
    with pytest.raises(ApplyConflict, match=r"\.spec\.atomic"):
        applying(live, {"atomic": {"x": 1}}, "b")


def test_what_becomes_of_another_type_is_a_conflict_with_the_owners_of_its_parts() -> None:
    live = applying(None, {"free": {"x": {"y": 1}}})
    with pytest.raises(ApplyConflict, match="conflicts"):
        applying(live, {"free": {"x": [1]}}, "b")
    forced = applying(live, {"free": {"x": [1]}}, "b", force=True)
    assert forced["spec"] == {"free": {"x": [1]}}
    assert owned(forced) == {"b": {"f:free": {"f:x": {}}}}


def test_true_is_another_value_than_one() -> None:
    live = applying(None, {"free": {"x": 1}})
    with pytest.raises(ApplyConflict, match="free"):
        applying(live, {"free": {"x": True}}, "b")


@pytest.mark.parametrize(
    ("applied", "said"),
    [
        ([], "what is applied must be an object"),
        ({"kind": "Thing"}, "must have apiVersion"),
        ({"apiVersion": VERSION}, "must have kind"),
        (document(managedFields=[]), "metadata.managedFields must not be in what is applied"),
        (document({"mode": {"a": 1}}), r"\.spec\.mode must be of type string"),
        (document({"count": True}), r"\.spec\.count must be of type integer, not True"),
        (document({"ports": {}}), r"\.spec\.ports must be of type array"),
        (document({"ports": [{"port": 1}]}), r"\.spec\.ports\[0\] must have name, protocol"),
        (document({"ports": [{"name": "x"}] * 2}), r"\.spec\.ports\[1\] is there twice"),
        (document({"zones": ["a", "b", "a"]}), r"\.spec\.zones\[2\] is there twice: '\"a\"'"),
        (document(labels={"a": 1}), r"\.metadata\.labels\.a must be of type string, not 1"),
        (document(labels=[]), r"\.metadata\.labels must be of type object"),
    ],
)
def test_what_cannot_be_applied_is_said(applied: Json, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        apply(None, applied, "a", force=False, schema=SCHEMA, now=NOW)


@pytest.mark.parametrize("manager", ["", "x" * 129, "a\nb"])
def test_a_manager_has_a_printable_name(manager: str) -> None:
    with pytest.raises(InvalidInput, match="a field manager has 1 to 128"):
        applying(None, {}, manager)
    with pytest.raises(InvalidInput, match="a field manager has 1 to 128"):
        updating(None, document({}), manager)


def test_what_is_the_apis_own_is_not_taken_from_a_configuration() -> None:
    live = {**applying(None, {"mode": "on"})}
    live["metadata"] = {**live["metadata"], "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    applied = document({"mode": "on"}, creationTimestamp=None, uid="", resourceVersion="7")
    assert apply(live, applied, "a", force=False, schema=SCHEMA, now=LATER).object is live


def test_an_object_without_owners_belongs_to_who_came_before() -> None:
    live = document({"mode": "on", "count": 1}, uid="u")
    with pytest.raises(ApplyConflict, match=f'"before-first-apply" using {VERSION}: .spec.mode'):
        applying(live, {"mode": "off"})
    after = applying(live, {"mode": "on"})
    assert after["spec"] == {"mode": "on", "count": 1}
    assert [(e["manager"], e["operation"]) for e in after["metadata"]["managedFields"]] == [
        ("a", "Apply"),
        ("before-first-apply", "Update"),
    ]
    assert owned(after)["before-first-apply"] == {".": {}, "f:mode": {}, "f:count": {}}


def test_what_was_applied_through_a_subresource_is_apart() -> None:
    live = applying(None, {"mode": "on"})
    status = {**document(), "status": {"x": 1}}
    live = apply(
        live, status, "a", force=False, schema=SCHEMA, now=NOW, subresource="status"
    ).object
    assert (live["spec"], live["status"]) == ({"mode": "on"}, {"x": 1})
    entries = [(e["manager"], e.get("subresource")) for e in live["metadata"]["managedFields"]]
    assert entries == [("a", None), ("a", "status")]


# other writes


def test_a_write_owns_what_it_changed_and_takes_it_from_others() -> None:
    live = applying(None, {"mode": "on", "count": 1, "zones": ["a"]})
    after = updating(live, edited(live, mode="off", count=None, zones=["a", "b"]), now=LATER)
    assert owned(after) == {
        "a": {"f:zones": {'v:"a"': {}}},
        "u": {"f:mode": {}, "f:zones": {'v:"b"': {}}},
    }
    assert [e["time"] for e in after["metadata"]["managedFields"]] == [
        "2026-01-02T03:04:05Z",
        "2026-01-02T04:04:05Z",
    ]


def test_an_owner_of_nothing_vanishes() -> None:
    live = applying(None, {"mode": "on"})
    assert list(owned(updating(live, edited(live, mode="off")))) == ["u"]
    assert "managedFields" not in updating(live, edited(live, mode=None))["metadata"]


def test_a_write_that_changes_nothing_changes_no_time() -> None:
    live = updating(None, document({"mode": "on"}))
    assert updating(live, deepcopy(live), now=LATER) == live
    without = {**live, "metadata": {"name": "one"}}
    assert updating(live, without, now=LATER) == live


def test_one_entry_for_each_operation_version_and_subresource() -> None:
    live = updating(None, document({"mode": "on"}))
    live = updating(live, edited(live, count=1))
    live = track_update(live, edited(live, mode="b"), "u", "fedmesh.dev/v2", schema=SCHEMA, now=NOW)
    live = track_update(
        live, edited(live, mode="c"), "u", VERSION, schema=SCHEMA, now=NOW, subresource="status"
    )
    live = applying(live, {"zones": ["a"]}, "u")
    assert [
        (e["operation"], e["apiVersion"], e.get("subresource"), e["fieldsV1"]["f:spec"])
        for e in live["metadata"]["managedFields"]
    ] == [
        ("Apply", VERSION, None, {"f:zones": {'v:"a"': {}}}),
        ("Update", VERSION, None, {".": {}, "f:count": {}}),
        ("Update", VERSION, "status", {"f:mode": {}}),
    ]


@pytest.mark.parametrize("said", [[], [{}]])
def test_a_request_can_clear_all_owners(said: list[Json]) -> None:
    live = applying(None, {"mode": "on"})
    after = {**live, "metadata": {"name": "one", "managedFields": said}}
    cleared = updating(live, after)
    assert cleared == document({"mode": "on"})
    assert updating(cleared, edited(cleared, mode="off")) == document({"mode": "off"})


def test_owners_in_a_request_are_taken_as_they_are_said() -> None:
    """As `kubectl apply --server-side` does after a client-side apply."""
    live = updating(None, document({"mode": "on"}), "kubectl-client-side-apply")
    live["metadata"]["resourceVersion"] = "7"
    (entry,) = live["metadata"]["managedFields"]
    moved = {**entry, "manager": "kubectl", "operation": "Apply"}
    patch = [
        {"op": "replace", "path": "/metadata/managedFields", "value": [moved]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
    ]
    after = updating(live, apply_json_patch(live, patch), "kubectl")
    assert after["metadata"]["managedFields"] == [moved]
    assert "spec" not in applying(after, None, "kubectl")


def test_owners_said_through_a_subresource_are_not_taken() -> None:
    live = applying(None, {"mode": "on"})
    after = {**live, "metadata": {"name": "one", "managedFields": []}, "status": {"x": 1}}
    found = track_update(live, after, "ctl", VERSION, schema=SCHEMA, now=NOW, subresource="status")
    assert [e["manager"] for e in found["metadata"]["managedFields"]] == ["a", "ctl"]


def test_owners_that_cannot_be_read_are_refused_in_a_request_and_dropped_in_the_store() -> None:
    broken = document({"mode": "on"}, managedFields=[{"manager": "a", "operation": "Eat"}])
    with pytest.raises(InvalidInput, match=r"managedFields\[0\].operation must be Apply or Update"):
        updating(document({"mode": "on"}), broken)
    assert list(owned(applying(broken, {"mode": "on"}))) == ["a", "before-first-apply"]


def test_nothing_given_is_changed() -> None:
    live = applying(None, {"ports": [{"name": "x", "zones": ["a"]}], "free": {"x": {"y": 1}}})
    after = edited(live, ports=[{"name": "y"}], free={"x": {}})
    applied = document({"ports": [{"name": "x", "port": 2}], "free": {"x": {"z": 2}}})
    before = deepcopy((live, after, applied))
    updating(live, after)
    apply(live, applied, "b", force=True, schema=SCHEMA, now=NOW)
    assert (live, after, applied) == before


def test_a_large_map_is_owned_by_its_keys() -> None:
    """It would take minutes if anything looked at each pair of keys."""
    weights = {f"key-{i}": i for i in range(20_000)}
    live = applying(None, {"weights": weights})
    assert len(owned(live)["a"]["f:weights"]) == 20_000
    live = applying(live, {"weights": {**weights, "more": 1}}, "b")
    after = applying(live, {"weights": {"key-0": 0}})
    assert len(after["spec"]["weights"]) == 20_001
    after = updating(after, edited(after, weights={"key-0": 1}))
    assert owned(after) == {"u": {"f:weights": {"f:key-0": {}}}}
