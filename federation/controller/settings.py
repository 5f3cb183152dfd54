"""The controller's settings file."""

from pydantic import Field

from federation.resources.settings import AddressField, PathField, Settings


class ControllerSettings(Settings):
    """Settings of `fedmesh-controller`."""

    domain: str = Field(description="the clusterset's SPIFFE domain; clusters are below it")
    state: PathField = Field(description="folder for the store and the root key; kept private")
    grpc_listen: AddressField = Field(description="where agents connect, mTLS")
    api_listen: AddressField = Field(description="where people, pipelines and joins connect, TLS")
    advertise: tuple[str, ...] = Field(
        default=(),
        description="names and addresses under which others reach the controller, the first is "
        "put into join tokens; default: the host of api_listen",
    )
