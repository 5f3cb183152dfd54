"""The status of a folder of YAML: `.fedmesh/status.yaml` in it.

Each object's part is made into YAML once, when it is news; the file is put together and written in
a thread, when it is another one than before. See `cluster_agent.source.status`.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from cluster_agent.source.objects import Problem
from cluster_agent.source.status import News, Target, Told
from federation.runtime.files import write_inside
from federation.runtime.logs import event
from federation.runtime.loops import out_of_means

log = logging.getLogger(__name__)

STATUS_FOLDER, STATUS_FILE = ".fedmesh", "status.yaml"
_HEAD = "# written by the agent; edits are overwritten\n"
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class StatusFile:
    """Writes to `folder` what is told, and the `problems` of reading it."""

    def __init__(self, folder: Path, problems: Callable[[], tuple[Problem, ...]]) -> None:
        self._folder = folder
        self._problems = problems
        self._parts: dict[Target, str] = {}
        self._written: tuple[dict[Target, str], tuple[Problem, ...]] | None = None

    async def tell(self, news: News) -> None:
        """See Status. A folder that is not ours to write is said, and tried again with the next
        news.
        """
        made = await asyncio.to_thread(_made, news)
        parts = {target: text for target, text in (self._parts | made).items() if text}
        now = parts, self._problems()
        self._parts = parts
        if now == self._written:
            return
        try:
            await asyncio.to_thread(_write, self._folder, *now)
        except OSError as error:
            if out_of_means(error):
                raise
            where = self._folder / STATUS_FOLDER / STATUS_FILE
            log.warning(event("status cannot be written", file=where, reason=error.strerror))
        self._written = now  # when it failed: said once


def _made(news: News) -> dict[Target, str]:
    return {target: _part(target, told) for target, told in news.items()}


def _part(target: Target, told: Told | None) -> str:
    """One entry of the list; empty for nothing."""
    if told is None:
        return ""
    conditions = [
        {"type": c.type, "status": c.status, "reason": c.reason, "message": c.message} for c in told
    ]
    named = {"kind": target.kind, "namespace": target.namespace, "name": target.name}
    return _dumped([{**named, "conditions": conditions}])


def _write(folder: Path, parts: dict[Target, str], problems: tuple[Problem, ...]) -> None:
    entries = "".join(parts[target] for target in sorted(parts))
    exports = f"exports:\n{entries}" if entries else "exports: []\n"
    said = _dumped({"problems": [f"{p.where}: {p.message}" for p in problems]})
    write_inside(folder, STATUS_FOLDER, STATUS_FILE, f"{_HEAD}{exports}{said}".encode())


def _dumped(value: object) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False)
    return text
