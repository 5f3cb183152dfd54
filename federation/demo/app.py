"""The demo's application: says who it is and who called it, in every protocol that crosses a mesh.

`python -m federation.demo.app --listen IP:8080 --cluster C --workload W --version V`

--listen        HTTP and WebSocket (`federation.demo.app_http`)
--listen-grpc   gRPC (`federation.demo.app_grpc`), none without it
--listen-tcp    TCP in which the server speaks first (`federation.demo.app_tcp`), none without it
--journal       file to which the x-request-id of every POST and unary gRPC call is appended before
                it is answered: what a killed process had processed is known afterwards
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from federation.demo import app_grpc, app_http, app_tcp
from federation.demo.app_work import Work, nowhere
from federation.model.errors import Failed
from federation.runtime import tasks
from federation.runtime.loops import Loop, run_until_stopped

_BACKLOG = 1024


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser("python -m federation.demo.app")
    for name in ("--listen", "--cluster", "--workload", "--version"):
        parser.add_argument(name, required=True)
    for name in ("--listen-grpc", "--listen-tcp"):
        parser.add_argument(name)
    parser.add_argument("--journal", type=Path)
    return parser.parse_args(arguments)


async def _listen(address: str, session: Callable[[], asyncio.Protocol]) -> asyncio.Server:
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    return await loop.create_server(session, host, int(port), backlog=_BACKLOG)


async def _serve(said: argparse.Namespace, work: Work) -> None:
    """HTTP comes last: who asks there whether we are ready may use the other ports, too."""
    async with contextlib.AsyncExitStack() as stack:
        servers = {}
        if said.listen_grpc:
            await stack.enter_async_context(app_grpc.serving(said.listen_grpc, work))
        if said.listen_tcp:
            servers["tcp"] = await _listen(said.listen_tcp, lambda: app_tcp.Echo(work))
        servers["http"] = await _listen(said.listen, lambda: app_http.Session(work))
        await run_until_stopped(Loop(name, s.serve_forever) for name, s in servers.items())


def main() -> None:
    """Serve until SIGTERM."""
    said = parse_arguments(sys.argv[1:])
    who = {"cluster": said.cluster, "workload": said.workload, "version": said.version}
    try:
        with contextlib.ExitStack() as stack:
            journal = nowhere
            if said.journal is not None:
                journal = stack.enter_context(said.journal.open("ab", buffering=0)).write
            tasks.run(_serve(said, Work(who, journal=journal)))
    except (OSError, Failed) as error:
        sys.exit(f"cannot serve: {error}")


if __name__ == "__main__":
    main()
