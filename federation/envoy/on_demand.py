"""Virtual hosts on demand: Envoy asks for each host when it is first called (VHDS, on_demand).

In: hosts that Envoy asks for, virtual hosts without a name. Out: resources for its answers, and the
filter that holds a request until the answer is there. Which clusters a host needs, and when Envoy
may be answered, is decided in `federation.supervisor`.
"""

from datetime import timedelta
from typing import Any as Message

from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.common.matching.v3 import extension_matcher_pb2
from envoy.extensions.filters.common.matcher.action.v3 import skip_action_pb2
from envoy.extensions.filters.http.on_demand.v3 import on_demand_pb2
from envoy.type.matcher.v3.http_inputs_pb2 import HttpRequestHeaderMatchInput
from google.protobuf.any_pb2 import Any

from federation.envoy import heads
from federation.envoy.build import extension, packed
from federation.model.imports import HOST_PATTERN
from federation.model.types import VIRTUAL_HOST

ROUTES = "outbound"
"""The route configuration whose virtual hosts come on demand."""
HELD_SECONDS = 8.0
"""How long a request to a host that Envoy has asked for is held; there is no other time-out."""

_ASKED = f"{ROUTES}/"
NOBODY = f"{_ASKED}-"
"""A virtual host that is always there: Envoy would wait for the first one before it is ready."""

ASKING = "envoy.filters.http.match_delegate"
"""The name of the filter that asks for hosts."""

NO_SUCH_SERVICE = "fedmesh: no such service in the clusterset\n"
NO_ANSWER = "fedmesh: the mesh does not answer\n"
GENERATIONS = 1_000_000
_FIRST_SECONDS = 15
_NOT_FOUND, _UNAVAILABLE, _BAD_REQUEST = 404, 503, 400


def asked_host(name: str) -> str | None:
    """The host in the name of a virtual host that Envoy asks for; None for any other name."""
    return name.removeprefix(_ASKED) if name.startswith(_ASKED) and name != NOBODY else None


def asked_name(host: str) -> str:
    """The name under which Envoy asks for the virtual host of a host."""
    return f"{_ASKED}{host}"


def virtual_host(name: str, body: bytes) -> bytes:
    """The virtual host of an asked name; `body` is one without name and domains.

    One for each form of a host that is called: two of them in one are a conflict to Envoy.
    """
    own = route_components_pb2.VirtualHost(name=name, domains=[name.removeprefix(_ASKED)])
    found = Any(type_url=VIRTUAL_HOST, value=own.SerializeToString(deterministic=True) + body)
    return found.SerializeToString(deterministic=True)


def nobody() -> bytes:
    """The virtual host that nobody can call: no Host ends like that."""
    return packed(route_components_pb2.VirtualHost(name=NOBODY, domains=["-.invalid"]))


def asking_anew(routes: bytes, generation: int) -> bytes:
    """Routes on demand that make Envoy forget what it has asked for, in another `generation`.

    Envoy begins to ask anew when anything of the source changes, here a time-out that it does not
    come to. Virtual hosts that it has stay (seen in Envoy 1.40). `routes` and the result are in an
    Any.
    """
    found = Any.FromString(routes)
    timeout = timedelta(seconds=_FIRST_SECONDS, microseconds=generation % GENERATIONS)
    config_source = {"initial_fetch_timeout": timeout}
    more = route_pb2.RouteConfiguration(vhds={"config_source": config_source})
    found.value += more.SerializeToString(deterministic=True)
    return found.SerializeToString(deterministic=True)


def asking() -> dict[str, Message]:
    """The filter that asks for hosts that are not known yet, and holds their requests meanwhile.

    It goes before the router. Hosts by which no service can be called are not asked for: Envoy
    never forgets what it has asked for, and says all of it again when it connects anew.
    """
    host = HttpRequestHeaderMatchInput(header_name=":authority")
    callable_ = {
        "input": extension("host", host),
        "value_match": {"safe_regex": {"google_re2": {}, "regex": f"(?i){HOST_PATTERN}"}},
    }
    skip = {"action": extension("skip", skip_action_pb2.SkipFilter())}
    odd = {"predicate": {"not_matcher": {"single_predicate": callable_}}, "on_match": skip}
    asking_ = extension_matcher_pb2.ExtensionWithMatcher(
        xds_matcher={"matcher_list": {"matchers": [odd]}},
        extension_config=extension("envoy.filters.http.on_demand", on_demand_pb2.OnDemand()),
    )
    return extension(ASKING, asking_)


def answering() -> dict[str, Message]:
    """What is said where no virtual host is found: none such, no host, or nobody told in time."""
    return {
        "mappers": [
            _said(_all_of(_flag("NR"), heads.of_odd_hosts()), _BAD_REQUEST, heads.ODD_HOST),
            _said(_flag("NR"), _NOT_FOUND, NO_SUCH_SERVICE),
            _said(_flag("SI"), _UNAVAILABLE, NO_ANSWER),
        ]
    }


def _flag(flag: str) -> dict[str, Message]:
    return {"response_flag_filter": {"flags": [flag]}}


def _all_of(first: dict[str, Message], header: dict[str, Message]) -> dict[str, Message]:
    return {"and_filter": {"filters": [first, {"header_filter": {"header": header}}]}}


def _said(condition: dict[str, Message], status: int, text: str) -> dict[str, Message]:
    return {
        "filter": condition,
        "status_code": {"value": status},
        "body": {"inline_string": text},
    }
