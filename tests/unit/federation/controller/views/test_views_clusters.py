"""What the API shows: nothing secret, and words for people."""

from dataclasses import replace

from federation.controller.member import Member
from federation.controller.views.clusters import service_view, token_view, word_view
from federation.model.names import ClusterId
from federation.trust.join_tokens import JoinRecord
from tests.unit.builders import backend, service

RECORD = JoinRecord("12ab", ClusterId("east"), "5e" * 32, 65, created=5)


def test_a_token_is_shown_without_what_is_made_of_its_secret() -> None:
    shown = token_view(RECORD, 10)
    assert "5e5e" not in str(shown)
    assert (shown["state"], shown["used_at"], shown["used_by"]) == ("unused", None, "")


def test_the_operators_word_is_a_line_of_what_was_stated() -> None:
    member = Member(ClusterId("east"), "", "eu", ("a", "b"), namespaces=("shop",))
    assert word_view(member) == "region=eu zones=a,b namespaces=shop"


def test_a_service_is_shown_with_the_counts_of_all_its_exporters() -> None:
    merged = replace(service("east", "west"), unserved=((ClusterId("east"), (80,)),))
    shown = service_view(merged, (backend("west", ready=2),))
    assert shown["backends"] == [
        {"cluster": "east", "ready": 0, "total": 0, "unserved_ports": [80]},
        {"cluster": "west", "ready": 2, "total": 2, "unserved_ports": []},
    ]


def test_a_service_is_shown_with_what_the_mesh_does_not_do_for_it() -> None:
    assert service_view(service("east"), ())["not_honoured"] == []
    shown = service_view(replace(service("east"), session_affinity="ClientIP"), ())
    assert [text.split()[0] for text in shown["not_honoured"]] == ["sessionAffinity"]
