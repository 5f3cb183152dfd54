"""One HTTPS request to the controller, by a cluster that has not joined yet.

In: a URL, a path, a body, the root to trust. Out: the body of the answer, or the error that the
controller gave as one of `federation.model.errors`.
"""

import http.client
import json
import ssl
from datetime import datetime
from urllib.parse import urlsplit

from federation.model.errors import Denied, InvalidInput, NotReady, of_http_status
from federation.runtime.reasons import connection_reason
from federation.trust.pem import load_certificates
from federation.trust.validate import check_pinned_root

_ANSWER_BYTES = 1 << 20
_ASK_SECONDS = 10.0


def ask_pinned_root(url: str, sha256: str, now: datetime) -> bytes:
    """The root certificate of the controller at `url` (PEM), known by its hash; blocks.

    Raises Denied for another controller, NotReady for one that cannot be reached.
    """
    root_pem = ask_controller(url, "/v1/trust/root")
    try:
        check_pinned_root(load_certificates(root_pem)[0], sha256=sha256, now=now)
    except InvalidInput as error:
        raise Denied(f"the controller at {url} is not the one of the token: {error}") from error
    return root_pem


def ask_controller(
    url: str, path: str, body: dict[str, str | int] | None = None, root_pem: bytes | None = None
) -> bytes:
    """Ask once, and block. Without `root_pem` the server is not verified: only for the root itself,
    which is checked by its hash.
    """
    context = ssl.create_default_context(cadata=root_pem.decode() if root_pem else None)
    if root_pem is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    at = urlsplit(url)
    connection = http.client.HTTPSConnection(
        at.hostname or "", at.port or 443, timeout=_ASK_SECONDS, context=context
    )
    try:
        data = json.dumps(body).encode() if body is not None else None
        headers = {"content-type": "application/json"}
        connection.request("GET" if body is None else "POST", path, data, headers)
        answer = connection.getresponse()
        text = answer.read(_ANSWER_BYTES)
    except ssl.SSLCertVerificationError as error:
        raise Denied(
            f"the controller at {url} is not trusted: {connection_reason(str(error))}"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"{url} cannot be reached: {connection_reason(str(error))}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise _refusal(url, answer.status, text)
    return text


def _refusal(url: str, status: int, text: bytes) -> Exception:
    try:
        message = str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        message = f"{url} answers {status}"
    return of_http_status(status)(message)
