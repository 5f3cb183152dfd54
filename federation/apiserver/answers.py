"""Answers of the Kubernetes-style API: objects, refusals, what was deleted.

In: objects, errors. Out: answers over HTTP, in JSON or YAML as the client asked.
"""

import json
from functools import partial
from typing import Any

import yaml
from aiohttp import web

from federation.api.kind import ApiKind
from federation.apiserver import reading
from federation.apiserver.access import Attributes
from federation.apiserver.caller import Caller
from federation.apiserver.resource import Resource, Written
from federation.apiserver.sending import send_list
from federation.apiserver.statuses import status_of, success
from federation.model.errors import FedmeshError
from federation.runtime.escapes import visible

Json = dict[str, Any]

_LONGEST_WARNING = 400


def forbidden(caller: Caller, asked: Attributes, reason: str) -> str:
    """Why somebody may not do it, as Kubernetes words it."""
    reason = reason.partition(": ")[2] or reason
    if asked.path:
        return f'User "{caller.name}" cannot {asked.verb} path "{asked.path}": {reason}'
    where = f' in the namespace "{asked.namespace}"' if asked.namespace else " at the cluster scope"
    group = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    name = f' "{asked.name}"' if asked.name else ""
    return (
        f'{group}{name} is forbidden: User "{caller.name}" cannot {asked.verb} resource '
        f'"{asked.full}" in API group "{asked.group}"{where}: {reason}'
    )


def refusal(error: FedmeshError) -> web.Response:
    """An error as a Status object."""
    code, status = status_of(error)
    answer = web.json_response(status, status=code)
    seconds = status.get("details", {}).get("retryAfterSeconds")
    if seconds:
        answer.headers["Retry-After"] = str(seconds)
    return answer


def written_as(
    resource: Resource, made: Written, code: int, form: str, request: web.Request
) -> web.Response:
    """What a write has made, with its warnings (RFC 9111, 5.5)."""
    found = made.after or {}
    answer = answer_of(reading.shaped(resource, found, form, request.query), code, request)
    for warning in made.warnings:
        plain = visible(warning)[:_LONGEST_WARNING].encode("ascii", "backslashreplace").decode()
        quoted = plain.replace("\\", "\\\\").replace('"', '\\"')
        answer.headers.add("Warning", f'299 - "{quoted}"')
    return answer


def deleted(kind: ApiKind, written: Written, request: web.Request) -> web.Response:
    """What a deletion has made: the object while it goes, or that it is gone."""
    if written.after is not None:
        return answer_of(written.after, 200, request)
    metadata = (written.before or {}).get("metadata", {})
    return answer_of(success(kind, metadata.get("name", ""), metadata.get("uid", "")), 200, request)


async def listed(found: Json, request: web.Request) -> web.StreamResponse:
    """A list as the client wants it, in pieces where it is long."""
    if not _wants_yaml(request):
        return await send_list(found, request)
    size = len(found.get("items") or found.get("rows") or ())
    return await reading.beside(size, partial(answer_of, found, 200, request))


def answer_of(found: Json, code: int, request: web.Request) -> web.Response:
    """A value as the client wants it: YAML where that is asked for first, JSON otherwise."""
    if _wants_yaml(request):
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the one in C, where there is one
        text = yaml.dump(found, Dumper=dumper, sort_keys=False)
        return web.Response(text=text, status=code, content_type="application/yaml")
    data = json.dumps(found, separators=(",", ":")).encode()
    return web.Response(body=data, status=code, content_type="application/json")


def _wants_yaml(request: web.Request) -> bool:
    wanted = request.headers.get("Accept", "")
    return wanted.partition(",")[0].partition(";")[0].strip() == "application/yaml"
