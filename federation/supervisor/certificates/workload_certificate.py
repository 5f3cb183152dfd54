"""The process `fedmesh-identity`: a certificate in PEM files, for a program that does TLS itself.

In: a workload token, the agent. Out: `key.pem`, `certificate.pem` and `root.pem` in the state
folder, renewed at half of their life, and the bootstrap file of gRPC's xDS client where wanted.
"""

import json
from pathlib import Path
from typing import Any

from federation.process.start import run_process, state_folder
from federation.runtime.disk import Disk, File
from federation.runtime.loops import Loop, run_until_stopped
from federation.supervisor.certificates.agent_trust import Certified
from federation.supervisor.certificates.renewal import Certificate, Wanted
from federation.supervisor.settings import IdentitySettings

PROVIDER = "fedmesh"
_REFRESH = "10s"


def anchors_beside(socket: Path) -> Path:
    """The file, beside its socket, in which an agent keeps whom gRPC clients believe (PEM)."""
    return socket.with_name(f"{socket.name}.anchors.pem")


def bootstrap(settings: IdentitySettings, socket: Path) -> dict[str, Any]:
    """The bootstrap document of gRPC's xDS client (gRFC A27, A29)."""
    folder = settings.state
    files = {
        "certificate_file": str(folder / "certificate.pem"),
        "private_key_file": str(folder / "key.pem"),
        "ca_certificate_file": str(anchors_beside(socket)),
        "refresh_interval": _REFRESH,
    }
    return {
        "xds_servers": [
            {
                "server_uri": f"unix:{socket}",
                "channel_creds": [{"type": "insecure"}],
                "server_features": ["xds_v3"],
            }
        ],
        "node": {"id": "grpc"},
        "certificate_providers": {PROVIDER: {"plugin_name": "file_watcher", "config": files}},
    }


def pem_files(state: Path, certified: Certified) -> tuple[File, ...]:
    """The files of a certificate, the key first: whoever reads between waits for the pair."""
    return (
        File(state / "key.pem", certified.key.encode(), durable=True),
        File(state / "certificate.pem", certified.chain.encode(), mode=0o644),
        File(state / "root.pem", certified.root.encode(), mode=0o644),
    )


async def run_identity(settings: IdentitySettings) -> None:
    """Keep the files current until told to stop."""
    with state_folder(settings.state):
        await run_until_stopped(loops(settings))


def loops(settings: IdentitySettings) -> tuple[Loop, ...]:
    """What the process does for ever."""
    disk = Disk()
    if settings.grpc_socket is not None:
        text = json.dumps(bootstrap(settings, settings.grpc_socket), indent=1)
        disk.keep(File(settings.state / "grpc-bootstrap.json", text.encode(), mode=0o644))
    certificate = Certificate(
        settings,
        Wanted("identity", settings.token_file),
        lambda _, certified: disk.keep(*pem_files(settings.state, certified)),
        disk,
    )
    certificate.load()
    return (certificate.loop, disk.loop)


def main() -> None:
    """Entry point of `fedmesh-identity`."""
    run_process("fedmesh-identity", "A certificate for a program.", IdentitySettings, run_identity)


if __name__ == "__main__":
    main()
