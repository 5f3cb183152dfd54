"""Which kinds of objects a controller serves, and which of them a word of a person means.

In: the documents of aggregated discovery. Out: `Kinds`, in which a kind is found by its plural,
singular, kind or short name, with or without its group, in any case.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from federation.model.errors import InvalidInput, PeerBroke, shown

Json = dict[str, Any]

PATHS = ("/api", "/apis")
"""Where the documents are."""
MEDIA = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True, slots=True)
class ServedKind:
    """A kind as discovery tells of it; `group` is "" for the core."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    verbs: tuple[str, ...]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """As documents say it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """`PLURAL.GROUP`, or the plural of a kind of the core."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of its objects, or of one of them, quoted for a URL."""
        import urllib.parse  # noqa: PLC0415 - not needed to show what there is

        root = f"/apis/{self.group}" if self.group else "/api"
        parts = ["namespaces", namespace] if namespace and self.namespaced else []
        quoted = [urllib.parse.quote(p, safe="") for p in (*parts, self.plural, name) if p]
        return "/".join([root, self.version, *quoted])

    def title(self, name: str) -> str:
        """How lines name an object: `trafficpolicy.fedmesh.dev/near`."""
        group = f".{self.group}" if self.group else ""
        return f"{self.singular}{group}/{name}"

    def names(self) -> frozenset[str]:
        """The words that mean it, in lower case and without the group."""
        return frozenset({self.plural, self.singular, self.kind.lower(), *self.short_names})


@dataclass(frozen=True, slots=True)
class Kinds:
    """All kinds, the preferred version of a group first."""

    all: tuple[ServedKind, ...]

    def find(self, word: str) -> ServedKind:
        """The kind that a word means: `tp`, `TrafficPolicy`, `trafficpolicies.fedmesh.dev`.

        Raises InvalidInput when it means none, or several.
        """
        found = self._meant(word)
        groups = {kind.group for kind in found}
        if len(groups) > 1:
            names = " or ".join(sorted(kind.resource for kind in found))
            raise InvalidInput(f"{shown(word)} means several kinds: say {names}")
        if not found:
            known = ", ".join(sorted({kind.plural for kind in self.listable()}))
            raise InvalidInput(
                f"the controller has no kind {shown(word)}, only {known}: see fedctl api-resources"
            )
        return found[0]

    def of_category(self, word: str) -> tuple[ServedKind, ...]:
        """The kinds of a category such as `fedmesh`."""
        return tuple(kind for kind in self.listable() if word.lower() in kind.categories)

    def of_document(self, api_version: str, kind: str) -> ServedKind | None:
        """The kind that a document says it is of."""
        wanted = (api_version, kind)
        return next((k for k in self.all if (k.api_version, k.kind) == wanted), None)

    def listable(self) -> Iterator[ServedKind]:
        """Those of which there are objects, which reviews have none of."""
        return (kind for kind in self.all if "list" in kind.verbs)

    def _meant(self, word: str) -> list[ServedKind]:
        name, dot, rest = word.lower().partition(".")
        found = [kind for kind in self.all if name in kind.names()]
        if not dot:
            return found
        return [k for k in found if rest in (k.group, f"{k.version}.{k.group}", k.version)]


def kinds_of(documents: Iterable[Json]) -> Kinds:
    """The kinds that documents of discovery tell of; raises PeerBroke."""
    try:
        return Kinds(tuple(kind for document in documents for kind in _read(document)))
    except (KeyError, TypeError, AttributeError) as error:
        raise PeerBroke(
            f"the controller's discovery cannot be read: {type(error).__name__} {error}"
        ) from error


def _read(document: Json) -> Iterator[ServedKind]:
    for group in document["items"]:
        name = str(group["metadata"].get("name") or "")
        for version in group["versions"]:
            for found in version["resources"]:
                yield ServedKind(
                    name,
                    str(version["version"]),
                    str(found["responseKind"]["kind"]),
                    str(found["resource"]),
                    str(found.get("singularResource") or found["responseKind"]["kind"].lower()),
                    found["scope"] == "Namespaced",
                    _words(found, "verbs"),
                    _words(found, "shortNames"),
                    _words(found, "categories"),
                )


def _words(found: Json, name: str) -> tuple[str, ...]:
    return tuple(map(str, found.get(name) or ()))
