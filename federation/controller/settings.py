"""The controller's settings file."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from federation.resources.settings import Address, Settings


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
    advertise: Annotated[
        tuple[str, ...],
        Meta(
            description="names and addresses under which others reach the controller; the first "
            "is put into join tokens; default: the host of api_listen"
        ),
    ] = ()
