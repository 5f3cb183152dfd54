"""What each error is called at every border, and that nobody else has a table of them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from federation.model import errors
from federation.model.errors import (
    ERRORS,
    Busy,
    Conflict,
    Denied,
    Failed,
    FedmeshError,
    InvalidInput,
    NotReady,
    PeerBroke,
    of_grpc_code,
    of_http_status,
)

ROOT = Path(__file__).parents[4]

BORDERS = {
    InvalidInput: (2, 400, "INVALID_ARGUMENT", "BadRequest"),
    NotReady: (8, 404, "UNAVAILABLE", "NotFound"),
    Busy: (8, 503, "UNAVAILABLE", "ServiceUnavailable"),
    Denied: (4, 403, "PERMISSION_DENIED", "Forbidden"),
    PeerBroke: (1, 500, "INTERNAL", "InternalError"),
    Conflict: (1, 409, "FAILED_PRECONDITION", "Conflict"),
    Failed: (1, 500, "INTERNAL", "InternalError"),
}
"""Exit code, HTTP status, gRPC code, reason of Kubernetes."""


def all_kinds(kind: type[FedmeshError] = FedmeshError) -> set[type[FedmeshError]]:
    found = set(kind.__subclasses__())
    return found.union(*map(all_kinds, found))


def test_every_error_has_a_name_at_every_border() -> None:
    found = {k: (k.exit_code, k.http_status, k.grpc_code, k.reason) for k in ERRORS}
    assert found == BORDERS
    assert set(ERRORS) == {k for k in all_kinds() if k.__module__ == errors.__name__}


@pytest.mark.parametrize("kind", sorted(all_kinds(), key=str))
def test_its_code_is_one_of_grpc(kind: type[FedmeshError]) -> None:
    codes = grpc.StatusCode.__members__
    assert {kind.grpc_code, *kind.more_codes} <= codes.keys()


@pytest.mark.parametrize("kind", [InvalidInput, NotReady, Busy, Denied, Conflict, Failed])
def test_a_client_of_the_api_raises_what_the_controller_raised(kind: type[FedmeshError]) -> None:
    assert of_http_status(kind.http_status) is kind


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Denied), (413, InvalidInput), (422, InvalidInput)]
)
def test_other_statuses_mean_the_same(status: int, kind: type[FedmeshError]) -> None:
    assert of_http_status(status) is kind


@pytest.mark.parametrize("status", [302, 418, 500, 502])
def test_a_status_that_says_nothing_is_a_failure(status: int) -> None:
    assert of_http_status(status) is Failed


@pytest.mark.parametrize("kind", [InvalidInput, NotReady, Denied, PeerBroke, Conflict])
def test_a_client_of_grpc_raises_what_the_server_raised(kind: type[FedmeshError]) -> None:
    assert of_grpc_code(kind.grpc_code) is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [("UNAUTHENTICATED", Denied), ("DEADLINE_EXCEEDED", NotReady), ("INTERNAL", PeerBroke)],
)
def test_other_codes_mean_the_same(code: str, kind: type[FedmeshError]) -> None:
    assert of_grpc_code(code) is kind


def tables(tree: ast.Module) -> Iterator[ast.Dict]:
    """Dicts that have several classes of errors as keys, or as values."""
    known = {kind.__name__ for kind in ERRORS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for side in (node.keys, node.values):
                named = [n for n in side if isinstance(n, ast.Name) and n.id in known]
                if len(named) > 1:
                    yield node


def test_there_is_no_other_table_of_errors() -> None:
    packages = (ROOT / name for name in ("federation", "gateway", "sidecar", "cluster_agent"))
    files = [file for package in packages for file in package.rglob("*.py")]
    assert len(files) > 100, "it looks at the source"
    found = [f for f in files for _ in tables(ast.parse(f.read_text()))]
    assert not found
