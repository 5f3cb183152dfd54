"""From client-side apply to server-side apply, by kubectl, without a conflict with oneself."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from federation.apiserver.patching.conflicts import ApplyConflict
from federation.apiserver.patching.last_applied import ANNOTATION, KUBECTL, applied_by_client
from federation.apiserver.patching.managers import apply, track_update
from federation.apiserver.patching.shape import whole
from tests.unit.federation.apiserver.patching_schema import SCHEMA, VERSION, document

Json = dict[str, Any]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLIENT = "kubectl-client-side-apply"


def applied_by_kubectl(spec: Json) -> Json:
    text = json.dumps(document(spec)) + "\n"
    made = document(spec, annotations={ANNOTATION: text})
    return track_update(None, made, CLIENT, VERSION, schema=SCHEMA, now=NOW)


def said(found: Json) -> Json:
    read: Json = json.loads(found["metadata"]["annotations"][ANNOTATION])
    return read


def test_kubectl_is_in_no_conflict_with_what_it_applied_itself() -> None:
    live = applied_by_kubectl({"mode": "on", "count": 1})
    after = apply(
        live, document({"mode": "off"}), KUBECTL, force=False, schema=SCHEMA, now=NOW
    ).object
    assert after["spec"] == {"mode": "off", "count": 1}
    assert said(after) == document({"mode": "off"})
    again = apply(after, document({"mode": "off"}), KUBECTL, force=False, schema=SCHEMA, now=NOW)
    assert again.object is after


def test_another_manager_is() -> None:
    live = applied_by_kubectl({"mode": "on"})
    with pytest.raises(ApplyConflict, match=f'"{CLIENT}" using {VERSION}: .spec.mode'):
        apply(live, document({"mode": "off"}), "argocd", force=False, schema=SCHEMA, now=NOW)
    forced = apply(
        live, document({"mode": "off"}), "argocd", force=True, schema=SCHEMA, now=NOW
    ).object
    assert said(forced) == document({"mode": "on"})


def test_what_somebody_changed_since_is_a_conflict() -> None:
    live = applied_by_kubectl({"mode": "on", "count": 1})
    edited = {**live, "spec": {"mode": "on", "count": 2}}
    live = track_update(live, edited, "kubectl-edit", VERSION, schema=SCHEMA, now=NOW)
    with pytest.raises(ApplyConflict, match=f'"kubectl-edit" using {VERSION}: .spec.count'):
        apply(
            live,
            document({"mode": "off", "count": 3}),
            KUBECTL,
            force=False,
            schema=SCHEMA,
            now=NOW,
        )


@pytest.mark.parametrize("text", ["{", "[]", "", '{"a":' * 100 + "1" + "}" * 100, "[" * 9999])
def test_an_annotation_that_says_nothing_permits_nothing(text: str) -> None:
    live = document({"mode": "on"}, annotations={ANNOTATION: text})
    assert applied_by_client(live, whole(SCHEMA)) == {}


def test_a_configuration_that_is_too_large_for_an_annotation_is_not_kept() -> None:
    live = applied_by_kubectl({"mode": "on"})
    large = document({"mode": "x" * 300_000})
    after = apply(live, large, KUBECTL, force=False, schema=SCHEMA, now=NOW).object
    assert after["metadata"]["annotations"][ANNOTATION] == ""
