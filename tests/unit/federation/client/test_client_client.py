"""What the controller answers becomes the model's values and errors."""

import http.client
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from federation.api.parse import parse_document
from federation.client.answers import error_of
from federation.client.client import Client, _whole, split_url
from federation.client.documents import cluster_document
from federation.model.errors import Conflict, Denied, Failed, FedmeshError, InvalidInput, NotReady
from federation.trust.issue import make_root, new_key
from federation.trust.pem import key_pem, pem
from federation.trust.profile import root_profile


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidInput),
        (401, Denied),
        (403, Denied),
        (404, NotReady),
        (409, Conflict),
        (500, Failed),
        (302, Failed),
    ],
)
def test_each_status_becomes_the_error_with_its_exit_code(
    status: int, kind: type[FedmeshError]
) -> None:
    error = error_of(status, {"error": {"message": "the reason"}}, "GET https://c/v1/x")
    assert type(error) is kind
    assert "the reason" in str(error)


def test_the_field_that_is_wrong_is_said_first() -> None:
    error = error_of(400, {"error": {"message": "is 7", "field": "spec.region"}}, "PUT x")
    assert str(error) == "spec.region: is 7"


def test_what_a_server_says_cannot_look_like_a_line_of_fedctl() -> None:
    error = error_of(
        400, {"error": {"message": "no\nfedctl: done\x1b[2J", "field": "a\r"}}, "PUT x"
    )
    assert str(error) == r"a\r: no\nfedctl: done\x1b[2J"


def test_the_message_of_a_status_object_is_told() -> None:
    answer = {"kind": "Status", "message": 'users "a" already exists', "code": 409}
    error = error_of(409, answer, "POST x")
    assert (type(error), str(error)) == (Conflict, 'users "a" already exists')


@pytest.mark.parametrize("answer", [None, {}, {"error": "text"}, {"error": {}}])
def test_an_answer_without_a_reason_names_the_call(answer: dict[str, object] | None) -> None:
    error = error_of(502, answer, "GET https://c/v1/x")
    assert str(error) == "GET https://c/v1/x answered 502 without a reason"


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://127.10.0.1:8443", ("127.10.0.1", 8443, "")),
        ("https://mesh.example", ("mesh.example", 443, "")),
        ("https://mesh.example/fed/", ("mesh.example", 443, "/fed")),
        ("https://[::1]:8443", ("::1", 8443, "")),
    ],
)
def test_a_url_is_taken_apart(url: str, parts: tuple[str, int, str]) -> None:
    assert split_url(url) == parts


@pytest.mark.parametrize(
    "url", ["http://c:1", "c:8443", "https://", "https://c:port", "https://c:99999", "https://u@c"]
)
def test_a_url_that_is_none_is_named(url: str) -> None:
    with pytest.raises(InvalidInput, match="https://HOST:PORT"):
        split_url(url)


def test_a_missing_root_certificate_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"root\.pem"):
        Client("https://127.0.0.1:1", tmp_path / "root.pem", "token")


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    path = tmp_path / "root.pem"
    path.write_text("no certificate")
    with pytest.raises(Failed, match=r"root\.pem"):
        Client("https://127.0.0.1:1", path, "token")


def test_the_cluster_document_is_one_the_controller_accepts() -> None:
    document = cluster_document(
        "us-east",
        "us",
        zones=("us-east-1",),
        network="east",
        gateway_cidrs=("127.11.0.0/24",),
        namespaces=("demo",),
    )
    assert parse_document(document, "test") is not None
    assert parse_document(cluster_document("us-east", "us"), "test") is not None


class Wire:
    """A socket from which an answer can be read, and then nothing more."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def received(data: bytes) -> http.client.HTTPResponse:
    made = http.client.HTTPResponse(Wire(data))  # type: ignore[arg-type]
    made.begin()
    return made


def test_an_answer_that_is_cut_off_is_none() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"
    assert _whole(received(head + b"a backup."), 100) == b"a backup."
    for data, most in ((b"a back", 100), (b"a backup.", 8)):
        with pytest.raises(http.client.IncompleteRead):
            _whole(received(head + data), most)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate with its key, as files."""
    key, now = new_key(), datetime(2026, 3, 1, tzinfo=UTC)
    root = make_root(key, root_profile("mesh.test"), now)
    (folder / "root.pem").write_bytes(pem(root))
    (folder / "root.key").write_bytes(key_pem(key))
    return folder / "root.pem", folder / "root.key"


def test_a_client_may_show_a_certificate_and_then_no_token(tmp_path: Path) -> None:
    file, key = certificate(tmp_path)
    client = Client("https://127.0.0.1:1", file, "", certificate=(file, key))
    with pytest.raises(Failed, match="cannot be reached"):
        client.clusters()
    assert "Authorization" not in client.headers()
    assert Client("https://127.0.0.1:1", file, "t").headers()["Authorization"] == "Bearer t"


def test_a_certificate_that_is_of_no_use_is_named(tmp_path: Path) -> None:
    file, key = certificate(tmp_path)
    key.write_bytes(key_pem(new_key()))
    with pytest.raises(Failed, match=r"root\.key cannot be used .*that of the certificate"):
        Client("https://127.0.0.1:1", file, "", certificate=(file, key))
    locked = serialization.load_pem_private_key(key_pem(new_key()), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    key.write_bytes(locked)
    with pytest.raises(Failed, match="is encrypted"):
        Client("https://127.0.0.1:1", file, "", certificate=(file, key))
