"""The controller's settings file."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from federation.process.settings import Address, Settings


class ControllerSettings(Settings, frozen=True, kw_only=True):
    """Settings of `fedmesh-controller`."""

    domain: Annotated[
        str, Meta(description="the clusterset's SPIFFE domain; those of clusters lie below it")
    ]
    state: Annotated[Path, Meta(description="folder for store and root key; kept private")]
    grpc_listen: Annotated[Address, Meta(description="where agents connect, mTLS")]
    api_listen: Annotated[
        Address, Meta(description="where people, pipelines and joining clusters connect, TLS")
    ]
    root_key_passphrase_file: Annotated[
        Path | None,
        Meta(
            description="a file with a passphrase of at least 12 characters, under which the root "
            "key is encrypted on the disk; a plain key is encrypted at the next start"
        ),
    ] = None
    backup_passphrase_file: Annotated[
        Path | None,
        Meta(
            description="a file with a passphrase of at least 12 characters, under which backups "
            "are sealed; read at the start. Without one no backups are made. Best from where the "
            "root key's comes from, not from the controller's disk"
        ),
    ] = None
    advertise: Annotated[
        tuple[str, ...],
        Meta(
            description="names and addresses under which others reach the controller; the first "
            "is put into join tokens; default: the host of api_listen. Not the domain itself, by "
            "which agents know the controller"
        ),
    ] = ()
    intermediate_seconds: Annotated[
        float,
        Meta(
            ge=10,
            le=31_536_000,
            description="life of the clusters' own authorities; renewed at half, with the same "
            "key. A week: a cluster gets through a long weekend without the controller, and one "
            "that is renewed no more is gone within a week",
        ),
    ] = 604_800.0
