"""The same load at higher rates, by a program in C: `python -m federation.verify.paced`.

The generator of `federation.verify.traffic` is Python; above some hundred requests a second its own
pauses look like those of the mesh. This one has wrk send the requests, at a steady rate whatever
becomes of earlier ones, over as many connections as are needed for that (`paced.lua`). In and out
are those of `federation.verify.traffic`, for HTTP/1.1. SIGTERM, SIGINT or the end of the duration
stop it: what is in flight is waited for.
"""

import asyncio
import contextlib
import math
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from federation.model.errors import Failed
from federation.runtime import tasks
from federation.runtime.descriptors import raise_limit
from federation.verify import guarantees, history
from federation.verify.call import Load
from federation.verify.history import Lag, about_line, end_line
from federation.verify.traffic import parse_arguments

PROGRAM = "wrk"
PACKAGE = "wrk"
"""Of Debian and Ubuntu."""

_SCRIPT = Path(__file__).with_name("paced.lua")
_THREADS = 4
_BEGIN_SECONDS = 0.2
_LONGEST_SECONDS = 86_400
_MARGIN_SECONDS = 2.0


def is_there() -> bool:
    """Whether the program that sends the requests is installed."""
    return shutil.which(PROGRAM) is not None


def arguments_of(load: Load, out: Path, stop: Path, begin: float, tag: str) -> tuple[str, ...]:
    """The command line of wrk; it begins at `begin` and ends when the file `stop` is there.

    The id is shorter than 15 characters, or Envoy would write its trace reason into it.
    """
    about = load.about
    threads = _threads(load)
    lines = [" HTTP/1.1", f"host: {about.host}", "accept: */*", "user-agent: fedmesh-traffic"]
    lines += ["x-request-id: @ID"]
    if about.method == "POST":
        lines += [f"content-length: {load.body_bytes}"]
    body = "x" * load.body_bytes if about.method == "POST" else ""
    return (
        *(PROGRAM, "-t", f"{threads}", "-c", f"{load.connections}"),
        *("-d", f"{_LONGEST_SECONDS}", "--timeout", f"{math.ceil(load.timeout)}"),
        *("-s", str(_SCRIPT), f"http://{load.host}:{load.port}/", "--"),
        *(f"{about.rate:g}", f"{threads}", f"{begin:.6f}", tag, str(out), str(stop)),
        *(f"{about.method} ", about.path, "|".join([*lines, "", ""]) + body),
    )


def _threads(load: Load) -> int:
    return max(1, min(_THREADS, load.connections))


async def _run(load: Load, out: Path) -> None:
    asked = tasks.listen_for_stop()
    tag = f"{random.SystemRandom().getrandbits(20):05x}"
    with tempfile.TemporaryDirectory(prefix="fm-") as folder:
        stop = Path(folder) / "stop"
        command = arguments_of(load, out, stop, time.monotonic() + _BEGIN_SECONDS, tag)
        sender = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        said = sender.stdout or asyncio.StreamReader()
        ended = tasks.start(sender.wait(), "wrk")
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(load.seconds):
                    await _first(ended, tasks.start(_set(asked), "stop"))
            stop.touch()
            quiet = tasks.start(_quiet(said, _threads(load)), "quiet")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(load.timeout + _MARGIN_SECONDS):
                    await _first(ended, quiet)
        finally:
            with contextlib.suppress(ProcessLookupError):
                sender.send_signal(signal.SIGINT)
            code = await ended
    if code:
        raise Failed(f"{PROGRAM} ended with code {code}")


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _first(*found: asyncio.Task[object]) -> None:
    """Wait until one of them is over."""
    await asyncio.wait(found, return_when=asyncio.FIRST_COMPLETED)


async def _quiet(said: asyncio.StreamReader, threads: int) -> None:
    """Wait until all threads have said that nothing is in flight any more."""
    while threads and (line := await said.readline()):
        threads -= line == b"quiet\n"


def lag_of(out: Path) -> Lag:
    """How late requests went out."""
    lags = [record.start - record.at for record in history.load(out).records]
    p99 = guarantees.percentile(lags, 99)
    return Lag(max(lags, default=0.0), p99, len(lags))


def main() -> None:
    """Run the load that the command line asks for."""
    load, out = parse_arguments(sys.argv[1:])
    if not is_there():
        sys.exit(f"{PROGRAM} is not installed: install Debian's package {PACKAGE}")
    raise_limit()
    out.write_text(about_line(load.about), "utf-8")
    try:
        tasks.run(_run(load, out.resolve()))
    except Failed as error:
        sys.exit(str(error))
    with out.open("a", encoding="utf-8") as file:
        file.write(end_line(lag_of(out)))


if __name__ == "__main__":
    main()
