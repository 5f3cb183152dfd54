"""`fedctl cluster list`: the members and what is seen of them."""

from typing import Any

from federation.cli.io import Column
from federation.cli.listing import Listing, field, list_command


def state_of(item: dict[str, Any]) -> str:
    """Whether it has joined, is connected, or how its silence is judged."""
    if item.get("trust") in ("revoked", "leaving"):
        return str(item["trust"])
    if not item["joined"]:
        return "not joined"
    return "connected" if item["connected"] else str(item.get("state", "suspect"))


def seen(item: dict[str, Any]) -> str:
    """How long ago its agent was heard."""
    ago = item.get("last_seen_seconds_ago")
    return "never" if ago is None else f"{ago:.0f} s ago"


def _reached_by(item: dict[str, Any]) -> str:
    """The clusters whose gateways reach a gateway of this one, and in what time."""
    best: dict[str, float | None] = {}
    for found in item.get("seen_from", []):
        if found["answers"]:
            best[found["cluster"]] = min(
                (t for t in (best.get(found["cluster"]), found["rtt_ms"]) if t is not None),
                default=None,
            )
    return ", ".join(f"{c}{f' {t:g} ms' if t else ''}" for c, t in sorted(best.items())) or "-"


LISTING = Listing(
    lambda client: client.clusters(),
    (
        Column("cluster", field("id")),
        Column("region", field("region")),
        Column("zones", lambda item: ",".join(item["zones"]) or "-", wide=True),
        Column("state", state_of),
        Column("seen", seen),
        Column("gateways", lambda item: len(item["gateways"])),
        Column("reached by", _reached_by, wide=True),
        Column("exports", field("exports")),
        Column("problems", lambda item: "; ".join(item["problems"]) or "-"),
    ),
    "no clusters yet: add one with 'fedctl cluster add ID --region REGION'",
)
command = list_command("List the clusters of the federation.", LISTING)
