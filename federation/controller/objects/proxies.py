"""What clusters say of their proxies, as objects of kind Proxy.

In: the proxies that changed, as `ReportedProxies` has them. Out: views in their collection, some at
a time, and an event for what a proxy newly refuses.
"""

import asyncio
from hashlib import sha256
from itertools import islice
from typing import Any

from federation.api.rows.own import PROXY
from federation.apiserver.collection import Collection
from federation.controller.facts.reported_proxies import ReportedProxies
from federation.controller.objects.events import WARNING, Events
from federation.controller.objects.views import named, time_of
from federation.model.names import ClusterId
from federation.model.proxies import KnownProxy

Json = dict[str, Any]
Said = tuple[ClusterId, KnownProxy]

AT_ONCE = 50
"""Proxies that are made between two turns of the loop."""
MOST = 1_000
"""Proxies that are made in one look; those that are left have their turn in the next."""
MOST_EVENTS = 10
"""Events of one look: what all proxies refuse at once does not push out all other events."""
LONGEST_NAME = 253
_DIGITS = 16


def object_name(cluster: ClusterId, name: str) -> str:
    """What the object is called: `CLUSTER.gateway.NAME` or `CLUSTER.sidecar.NAMESPACE.POD`.

    A namespace has no dot, so no two proxies have one name; a long name ends with a hash.
    """
    whole = f"{cluster}.{name.replace('/', '.')}"
    if len(whole) <= LONGEST_NAME:
        return whole
    ending = sha256(whole.encode()).hexdigest()[:_DIGITS]
    return f"{whole[: LONGEST_NAME - _DIGITS - 1].rstrip('.-')}-{ending}"


def proxy_object(said: Said) -> Json:
    """The Proxy of what a cluster says."""
    cluster, proxy = said
    found = named(PROXY, "", object_name(cluster, proxy.name))
    found["metadata"]["labels"] = {"fedmesh.dev/cluster": str(cluster)}
    status: Json = {
        "cluster": str(cluster),
        "kind": str(proxy.kind),
        "id": proxy.id,
        "connected": proxy.connected,
        "state": str(proxy.state),
        "version": proxy.version,
        "refused": [
            {"type": r.type_url, "name": r.name, "reason": r.reason} for r in proxy.refused
        ],
    }
    if ends := time_of(proxy.certificate_ends):
        status["certificateExpires"] = ends
    return {**found, "status": status}


class ShownProxies:
    """Feeds the collection of Proxies."""

    def __init__(self, proxies: ReportedProxies, collection: Collection, events: Events) -> None:
        self._proxies = proxies
        self._collection = collection
        self._events = events

    async def look(self, now: float) -> None:
        """Show those that have changed; `now` in seconds since 1970."""
        room = MOST_EVENTS
        for index, key in enumerate(tuple(islice(self._proxies.to_show, MOST))):
            if index % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            self._proxies.to_show.pop(key, None)
            if self._show(*key, now, may_tell=room > 0):
                room -= 1

    def _show(self, cluster: ClusterId, name: str, now: float, *, may_tell: bool) -> bool:
        """Show one as it is now; returns whether an event told of it."""
        shown = object_name(cluster, name)
        proxy = self._proxies.get(cluster, name)
        if proxy is None:
            self._collection.remove("", shown)
            return False
        before = self._collection.get("", shown)
        old = before.source[1].refused if before is not None else ()
        self._collection.put_view(("", shown), (cluster, proxy), proxy_object)
        fresh = [one for one in proxy.refused if one not in old]
        if not fresh or not may_tell:
            return False
        more = f" (and {len(fresh) - 1} more)" if len(fresh) > 1 else ""
        first = fresh[0]
        message = f"proxy {name} refuses {first.type_url} {first.name}: {first.reason}{more}"
        self._events.note(proxy_object((cluster, proxy)), WARNING, "Refused", message, now)
        return True
