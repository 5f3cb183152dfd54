"""Imports on demand: what Envoy is shown because it has asked for a host.

In: hosts that Envoy asks for, what a receiver holds of the agent, what Envoy has answered. Out:
what to ask the agent for, and what changed in the view that Envoy is fed from
(`federation.supervisor.shown`). Envoy holds a request until the virtual host of its host is there.
"""

from collections.abc import Callable, Collection, Iterable
from secrets import randbelow

from federation.envoy.on_demand import GENERATIONS, NOBODY, ROUTES, asked_name
from federation.model.imports import Import
from federation.model.types import IMPORT, ROUTE, VIRTUAL_HOST
from federation.supervisor.asked_hosts import AskedHosts, KnownImports, hosts_in
from federation.supervisor.envoy_side import EnvoySide
from federation.supervisor.shown import Shown
from federation.xds.messages import WILDCARD, Request
from federation.xds.receiver import Received, Receiver

_LOOKS = 8
"""So often it is looked for hosts to forget while as many come: a look at each would be too much.
"""

MOST_MISSING = 4_000
"""Hosts without a service that are remembered; then all are forgotten, and asked for anew."""


class Imports:
    """What of `receiver` is asked for, and shown to Envoy.

    `pinned` are imports that are asked for though nobody calls them by host; None for a proxy that
    asks for nothing. `ask` tells the agent.
    """

    def __init__(
        self,
        receiver: Receiver,
        pinned: Iterable[str] | None,
        ask: Callable[[Request], None],
        *,
        most_missing: int = MOST_MISSING,
    ) -> None:
        self._most_missing = most_missing
        self._receiver = receiver
        self._pinned = tuple(pinned or ())
        self._ask = ask
        self._known = KnownImports()
        self._hosts = AskedHosts(self._known)
        self.shown = Shown(receiver, self._hosts, self._known, claims=pinned is not None)
        self._is_open = False
        self._may_forget = True
        self._look_again_at = 0
        self.has_news = False
        """Whether other hosts are called than when this was last set to False."""

    def load(self, hosts: Iterable[str]) -> None:
        """Take back which hosts were called, after the receiver has taken back what it held.

        Imports that nobody calls any more are let go.
        """
        for host in hosts:
            self._hosts.add(host)
        wanted = dict.fromkeys(self._wanted())
        held = tuple(self._receiver.held(IMPORT))
        self._receiver.ask(IMPORT, (*wanted, *held))
        self._receiver.drop(IMPORT, [name for name in held if name not in wanted])
        for name in tuple(self._receiver.held(IMPORT)):
            change = self._receiver.change(IMPORT, name)
            if change.resource is not None:
                self._learn(name, change.value)

    @property
    def _envoy(self) -> EnvoySide:
        return self.shown.envoy

    @property
    def called(self) -> tuple[str, ...]:
        """The hosts that were called and lead to a service."""
        return tuple(host for host in self._hosts if self._hosts.found(host) is not None)

    # -- what the agent says -----------------------------------------------------------------------

    def take(self, received: Received) -> None:
        """Hear what the receiver has taken."""
        for change in received.changes:
            if change.type_url != IMPORT:
                self._envoy.touch(change.type_url, change.name)
            elif change.resource is not None:
                self._learn(change.name, change.value)
        if received.reply.type_url == IMPORT:
            self._may_forget = True
            held = self._receiver.held(IMPORT)
            for name in received.settled:
                if name not in held:
                    self._miss(name)

    def _learn(self, name: str, found: Import) -> None:
        before = self._known.learn(name, found)
        if before is not None:
            self.shown.leave(name, before)
        self.shown.unready[name] = None
        self.has_news = True

    def _miss(self, name: str) -> None:
        self.has_news = self.has_news or self._known.get(name) is not None
        self._known.miss(name)
        self.shown.unready.pop(name, None)
        self._touch_hosts(name)

    # -- what Envoy asks for, and has answered -----------------------------------------------------

    def feeds(self, envoy: EnvoySide) -> bool:
        """Whether that is the newest stream to Envoy."""
        return self.shown.envoy is envoy

    def start(self, envoy: EnvoySide) -> None:
        """There is a new stream to Envoy."""
        self.shown.start(envoy)
        self._is_open = False
        self._may_forget = True
        self._look_again_at = 0

    def hear(self, request: Request) -> Request:
        """Envoy asks for virtual hosts; returns what the sender is to make of it.

        The sender is to send all there are. It does not hear the hosts, which Envoy never takes
        back by itself, and which anybody can invent who sends requests.
        """
        if request.type_url != VIRTUAL_HOST:
            return request
        is_first, self._is_open = not self._is_open, True
        asked = dict.fromkeys(hosts_in(request))
        if is_first:
            self._forget([host for host in self._hosts.leading_nowhere() if host not in asked])
        new = [name for host in asked if (name := self._hosts.add(host)) is not None]
        known = [name for name in new if name in self._known]
        self.shown.unready.update(dict.fromkeys(known))
        self.has_news = self.has_news or bool(known)
        if told := self._receiver.ask(IMPORT, new):
            self._ask(told)
        if request.nonce or len(self._hosts) > self._look_again_at:
            self._may_forget = True
        for name in request.subscribe:
            if name not in request.initial_versions:
                self._envoy.forget(VIRTUAL_HOST, name)
            self._envoy.touch(VIRTUAL_HOST, name)
        if request.unsubscribe:  # it asks anew, and waits for a first
            self._envoy.forget(VIRTUAL_HOST, NOBODY)
            self._envoy.touch(VIRTUAL_HOST, NOBODY)
        return Request(
            VIRTUAL_HOST,
            request.node,
            (WILDCARD,) if is_first else (),
            initial_versions=request.initial_versions,
            nonce=request.nonce,
            error=request.error,
        )

    def settle(self) -> bool:
        """See what may be shown or let go by now; returns whether there was anything.

        To be asked whenever the sender has nothing more to say.
        """
        ready = [name for name in self.shown.unready if self._is_known_ready(name)]
        for name in ready:
            del self.shown.unready[name]
            self._touch_hosts(name)
        changed = self.shown.take_made() + self.shown.let_go(self._have_followed)
        if self._is_open and self.shown.has_claims and self._has_all():
            changed += self.shown.let_go_of_claims()
        for type_url, name in changed:
            self._envoy.touch(type_url, name)
        return bool(ready or changed) or self._forget_missing()

    def _has_all(self) -> bool:
        """Whether everything that is wanted is here, and Envoy has taken it."""
        return all(self.shown.is_here(n) and self._have_followed(n) for n in self._wanted())

    def _wanted(self) -> Iterable[str]:
        return (*self._pinned, *self._hosts.imports())

    def _is_known_ready(self, name: str) -> bool:
        found = self._known.get(name)
        return found is None or self.shown.is_ready(found)

    def _have_followed(self, name: str) -> bool:
        """Whether Envoy has taken the hosts of an import as they are now."""
        return name not in self.shown.unready and all(
            map(self._has_followed, self._hosts.leading_to(name))
        )

    def _has_followed(self, host: str) -> bool:
        if self._hosts.leads_nowhere(host):
            return not self.shown.has_host(host)
        return self._envoy.has_answered(VIRTUAL_HOST, asked_name(host))

    def let_go(self, unused: Collection[str]) -> tuple[str, ...]:
        """Let go what leads only to clusters that are unused; returns the hosts that led there.

        Envoy is made to ask anew first, else it would not ask again for what it has had.
        """
        names = [name for name in self._hosts.imports() if self._is_unused(name, unused)]
        hosts = tuple(host for name in names for host in self._hosts.leading_to(name))
        if hosts:
            self._ask_anew()
            self._drop(hosts)
            for host in hosts:
                self._envoy.touch(VIRTUAL_HOST, asked_name(host))
            self.has_news = True
        return hosts

    def _is_unused(self, name: str, unused: Collection[str]) -> bool:
        found = self._known.get(name)
        if found is None or not found.host or name in self._pinned:
            return False
        return all(cluster in unused for cluster in found.clusters)

    def _forget_missing(self) -> bool:
        """Envoy forgets what it asked for when it is told to ask anew; hosts that it has stay.

        So do those that it is about to be told of, but not those of which the agent says nothing:
        it may be away for long, and everything is asked for when it comes.
        """
        if not self._may_forget:
            return False
        self._may_forget = False
        forgotten = self._forgettable()
        if forgotten:
            self._forget(forgotten)
            self._ask_anew()
        self._look_again_at = len(self._hosts) + self._most_missing // _LOOKS
        return bool(forgotten)

    def _forgettable(self) -> list[str]:
        if len(self._hosts) - len(self._known) <= self._most_missing:
            return []
        told = self._envoy.has_answered
        nowhere = self._hosts.leading_nowhere()
        missing = [host for host in nowhere if told(VIRTUAL_HOST, asked_name(host))]
        unknown = [host for host in self._hosts.unknown() if not self.shown.has_host(host)]
        many = (hosts for hosts in (missing, unknown) if len(hosts) > self._most_missing)
        return [host for hosts in many for host in hosts]

    def _ask_anew(self) -> None:
        self.shown.generation = 1 + randbelow(GENERATIONS - 1)  # Envoy may have any other
        self._envoy.touch(ROUTE, ROUTES)

    def _forget(self, hosts: list[str]) -> None:
        """Know nothing of these hosts, as if Envoy had never asked for them."""
        for host in hosts:
            self._envoy.forget(VIRTUAL_HOST, asked_name(host))
        self._drop(hosts)

    def _drop(self, hosts: Iterable[str]) -> None:
        left = [name for name in self._hosts.drop(hosts) if name not in self._pinned]
        self._known.forget(left)
        if told := self._receiver.drop(IMPORT, left):
            self._ask(told)

    def _touch_hosts(self, name: str) -> None:
        for host in self._hosts.leading_to(name):
            self._envoy.touch(VIRTUAL_HOST, asked_name(host))
