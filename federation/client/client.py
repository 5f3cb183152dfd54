"""A small synchronous client of the controller's HTTPS API, on the standard library only.

In: the controller's URL, the root certificate, and a token or a certificate. Out: JSON documents,
and the model's errors, by the status of the answer (`federation.model.errors`).
"""

import http.client
import json
import ssl
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from federation.client.answers import error_of, items_of, parse_object
from federation.model.errors import Failed, FedmeshError, InvalidInput, PeerBroke
from federation.runtime.reasons import connection_reason

Json = dict[str, Any]

_TIMEOUT_SECONDS = 10.0
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_MAX_BACKUP_BYTES = 1 << 30
_BACKUP_SECONDS = 120.0
_FIRST_BAD_STATUS = 300
_USERS = "/apis/fedmesh.dev/v1alpha1/users"


@dataclass(frozen=True, slots=True)
class _Limits:
    answer_bytes: int
    seconds: float


class Client:
    """Calls one controller; each call opens a connection of its own."""

    def __init__(
        self,
        url: str,
        ca_file: Path,
        token: str,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        *,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        """`certificate`: the files of a client certificate and of its key; then no token is needed.

        Raises InvalidInput for a URL that is none, Failed for files that are missing or broken.
        """
        self._url = url.rstrip("/")
        self._host, self._port, self._path = split_url(url)
        self._token = token
        self._limits = _Limits(_MAX_ANSWER_BYTES, timeout_seconds)
        try:
            self._tls = ssl.create_default_context(cafile=str(ca_file))
        except (OSError, ssl.SSLError) as error:
            raise Failed(
                f"ca_file {ca_file} cannot be used: {error.strerror or error}: "
                "it must be the controller's root.pem"
            ) from error
        if certificate is not None:
            _show(self._tls, *certificate)

    @property
    def url(self) -> str:
        """The controller's address."""
        return self._url

    def is_healthy(self) -> bool:
        """Whether the controller is ready to serve; raises nothing."""
        try:
            status, _ = self._exchange("GET", "/healthz", None)
        except FedmeshError:
            return False
        return status == http.client.OK

    def clusters(self) -> list[Json]:
        """The members with what is seen of them."""
        return items_of(self._call("GET", "/v1/clusters"))

    def put_cluster(self, document: Json) -> Json:
        """Write a document of kind Cluster, new or changed."""
        name = urllib.parse.quote(str(document["metadata"]["name"]), safe="")
        return self._call("PUT", f"/v1/clusters/{name}", document)

    def patch_cluster(self, cluster: str, spec: Json) -> Json:
        """Change what `spec` names of a cluster, null takes it away: {outcome, changes, cluster}.

        One that is not there is added.
        """
        name = urllib.parse.quote(cluster, safe="")
        return self._call("PATCH", f"/v1/clusters/{name}", {"spec": spec})

    def confirm_cluster(self, cluster: str) -> Json:
        """Let go what is held back of a cluster: {cluster, released}."""
        name = urllib.parse.quote(cluster, safe="")
        return self._call("POST", f"/v1/clusters/{name}/confirm")

    def delete_cluster(self, cluster: str) -> Json:
        """Have a cluster leave in order; it is listed until it has left."""
        return self._call("DELETE", f"/v1/clusters/{urllib.parse.quote(cluster, safe='')}")

    def trust(self) -> Json:
        """How trust stands."""
        return self._call("GET", "/v1/trust")

    def revoke(self, cluster: str) -> Json:
        """Believe a cluster no more."""
        return self._call("POST", f"/v1/trust/{urllib.parse.quote(cluster, safe='')}/revoke")

    def rekey(self, cluster: str) -> Json:
        """Ask a cluster for a new key."""
        return self._call("POST", f"/v1/trust/{urllib.parse.quote(cluster, safe='')}/rekey")

    def create_join_token(self, cluster: str, expires_seconds: int) -> Json:
        """A new join token: {token, id, expires}."""
        body = {"cluster": cluster, "expires_seconds": expires_seconds}
        return self._call("POST", "/v1/join-tokens", body)

    def join_tokens(self) -> list[Json]:
        """The join tokens that were made, without their secrets."""
        return items_of(self._call("GET", "/v1/join-tokens"))

    def revoke_join_token(self, id: str) -> Json:
        """Make a join token void."""
        return self._call("DELETE", f"/v1/join-tokens/{urllib.parse.quote(id, safe='')}")

    def audit(self, before: int = 0, limit: int = 0) -> list[Json]:
        """Who did what, the oldest first: the last entries, or those below a number."""
        asked = {n: v for n, v in (("before", before), ("limit", limit)) if v}
        query = f"?{urllib.parse.urlencode(asked)}" if asked else ""
        return items_of(self._call("GET", f"/v1/audit{query}"))

    def users(self) -> list[Json]:
        """The users of the API, as objects."""
        return items_of(self._call("GET", _USERS))

    def add_user(self, name: str, groups: Sequence[str]) -> Json:
        """A new user; raises Conflict for one that is there."""
        spec = {"groups": list(groups)} if groups else {}
        return self._call("POST", _USERS, {"metadata": {"name": name}, "spec": spec})

    def create_user_token(self, name: str, expires_seconds: int) -> Json:
        """A new token of a user: {id, token, expires}."""
        spec = {"expirationSeconds": expires_seconds}
        return self._of_user(name, "token", spec)

    def sign_user(self, name: str, request: str, expires_seconds: int) -> Json:
        """A certificate of a user for a request (PEM): {id, certificate, expires}."""
        spec = {"request": request, "expirationSeconds": expires_seconds}
        return self._of_user(name, "certificate", spec)

    def revoke_user(self, name: str, id: str = "") -> Json:
        """Refuse a token or certificate of a user, or (without id) all of them."""
        return self._of_user(name, "revoke", {"id": id})

    def _of_user(self, name: str, what: str, spec: Json) -> Json:
        """The status of what was done to a user."""
        path = f"{_USERS}/{urllib.parse.quote(name, safe='')}/{what}"
        status: Json = self._call("POST", path, {"spec": spec}).get("status") or {}
        return status

    def backup(self) -> bytes:
        """A backup of the controller, as it is now, sealed as its settings say."""
        limits = _Limits(_MAX_BACKUP_BYTES, max(self._limits.seconds, _BACKUP_SECONDS))
        status, data = self._exchange("POST", "/v1/backup", {}, limits)
        if status >= _FIRST_BAD_STATUS:
            raise error_of(status, parse_object(data), f"POST {self._url}/v1/backup")
        return data

    def services(self) -> list[Json]:
        """The services of the clusterset with the counts of their backends."""
        return items_of(self._call("GET", "/v1/services"))

    def status(self, seconds: float | None = None) -> Json:
        """The controller's own state; `seconds`: how long to wait for it, 10 at most."""
        most = self._limits.seconds
        limits = replace(self._limits, seconds=most if seconds is None else min(most, seconds))
        return self._call("GET", "/v1/status", limits=limits)

    def headers(self) -> dict[str, str]:
        """What every call says: a certificate takes the place of a token."""
        as_whom = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return {"Accept": "application/json", **as_whom}

    def _call(
        self, method: str, path: str, body: Json | None = None, *, limits: _Limits | None = None
    ) -> Json:
        status, data = self._exchange(method, path, body, limits)
        answer = parse_object(data)
        if status >= _FIRST_BAD_STATUS:
            raise error_of(status, answer, f"{method} {self._url}{path}")
        if answer is None:
            raise PeerBroke(f"{method} {self._url}{path}: the answer is no JSON object")
        return answer

    def _exchange(
        self, method: str, path: str, body: Json | None, limits: _Limits | None = None
    ) -> tuple[int, bytes]:
        limits = limits or self._limits
        headers = {} if body is None else {"Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with self.opened(method, path, data, headers, limits.seconds) as answer:
            return answer.status, _whole(answer, limits.answer_bytes)

    @contextmanager
    def opened(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Iterator[http.client.HTTPResponse]:
        """An answer that is yet to be read, on a connection of its own; raises Failed.

        `seconds`: how long the controller may be silent.
        """
        connection = http.client.HTTPSConnection(
            self._host, self._port, timeout=seconds, context=self._tls
        )
        try:
            connection.request(method, self._path + path, data, {**self.headers(), **headers})
            yield connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Failed(self._explain(error)) from error
        finally:
            connection.close()

    def _explain(self, error: Exception) -> str:
        reason = connection_reason(str(error)) or type(error).__name__
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"controller {self._url} is not the one of ca_file ({reason}): "
                "check controller and ca_file in fedctl's configuration"
            )
        return (
            f"controller {self._url} cannot be reached ({reason}): "
            "is it running, and is the address right?"
        )


def _show(tls: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Have connections show a client certificate; raises Failed."""

    def locked() -> str:
        raise Failed(
            f"key_file {key} is encrypted: write the key without a passphrase, readable by you only"
        )

    try:
        tls.load_cert_chain(certificate, key, locked)
    except (OSError, ssl.SSLError) as error:
        raise Failed(
            f"certificate_file {certificate} with key_file {key} cannot be used "
            f"({error.strerror or error}): both must be PEM, and the key that of the certificate"
        ) from error


def _whole(answer: http.client.HTTPResponse, most: int) -> bytes:
    """The body, which must not be cut off: reading so many bytes at most does not tell."""
    text = answer.read(most)
    if answer.length:
        raise http.client.IncompleteRead(text, answer.length)
    return text


def split_url(url: str) -> tuple[str, int, str]:
    """Host, port and path of an https URL; raises InvalidInput."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or 443
    except ValueError as error:
        raise InvalidInput(f"controller is {url[:120]!r}, but must be https://HOST:PORT") from error
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.query:
        raise InvalidInput(f"controller is {url[:120]!r}, but must be https://HOST:PORT")
    return parts.hostname, port, parts.path.rstrip("/")
