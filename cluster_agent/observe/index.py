"""Which objects make up which service, so that one change costs one service.

In: keys of objects that changed. Out: the services to look at, the EndpointSlices of each.
"""

from collections.abc import Iterable, Iterator

from cluster_agent.observe.pod_addresses import PodAddresses
from cluster_agent.source.objects import Key, Objects
from federation.api.kubernetes import EndpointSliceDocument, PodDocument
from federation.model.addresses import plain
from federation.model.names import ServiceName


class Index:
    """Which objects make up which service, so that one change costs one service."""

    def __init__(self) -> None:
        self._slices: dict[ServiceName, set[Key]] = {}
        self._of_slice: dict[Key, ServiceName] = {}
        self._users: dict[Key, set[ServiceName]] = {}
        self._used: dict[ServiceName, set[Key]] = {}
        self._addresses = PodAddresses()
        self.namespaces_at = self._addresses.namespaces_at

    def affected(self, changed: Iterable[Key], objects: Objects) -> set[ServiceName]:
        """The services that these changes concern; call it once with every change."""
        found: set[ServiceName] = set()
        for key in changed:
            match key.kind:
                case "Service" | "ServiceExport":
                    found.add(ServiceName(key.namespace, key.name))
                case "EndpointSlice":
                    found.update(self._move_slice(key, objects))
                case "Pod":
                    found |= self._users.get(key, set())
                    for address in self._addresses.update(key, objects.get(key)):
                        found |= self._users.get(_at(address), set())
                case _:
                    found |= self._users.get(key, set())
        for name in found:
            self._note_uses(name, objects)
        return found

    def slices(self, name: ServiceName, objects: Objects) -> list[EndpointSliceDocument]:
        """The EndpointSlices of a service."""
        found = (objects.get(key) for key in self._slices.get(name, ()))
        return [part for part in found if isinstance(part, EndpointSliceDocument)]

    def _move_slice(self, key: Key, objects: Objects) -> Iterator[ServiceName]:
        before = self._of_slice.pop(key, None)
        if before is not None:
            self._slices[before].discard(key)
            yield before
        part = objects.get(key)
        if isinstance(part, EndpointSliceDocument) and part.service:
            name = ServiceName(key.namespace, part.service)
            self._of_slice[key] = name
            self._slices.setdefault(name, set()).add(key)
            yield name

    def _note_uses(self, name: ServiceName, objects: Objects) -> None:
        """Remember which Pods, Nodes and addresses a service's endpoints refer to."""
        for key in self._used.pop(name, set()):
            self._users[key].discard(name)
            if not self._users[key]:
                del self._users[key]
        used = set(_references(name, self.slices(name, objects), objects))
        self._used[name] = used
        for key in used:
            self._users.setdefault(key, set()).add(name)


def _at(address: str) -> Key:
    """Stands for whichever Pods have an address."""
    return Key("address", "", address)


def _references(
    name: ServiceName, slices: Iterable[EndpointSliceDocument], objects: Objects
) -> Iterator[Key]:
    for part in slices:
        for endpoint in part.endpoints:
            if part.address_type != "FQDN":
                yield _at(plain(endpoint.addresses[0]))
            target = endpoint.target
            node = endpoint.node_name or ""
            if target is not None and target.kind == "Pod":
                pod_key = Key("Pod", target.namespace or name.namespace, target.name)
                yield pod_key
                pod = objects.get(pod_key)
                node = node or (pod.spec.node_name if isinstance(pod, PodDocument) else "")
            if node:
                yield Key("Node", "default", node)
