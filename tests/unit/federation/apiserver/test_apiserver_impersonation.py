"""Who may act in the name of others does, and everybody else is told."""

import pytest

from federation.apiserver.caller import ADMINS, AUTHENTICATED, known
from federation.apiserver.impersonation import LONGEST, MOST_VALUES, impersonated
from federation.model.errors import Denied, InvalidInput

OWNER = known("admin", (ADMINS,), "admin token")
HEADERS = [
    ("Impersonate-User", "ann"),
    ("IMPERSONATE-GROUP", "team-shop"),
    ("Impersonate-Group", "dev"),
    ("Impersonate-Uid", "7"),
    ("Impersonate-Extra-scopes", "view"),
    ("impersonate-extra-Scopes", "edit"),
    ("Impersonate-Extra-acme.com%2Fproject", "x"),
    ("Accept", "application/json"),
]


def test_without_such_a_header_everybody_is_himself() -> None:
    assert impersonated([("Accept", "x")], OWNER, is_admin=False) is OWNER


def test_an_admin_becomes_who_he_says_with_no_right_of_his_own() -> None:
    found = impersonated(HEADERS, OWNER, is_admin=True)
    assert (found.name, found.groups, found.uid) == (
        "ann",
        ("team-shop", "dev", AUTHENTICATED),
        "7",
    )
    assert found.extra == (("acme.com/project", ("x",)), ("scopes", ("view", "edit")))
    assert found.by is OWNER
    assert found.how == "admin token"


@pytest.mark.parametrize("header", HEADERS[:5])
def test_all_others_are_refused_whatever_header_it_is(header: tuple[str, str]) -> None:
    ann = known("ann", (), "token 1")
    with pytest.raises(Denied, match="user ann may not act in the name of others"):
        impersonated([header], ann, is_admin=False)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([("Impersonate-Group", ADMINS)], "exactly one Impersonate-User"),
        ([("Impersonate-User", "")], "exactly one Impersonate-User"),
        ([("Impersonate-User", "a"), ("impersonate-user", "b")], "exactly one Impersonate-User"),
        ([("Impersonate-User", "a"), ("Impersonate-Uid", "1"), ("Impersonate-Uid", "2")], "one"),
        ([("Impersonate-User", "a"), ("Impersonate-Uuid", "1")], "impersonate-uuid is not known"),
        ([("Impersonate-User", "a\x1b[31m")], "printable text"),
        ([("Impersonate-User", "a" * (LONGEST + 1))], "printable text"),
        ([("Impersonate-Group", "a")] * (MOST_VALUES + 1), "headers Impersonate"),
    ],
)
def test_headers_that_say_no_user_are_wrong(headers: list[tuple[str, str]], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        impersonated(headers, OWNER, is_admin=True)
