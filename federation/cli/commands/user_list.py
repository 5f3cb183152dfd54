"""`fedctl user list`: the users of the API, and what they can show."""

from typing import Any

from federation.cli.io import Column
from federation.cli.listing import Listing, list_command

Item = dict[str, Any]


def _credentials(item: Item) -> list[Item]:
    found: list[Item] = item.get("status", {}).get("credentials", [])
    return found


def _shown(item: Item) -> str:
    said = (f"{c['kind'].lower()} {c['id']} until {c['expires']}" for c in _credentials(item))
    return ", ".join(said) or "-"


LISTING = Listing(
    lambda client: client.users(),
    (
        Column("name", lambda item: item["metadata"]["name"]),
        Column("groups", lambda item: ",".join(item.get("spec", {}).get("groups", [])) or "-"),
        Column("disabled", lambda item: "yes" if item.get("spec", {}).get("disabled") else "no"),
        Column("credentials", lambda item: str(len(_credentials(item)))),
        Column("which", _shown, wide=True),
    ),
    "no users: add one with fedctl user add NAME",
)
command = list_command("List the users of the API; the admin token is not among them.", LISTING)
