"""The proxies' streams as the agent's loop sees them; `workloads` has the real ones."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from cluster_agent.snapshot.tables import Touch
from federation.model.proxies import Kind


class Audience(Protocol):
    """Who hears of changed resources."""

    def touch(self, touched: Iterable[Touch]) -> None:
        """Wake the streams that a change concerns."""

    def wake_all(self) -> None:
        """Wake all: they may speak now."""

    def is_quiet(self) -> bool:
        """Whether every connected proxy has acknowledged all it was sent."""

    def have_taken(self, type_url: str) -> bool:
        """Whether every connected proxy has taken all of a type in its last version."""

    def connected(self, kind: Kind) -> set[str]:
        """The ids of connected proxies of a kind."""

    def ending_tokens(self, now: float) -> Mapping[str, str]:
        """What is to be told of tokens of others than proxies, by their holder."""

    def turned_away(self, now: float) -> Mapping[str, str]:
        """What is to be told of proxies that were refused lately, by whom it is about."""


class Nobody:
    """An audience before there is one."""

    def touch(self, touched: Iterable[Touch]) -> None:
        """Nobody hears."""

    def wake_all(self) -> None:
        """Nobody sleeps."""

    def is_quiet(self) -> bool:
        """Nobody owes an answer."""
        return True

    def have_taken(self, type_url: str) -> bool:
        """Nobody has anything."""
        return True

    def connected(self, kind: Kind) -> set[str]:
        """Nobody is there."""
        return set()

    def ending_tokens(self, now: float) -> Mapping[str, str]:
        """Nobody has shown any."""
        return {}

    def turned_away(self, now: float) -> Mapping[str, str]:
        """Nobody was."""
        return {}
