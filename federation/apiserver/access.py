"""What a caller may do: roles as data, role bindings as values, and the decision.

In: bindings, a `Caller`, and what is asked, as `Attributes`. Out: a `Decision` with its reason as a
sentence. Nothing is allowed that no rule names.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from federation.api.kind import READ, WRITE
from federation.api.v1alpha1.access import Role, RoleBindingSpec
from federation.apiserver.caller import ADMINS, Caller

OURS = "fedmesh.dev"
_EVERY = "*"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is asked. A request that is about no resource has its `path` alone.

    `verb` is one of Kubernetes (`get`, `list`, ... of resources; `get`, `post`, ... of paths).
    `name` is also that of a list or watch of one object alone.
    """

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full(self) -> str:
        """The resource with its subresource."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True, slots=True)
class Rule:
    """Verbs that a role has on resources of a group; `*` is every one."""

    verbs: tuple[str, ...]
    group: str
    resources: tuple[str, ...]
    but: tuple[str, ...] = ()

    def covers(self, asked: Attributes) -> bool:
        """Whether this rule allows it, wherever it is; paths are for those who may everything."""
        return (
            (_EVERY in self.verbs or (asked.resource != "" and asked.verb in self.verbs))
            and self.group in (_EVERY, asked.group)
            and (_EVERY in self.resources or asked.full in self.resources)
            and not (asked.group == OURS and asked.resource in self.but)
        )


HIDDEN = ("users", "rolebindings", "audit")
"""Kinds of ours that only an admin reads."""
CLUSTERSET_ONLY = (*HIDDEN, "trust", "backups", "jointokens", "status")
"""Kinds of ours that a role in single namespaces or clusters never reaches."""
_OF_CLUSTERS = ("clusters", "gateways", "proxies")
_VIEWER = (Rule(READ, _EVERY, (_EVERY,), but=HIDDEN),)
_OPERATOR = (
    *_VIEWER,
    Rule(WRITE, OURS, ("trafficpolicies", "applysets")),
    Rule(WRITE, "", ("namespaces",)),
    Rule(("create", "update", "patch"), OURS, ("clusters",)),
    Rule(("create",), OURS, ("clusters/jointoken", "clusters/confirm")),
    Rule(("delete",), OURS, ("jointokens",)),
)
ROLES: dict[Role, tuple[Rule, ...]] = {
    "viewer": _VIEWER,
    "operator": _OPERATOR,
    "admin": (Rule((_EVERY,), _EVERY, (_EVERY,)),),
}
_OPEN = (
    Rule(
        ("create",),
        "authorization.k8s.io",
        ("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    ),
    Rule(("create",), "authentication.k8s.io", ("selfsubjectreviews",)),
    Rule(READ, "apiextensions.k8s.io", ("customresourcedefinitions",)),
)
"""What everybody who is known may ask: of himself, and what kinds there are."""
OPEN_PATHS = ("/api", "/apis", "/openapi", "/version", "/healthz", "/livez", "/readyz")
"""What everybody who is known may read, with all that is below and is no resource."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A RoleBinding: who has a role, in the whole clusterset when no scope is named."""

    name: str
    role: Role
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    clusters: frozenset[str] = frozenset()

    @property
    def is_everywhere(self) -> bool:
        """Whether it is for the whole clusterset."""
        return not self.namespaces and not self.clusters

    def is_for(self, caller: Caller) -> bool:
        """Whether this caller has it, as a user or by a group."""
        return caller.name in self.users or not self.groups.isdisjoint(caller.groups)

    def permits(self, asked: Attributes) -> bool:
        """Whether the role allows it there."""
        return any(rule.covers(asked) for rule in ROLES[self.role]) and self._reaches(asked)

    def _reaches(self, asked: Attributes) -> bool:
        if self.is_everywhere:
            return True
        if asked.group == OURS and asked.resource in CLUSTERSET_ONLY:
            return False
        if asked.group == OURS and asked.resource in _OF_CLUSTERS:
            return self._reaches_cluster(asked)
        if asked.group == "" and asked.resource == "namespaces":
            return asked.verb in READ and asked.name in self.namespaces
        return asked.namespace in self.namespaces

    def _reaches_cluster(self, asked: Attributes) -> bool:
        if asked.resource == "clusters":
            return asked.name in self.clusters
        cluster, dot, rest = asked.name.partition(".")
        return bool(dot and rest) and cluster in self.clusters

    @property
    def scope(self) -> str:
        """Where it counts, for a sentence."""
        parts = [_named("namespace", self.namespaces), _named("cluster", self.clusters)]
        return " and ".join(filter(None, parts)) or "the clusterset"


ALWAYS = Binding("fedmesh:admins", "admin", groups=frozenset({ADMINS}))
"""Counts beside those that are written, and cannot be taken away."""


def binding_of(name: str, spec: RoleBindingSpec) -> Binding:
    """The binding that a document of kind RoleBinding states."""
    return Binding(
        name,
        spec.role,
        users=frozenset(s.name for s in spec.subjects if s.kind == "User"),
        groups=frozenset(s.name for s in spec.subjects if s.kind == "Group"),
        namespaces=frozenset(spec.namespaces),
        clusters=frozenset(spec.clusters),
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it is allowed, and why (not), in a sentence."""

    allowed: bool
    reason: str


def decide(bindings: Iterable[Binding], caller: Caller, asked: Attributes) -> Decision:
    """Whether a caller may do it."""
    if _is_open(asked):
        return Decision(True, "everybody who is known may")
    his = held_by(bindings, caller)
    for binding in his:
        if binding.permits(asked):
            return Decision(True, f"role {binding.role} in {binding.scope} by {_by(binding)}")
    return Decision(False, f"user {caller.name} may not {sentence(asked)}: {_instead(his, asked)}")


def held_by(bindings: Iterable[Binding], caller: Caller) -> tuple[Binding, ...]:
    """The bindings that a caller has; the one that cannot be taken away comes first."""
    return tuple(b for b in (ALWAYS, *bindings) if b.is_for(caller))


def is_clusterset_admin(bindings: Iterable[Binding], caller: Caller) -> bool:
    """Whether a caller may do everything: only such a one may act in the name of others."""
    return any(b.role == "admin" and b.is_everywhere for b in held_by(bindings, caller))


def sentence(asked: Attributes) -> str:
    """What is asked, as in `patch clusters.fedmesh.dev/confirm "east"`."""
    if not asked.resource:
        return f"{asked.verb} {asked.path}"
    group = f".{asked.group}" if asked.group else ""
    below = f"/{asked.subresource}" if asked.subresource else ""
    name = f' "{asked.name}"' if asked.name else ""
    inside = f" in namespace {asked.namespace}" if asked.namespace else ""
    return f"{asked.verb} {asked.resource}{group}{below}{name}{inside}"


def _is_open(asked: Attributes) -> bool:
    if asked.resource:
        return any(rule.covers(asked) for rule in _OPEN)
    is_below = any(asked.path == p or asked.path.startswith(f"{p}/") for p in OPEN_PATHS)
    return asked.verb in ("get", "head") and is_below


def _instead(his: tuple[Binding, ...], asked: Attributes) -> str:
    """What would be allowed."""
    if not his:
        return "no role binding is for this user or its groups"
    same = [b for b in his if any(rule.covers(asked) for rule in ROLES[b.role])]
    if not same:
        roles = ", ".join(sorted({b.role for b in his}))
        return f"no role of this user ({roles}) allows it anywhere"
    scopes = "; ".join(sorted({b.scope for b in same}))
    hint = ""
    if asked.verb in ("list", "watch", "deletecollection") and not asked.name:
        hint = _narrower(same, asked)
    return f"the role counts in {scopes} only{hint}"


def _narrower(same: list[Binding], asked: Attributes) -> str:
    namespaces = sorted({n for b in same for n in b.namespaces})
    clusters = sorted({c for b in same for c in b.clusters})
    if asked.group == OURS and asked.resource in _OF_CLUSTERS:
        return ", so name one of them" if clusters else ""
    if asked.resource == "namespaces" and namespaces:
        return f", so get namespace {namespaces[0]} by its name"
    tried = replace(asked, namespace=namespaces[0]) if namespaces else asked
    if any(b.permits(tried) for b in same):
        return f", so {sentence(tried)} would be allowed"
    return ""


def _by(binding: Binding) -> str:
    return f"group {ADMINS}" if binding is ALWAYS else f"rolebinding {binding.name}"


def _named(what: str, names: frozenset[str]) -> str:
    if not names:
        return ""
    shown = sorted(names)
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""  # noqa: PLR2004
    return f"{what}{'s' if len(shown) > 1 else ''} {', '.join(shown[:5])}{more}"
