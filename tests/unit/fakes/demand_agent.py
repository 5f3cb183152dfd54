"""The tables of an agent of which a sidecar asks for imports, and how services are reached."""

from dataclasses import dataclass

from federation.envoy.on_demand import ROUTES, virtual_host
from federation.model.imports import Import
from federation.model.types import CLUSTER, ENDPOINTS, IMPORT, ROUTE
from federation.supervisor.relay import TYPES
from federation.wire.codec.imports import encode_import
from federation.xds.resources import resource
from federation.xds.snapshot import Table

APP = "app~8080"
DB = "db.shop:5432"
"""An upstream over TCP."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a service is reached; `plain`: its port needs not be named."""

    kind: str
    version: bytes
    plain: bool

    def found(self, name: str) -> Import:
        near, far, both, part = (f"{kind}~{name}" for kind in ("out", "far", "any", "part"))
        clusters = {
            "near": (near,),
            "far": (far,),
            "both": (near, far),
            "parts": (near, far, part),
        }[self.kind]
        aggregates = (both,) if len(clusters) > 1 else ()
        named = (*aggregates, *clusters[2:]) if aggregates else clusters
        return Import(" ".join(f"<{one}>" for one in named).encode(), clusters, aggregates)

    def imports(self, name: str) -> tuple[str, ...]:
        return (f"{name}.shop:80", *((f"{name}.shop",) if self.plain else ()))


class Agent:
    """Its tables; `finish` drops what is gone, some time after nobody names it any more."""

    def __init__(self) -> None:
        self.common, self.pool = Table(), Table()
        self.common.put(CLUSTER, resource(APP, b"app"))
        self.common.put(ROUTE, resource(ROUTES, virtual_host("outbound/x", b"")))
        self._left: dict[tuple[str, str], None] = {}

    def sync(self) -> None:
        self.common.mark_complete(*TYPES)
        self.pool.mark_complete(IMPORT)

    def put(self, name: str, imports: tuple[str, ...], found: Import, body: bytes) -> list[str]:
        """Returns the imports that changed; clusters are told in `changed`."""
        wanted = {(CLUSTER, one) for one in (*found.clusters, *found.aggregates)}
        wanted |= {(ENDPOINTS, one) for one in found.clusters}
        for type_url, one in wanted:
            self.pool.put(type_url, resource(one, body))
            self._left.pop((type_url, one), None)
        for one in imports:
            self.pool.put(IMPORT, resource(one, encode_import(found)))
        gone = self._of(name) - wanted
        self._left.update(dict.fromkeys(sorted(gone)))
        before = {one for one in self.pool.names(IMPORT) if one.startswith(f"{name}.")}
        for one in before - set(imports):
            self.pool.drop(IMPORT, one)
        return sorted(before | set(imports)) + [one for _, one in sorted(wanted)]

    def _of(self, name: str) -> set[tuple[str, str]]:
        types = (CLUSTER, ENDPOINTS)
        held = {(t, one) for t in types for one in self.pool.names(t)}
        return {key for key in held if key[1].endswith(f"~{name}")}

    def withdraw(self, name: str) -> list[str]:
        before = [one for one in self.pool.names(IMPORT) if one.startswith(f"{name}.")]
        for one in before:
            self.pool.drop(IMPORT, one)
        self._left.update(dict.fromkeys(sorted(self._of(name))))
        return before

    def finish(self) -> list[str]:
        left, self._left = self._left, {}
        return [name for type_url, name in left if self.pool.drop(type_url, name)]
