"""What an agent finds at its start is believed unless it cannot be the whole."""

from cluster_agent.observe.completeness import incomplete_because
from federation.model.names import ServiceName

API, WEB = ServiceName("shop", "api"), ServiceName("shop", "web")
HAD = frozenset({"shop/api", "shop/web"})


def test_an_empty_source_is_not_believed_by_an_agent_that_had_exports() -> None:
    reason = incomplete_because(HAD, set(), has_objects=False, unread=())
    assert "exported shop/api, shop/web before" in reason
    assert incomplete_because(frozenset(), set(), has_objects=False, unread=()) == ""


def test_one_object_of_any_kind_says_that_there_are_no_exports() -> None:
    assert incomplete_because(HAD, set(), has_objects=True, unread=()) == ""


def test_a_file_that_was_never_read_may_hold_what_is_missing() -> None:
    reason = incomplete_because(HAD, {API}, has_objects=True, unread=("web.yaml",))
    assert "exported shop/web before, but web.yaml cannot be read" in reason
    assert incomplete_because(HAD, {API, WEB}, has_objects=True, unread=("other.yaml",)) == ""


def test_a_long_list_is_cut() -> None:
    many = frozenset(f"shop/s{n}" for n in range(9))
    assert "shop/s0, shop/s1, shop/s2 and 6 more" in incomplete_because(
        many, set(), has_objects=False, unread=()
    )
