"""Applications without a sidecar, run by a test that wants to see what reaches them."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator

from federation.demo.layout import SERVICE_GRPC_PORT, SERVICE_PORT, SERVICE_TCP_PORT
from federation.model.annotations import STEERING
from tests.e2e.documents import Document, export, text_of

PORTS = (("http", SERVICE_PORT), ("grpc", SERVICE_GRPC_PORT), ("tcp-echo", SERVICE_TCP_PORT))
_SECONDS = 5.0


def plain_service(
    name: str, address: str, ports: Iterable[tuple[str, int]] = PORTS
) -> tuple[Document, Document]:
    """A service whose endpoint is an application that no Pod and no sidecar stands for."""
    meta = {"name": name, "namespace": "demo"}
    listed = [{"name": n, "protocol": "TCP", "port": p} for n, p in ports]
    labels = {"kubernetes.io/service-name": name}
    return (
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {
                "type": "ClusterIP",
                "ports": [{**p, "targetPort": p["port"]} for p in listed],
            },
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**meta, "name": f"{name}-1", "labels": labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            "ports": listed,
        },
    )


def steered(name: str, address: str) -> str:
    """Such a service, exported, with addresses for each of its clusters: the text of a file."""
    made = export(name)
    made["spec"] = {"exportedAnnotations": {STEERING: "true"}}
    return text_of(*plain_service(name, address), made)


Serve = Callable[[socket.socket], None]
"""What an application does with a connection, which is closed afterwards."""


@contextlib.contextmanager
def listening(host: str, port: int, serve: Serve) -> Iterator[None]:
    """An application, a thread for each of its connections."""
    with socket.create_server((host, port), backlog=128) as server:
        thread = threading.Thread(target=_accept, args=(server, serve), daemon=True)
        thread.start()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join(_SECONDS)


def _accept(server: socket.socket, serve: Serve) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_serve, args=(connection, serve), daemon=True).start()


def _serve(connection: socket.socket, serve: Serve) -> None:
    connection.settimeout(_SECONDS)
    with contextlib.suppress(OSError), connection:
        serve(connection)
