"""Open-loop load with a history, in a process of its own: `python -m federation.verify.traffic`.

Every request goes out when it is due, whatever became of the earlier ones. Nothing is ever sent
twice. Protocols: HTTP/1.1 (requests), gRPC (unary calls) and TCP (one connection for each request,
on which the server speaks first). Out: a history (`federation.verify.history`), written as it
happens. SIGTERM, SIGINT or the end of the duration stop it: what is in flight is waited for, each
request at most its time-out.
"""

import argparse
import gc
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from federation.runtime import tasks
from federation.runtime.descriptors import raise_limit
from federation.runtime.loops import Loop, running
from federation.verify.call import Client, Load
from federation.verify.client_grpc import GrpcClient, open_channels
from federation.verify.client_http import HttpClient
from federation.verify.client_tcp import TcpClient
from federation.verify.generator import Generator
from federation.verify.history import About

_FLUSH_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Speech:
    """A protocol: who carries its calls, and what they are when nothing else is said."""

    client: Callable[[Load], Client]
    path: str
    method: str
    has_host: bool = True


PROTOCOLS: Mapping[str, Speech] = {
    "http": Speech(HttpClient, "/", "GET"),
    "grpc": Speech(
        lambda load: GrpcClient(load, open_channels(load)), "/fedmesh.demo.Echo/Who", "POST"
    ),
    "tcp": Speech(TcpClient, "", "", has_host=False),
}


async def _main(load: Load, out: TextIO) -> None:
    stop = tasks.listen_for_stop()
    run = f"{random.SystemRandom().getrandbits(24):06x}"
    client = PROTOCOLS[load.about.protocol].client(load)
    gc.collect()
    gc.disable()  # a collection of a long history would look like a slow mesh

    async def flush() -> None:
        out.flush()

    async with running([Loop("flush", flush, rest=_FLUSH_SECONDS)]):
        await Generator(load, client, run, out.write).run(stop)


def parse_arguments(arguments: list[str]) -> tuple[Load, Path]:
    """The load and the file that a command line asks for."""
    parser = argparse.ArgumentParser("python -m federation.verify.traffic", description=__doc__)
    parser.add_argument("--protocol", choices=sorted(PROTOCOLS), default="http")
    parser.add_argument("--target", required=True, help="IP:PORT to connect to")
    parser.add_argument("--host", help="the Host header, or gRPC's authority; not for tcp")
    parser.add_argument("--path", help="of HTTP, or /SERVICE/METHOD of gRPC")
    parser.add_argument("--method", choices=("GET", "POST"), help="of HTTP; default GET")
    parser.add_argument("--body-bytes", type=int, default=0, help="body of each POST")
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second")
    parser.add_argument("--seconds", type=float, help="default: until SIGTERM")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for one request")
    parser.add_argument("--connections", type=int, default=1000, help="at most so many; not grpc")
    parser.add_argument("--out", type=Path, required=True, help="file for the history")
    said = parser.parse_args(arguments)
    host, _, port = said.target.rpartition(":")
    if not host or not port.isdigit():
        parser.error(f"--target is {said.target!r}, but must be IP:PORT")
    if said.rate <= 0:
        parser.error(f"--rate is {said.rate:g}, but must be more than 0")
    if PROTOCOLS[said.protocol].has_host and not said.host:
        parser.error(f"--host is missing, but {said.protocol} needs it")
    return Load(
        host, int(port), _about(said), said.seconds, said.timeout, said.connections, said.body_bytes
    ), said.out


def _about(said: argparse.Namespace) -> About:
    usual = PROTOCOLS[said.protocol]
    path, method = said.path or usual.path, said.method or usual.method
    return About(said.target, said.host or "", path, method, said.rate, said.protocol)


def main() -> None:
    """Run the load that the command line asks for."""
    load, path = parse_arguments(sys.argv[1:])
    raise_limit()
    with path.open("w", encoding="utf-8") as out:
        tasks.run(_main(load, out))


if __name__ == "__main__":
    main()
