"""A supervisor's relay alone: `python -m tests.scale.relaying FOLDER`, for its memory.

Loads what a sidecar's supervisor loads, takes back what an earlier one kept in the folder, takes
resources at `agent.sock` and gives them to an Envoy at `xds.sock`. It has no TLS to the agent, and
does not start the Envoy. SIGHUP makes it show what is in `identity.json` now.
"""

import asyncio
import signal
import sys
from functools import partial
from pathlib import Path

import sidecar.main  # noqa: F401 - what a supervisor has in its memory
from federation.envoy.identity import IDENTITY
from federation.model.errors import Failed
from federation.runtime.disk import Disk
from federation.runtime.loops import Loop, run_until_stopped
from federation.runtime.tasks import run
from federation.supervisor.certificates.agent_trust import load_certified
from federation.supervisor.relay import Relay
from federation.wire.rpc import methods
from federation.wire.rpc.channel import connect
from federation.wire.rpc.server import serve


async def relay(folder: Path) -> None:
    """Relay until told to stop."""
    disk = Disk()
    found = Relay("sidecar/shop/web", folder, [IDENTITY], lambda _: None, disk, imports=())
    found.load()
    show = partial(_show, found, folder / "identity.json")
    show()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, show)
    async with (
        connect(f"unix:{folder / 'agent.sock'}", None) as agent,
        agent.stream(methods.RESOURCES) as link,
        serve(f"unix:{folder / 'xds.sock'}", [(methods.ENVOY_DELTA, found.serve_envoy)]),
    ):
        resources = Loop("resources", lambda: found.follow_agent(link))
        await run_until_stopped([resources, *found.saving, disk.loop])


def _show(relay: Relay, file: Path) -> None:
    certified = load_certified(file)
    if certified is None:
        raise Failed(f"{file} is not there")
    relay.show_identity(IDENTITY, certified)


if __name__ == "__main__":
    run(relay(Path(sys.argv[1])))
