"""What is wrong with the controller itself: its store, its loops, its certificates."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta

from federation.controller.views.problem import CONTROLLER, Problem, Term, last_part

ROOT_NOTICE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Own:
    """The controller itself: why its store cannot be written, what else it cannot do, and its
    certificates.
    """

    store: str = ""
    troubles: tuple[str, ...] = ()
    root: Term | None = None
    leaf: Term | None = None


def controller_problems(own: Own, now: float) -> Iterator[Problem]:
    """All that is wrong with the controller; `now` in seconds since 1970."""
    if own.store:
        what = f"the store cannot be written: {own.store}"
        yield Problem("store-not-writable", CONTROLLER, what)
    for trouble in own.troubles:
        subject = trouble.partition(":")[0]
        yield Problem("controller-trouble", CONTROLLER, f"it fails at {trouble}", subject)
    if own.root is not None:
        since = (own.root.not_after - ROOT_NOTICE).timestamp()
        if since <= now:
            what = f"the root ends at {own.root.not_after:%Y-%m-%d}"
            yield Problem("root-ends", CONTROLLER, what, since=since)
    if own.leaf is not None and (since := last_part(own.leaf)) <= now:
        at = own.leaf.not_after.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        what = f"its certificate ends at {at} and was not renewed"
        yield Problem("controller-certificate-ends", CONTROLLER, what, since=since)
