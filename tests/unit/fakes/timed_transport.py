"""A transport that knows when each thing was done to it, in the time of the loop."""

import asyncio
from typing import Any

from tests.unit.fakes.fake_transport import FakeTransport


class TimedTransport(FakeTransport):
    """`done` are (when, what): "write ...", "end", "close" or "reset"."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[float, str]] = []
        self.paused_for: list[float] = []
        self._paused_at: float | None = None

    @property
    def what(self) -> list[str]:
        """What was done, without the times."""
        return [what for _, what in self.done]

    def write(self, data: Any) -> None:
        assert not self.closed, "written to after its end"
        assert "end" not in self.what, "written to after the last word"
        super().write(data)
        self._note(f"write {bytes(data).decode()}")

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._note("end")

    def close(self) -> None:
        super().close()
        self._note("close")

    def abort(self) -> None:
        super().abort()
        self._note("reset")

    def pause_reading(self) -> None:
        super().pause_reading()
        self._paused_at = asyncio.get_running_loop().time()

    def resume_reading(self) -> None:
        assert not self.closed, "resumed after its end"
        super().resume_reading()
        if self._paused_at is not None:
            self.paused_for.append(asyncio.get_running_loop().time() - self._paused_at)
            self._paused_at = None

    def _note(self, what: str) -> None:
        self.done.append((asyncio.get_running_loop().time(), what))
