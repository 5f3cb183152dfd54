"""`fedctl token list`: the join tokens that were made, and what has become of each."""

from collections.abc import Callable
from typing import Any

from federation.cli.io import Column, moment
from federation.cli.listing import Listing, field, list_command


def _time(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda item: moment(item[name])


LISTING = Listing(
    lambda client: client.join_tokens(),
    (
        Column("id", field("id")),
        Column("cluster", field("cluster")),
        Column("state", field("state")),
        Column("created", _time("created"), wide=True),
        Column("expires", _time("expires")),
        Column("used", _time("used_at")),
        Column("from", field("used_from"), wide=True),
        Column("key", field("used_by"), wide=True),
    ),
    "no join tokens: make one with fedctl token create CLUSTER",
)
command = list_command("List the join tokens; their secrets are kept nowhere.", LISTING)
