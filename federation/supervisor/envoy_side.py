"""What imports on demand need of the sender to Envoy, and what stands in while there is none."""

from typing import Protocol


class EnvoySide(Protocol):
    """The sender to Envoy (`federation.xds.sender`)."""

    def touch(self, type_url: str, name: str) -> None:
        """Something of that name may have changed, appeared or gone."""

    def forget(self, type_url: str, name: str) -> None:
        """Envoy has not got it, whatever it was sent."""

    def has_answered(self, type_url: str, name: str) -> bool:
        """Whether Envoy has taken the newest of a name, or refused it."""

    def version(self, type_url: str, name: str) -> str | None:
        """The version of a name that Envoy has, or is about to have."""


class NoEnvoy:
    """No stream yet: nothing was taken, and nobody is told."""

    def touch(self, type_url: str, name: str) -> None:
        """See EnvoySide."""

    def forget(self, type_url: str, name: str) -> None:
        """See EnvoySide."""

    def has_answered(self, type_url: str, name: str) -> bool:
        """See EnvoySide."""
        return False

    def version(self, type_url: str, name: str) -> str | None:
        """See EnvoySide."""
        return None
