"""What all protocols of the demo's application share: who it is, and what it has processed.

In: requests, by their id and as whom they were seen. Out: what to say, counts, and a journal that
outlives the process.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

MAX_COUNTED = 200_000
_URI = re.compile(r"URI=([^;,\"]+)")


@dataclass(slots=True)
class Counts:
    """Requests processed, by x-request-id; the oldest ids are forgotten beyond MAX_COUNTED."""

    processed: int = 0
    times: dict[str, int] = field(default_factory=dict)

    def add(self, request_id: str) -> None:
        """A request is about to be processed."""
        self.processed += 1
        if request_id:
            self.times[request_id] = self.times.get(request_id, 0) + 1
            if len(self.times) > MAX_COUNTED:
                del self.times[next(iter(self.times))]

    def tell(self, which: str) -> dict[str, object]:
        """The answer to `/count` (which is empty), `/count/all` and `/count/ID`."""
        if which == "all":
            return {"ids": self.times}
        if which:
            return {"id": which, "times": self.times.get(which, 0)}
        twice = {request_id: n for request_id, n in self.times.items() if n > 1}
        return {"processed": self.processed, "distinct": len(self.times), "twice": twice}


def nowhere(_: bytes) -> None:
    """Keep no journal."""


@dataclass(frozen=True, slots=True)
class Work:
    """The application as such. `who` names it; `journal` appends bytes to a file at once."""

    who: dict[str, str]
    counts: Counts = field(default_factory=Counts)
    journal: Callable[[bytes], object] = nowhere

    def process(self, request_id: str, *, effect: bool) -> None:
        """Process a request. One that has an effect is in the journal before it is answered."""
        self.counts.add(request_id)
        if effect and request_id:
            self.journal(f"{request_id}\n".encode())

    def said_to(self, certificate: str, method: str, path: str) -> dict[str, str | None]:
        """Who answers, and who asked for what; `certificate` is x-forwarded-client-cert."""
        return {**self.who, "caller": caller_of(certificate), "method": method, "path": path}


def caller_of(header: str) -> str | None:
    """The SPIFFE id of the caller in `x-forwarded-client-cert`: the last hop's word, else None."""
    found = _URI.findall(header)
    return found[-1] if found else None


def line_of(value: object) -> bytes:
    """A value as one line of JSON."""
    return json.dumps(value).encode() + b"\n"
