"""Who is told what proxies do."""

from typing import Protocol

from federation.model.proxies import Node, Proxy


class ProxyEvents(Protocol):
    """Who is told what proxies do: `cluster_agent.agent.Agent`."""

    def on_proxy(self, proxy: Proxy) -> None:
        """A proxy describes itself."""

    def on_quiet(self) -> None:
        """Every connected proxy has acknowledged all it was sent."""

    def on_secrets_taken(self) -> None:
        """Every connected proxy has taken the secrets that say whom to trust."""

    def on_gone(self, node: Node) -> None:
        """Both streams of a proxy have ended."""

    def on_silent(self) -> None:
        """Other proxies than before send nothing any more."""
