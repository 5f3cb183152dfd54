"""Strangers who ask to join, in numbers and with costly keys, fail nobody else's call."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from federation.api.client import Client
from federation.api.documents import cluster_document
from federation.model.names import ClusterId
from federation.trust.tokens import JoinToken, format_join_token
from tests.e2e.joiners import joiners, request_of
from tests.e2e.lone_controller import LoneController, lone_controller
from tests.e2e.rig import pause
from tests.unit.fakes.costly import dsa_request, rsa_request

pytestmark = pytest.mark.timeout(120)

SOURCE = "127.45.250.1"
CALLS_A_SECOND = 20
SECONDS = 5.0
MOST_SECONDS = 1.5
"""The slowest call of others on a busy machine (0.2 s on one that is not)."""


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[LoneController]:
    with lone_controller(tmp_path) as made:
        made.start()
        yield made


def calls_of_others(client: Client, seconds: float) -> list[float]:
    """Calls of an administrator at an even pace; how long each took."""
    took = []
    until = time.monotonic() + seconds
    due = time.monotonic()
    while due < until:
        pause(max(0.0, due - time.monotonic()))
        began = time.monotonic()
        client.status()
        took.append(time.monotonic() - began)
        due = max(due + 1 / CALLS_A_SECOND, time.monotonic())
    return took


def strangers_token() -> str:
    return format_join_token(
        JoinToken("https://127.45.0.1:8443", "00" * 32, ClusterId("x"), "00ff", "guessed")
    )


def bodies(token: str) -> list[bytes]:
    costly = (dsa_request(10_000), rsa_request(3_072, 3_071), rsa_request(16_384, 17))
    made = ({"token": token, "csr": csr.decode(), "twin": "x"} for csr in costly)
    return [request_of(body) for body in made]


@pytest.mark.parametrize("has_token", [False, True], ids=["stranger", "with a token"])
def test_requests_to_join_with_costly_keys_fail_nobodys_call(
    controller: LoneController, has_token: bool
) -> None:
    client = controller.client(5.0)
    client.put_cluster(cluster_document("guest", "eu"))
    token = client.create_join_token("guest", 600)["token"] if has_token else strangers_token()
    with joiners("127.45.0.1:8443", SOURCE, bodies(token), 200, SECONDS) as flood:
        pause(0.5)
        took = calls_of_others(client, SECONDS - 1.0)
        answers = flood.result()
    assert set(answers) == {"400" if has_token else "403"}
    assert max(took) < MOST_SECONDS, (len(took), max(took))
