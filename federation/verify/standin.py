"""Stands in for a process that was killed: `python -m federation.verify.standin --how hang A ...`.

It listens where the dead one did. `hang` accepts and says nothing for ever; `refuse` accepts and
resets. So a peer meets what a stuck or an overloaded host would show it.
"""

import argparse
import asyncio
import contextlib
import socket
import struct
import sys

from federation.runtime import tasks
from federation.runtime.loops import Loop, run_until_stopped

HANG, REFUSE = "hang", "refuse"
_RESET = struct.pack("ii", 1, 0)


async def _hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.CancelledError):  # or asyncio complains of it at the end
        await asyncio.Event().wait()
    writer.close()


async def _refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.close()


async def _serve(addresses: list[str], how: str) -> None:
    answer = {HANG: _hang, REFUSE: _refuse}[how]
    servers = [
        await asyncio.start_server(answer, host, int(port), backlog=1024)
        for host, _, port in (address.rpartition(":") for address in addresses)
    ]
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    await run_until_stopped(Loop(f"server-{i}", s.serve_forever) for i, s in enumerate(servers))


def main() -> None:
    """Stand in until SIGTERM."""
    parser = argparse.ArgumentParser("python -m federation.verify.standin", description=__doc__)
    parser.add_argument("--how", choices=(HANG, REFUSE), required=True)
    parser.add_argument("addresses", nargs="+", help="IP:PORT")
    said = parser.parse_args()
    try:
        tasks.run(_serve(said.addresses, said.how))
    except OSError as error:
        sys.exit(f"cannot stand in: {error}")


if __name__ == "__main__":
    main()
