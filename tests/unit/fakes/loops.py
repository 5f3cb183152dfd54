"""One loop of several, by its name, and what stands in for a thread."""

from collections.abc import Callable, Iterable
from typing import Any

from federation.runtime.loops import Loop


def named(loops: Iterable[Loop], name: str) -> Loop:
    """The loop of that name."""
    (found,) = [loop for loop in loops if loop.name == name]
    return found


async def inline(call: Callable[..., Any], *found: Any) -> Any:
    """Call it at once: under a clock that is not real, a thread would take any time."""
    return call(*found)
