"""The walk from a ServiceExport file to EDS, as docs/architecture.md tells it.

A change is sent through a fleet while each source file that runs is noted. What the page lists must
run, or stand in `SHELLS`, which need a socket or a disk; and it must stay a walk for one sitting.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from cluster_agent.main import PROXY_RULES
from cluster_agent.source.folder import Folder
from cluster_agent.source.objects import Batch
from federation.model.names import ClusterId
from federation.model.plans import Scope
from federation.model.proxies import Kind, Node, Proxy, State
from federation.model.types import CLUSTER, ENDPOINTS
from federation.xds.messages import WILDCARD, Request
from federation.xds.resources import Resource
from federation.xds.sender import Sender
from tests.unit.flow.fleet import _TEXT, Fleet

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/architecture.md"
SECTION = "## From a file to an endpoint"
MOST_FILES = 35
EDS_NAME = "out~80.s0.shop.svc.clusterset.local~"

SHELLS = {
    "cluster_agent/source/directory.py",
    "cluster_agent/uplink/connection.py",
    "federation/controller/sessions.py",
    "cluster_agent/serve/proxy_server.py",
}
"""Around the disk and the streams that the fleet of this test does without."""


def listed() -> list[str]:
    """The files of the walk, in the order of the page."""
    section = PAGE.read_text().split(SECTION, 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\d+\. `([\w/]+\.py)`", section, re.MULTILINE)


@contextmanager
def running_files() -> Iterator[set[str]]:
    """The source files of which a function is called meanwhile."""
    files: set[str] = set()
    codes: set[CodeType] = set()

    def note(frame: FrameType, what: str, _: Any) -> None:
        if what == "call":
            codes.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(before)
        paths = (Path(code.co_filename) for code in codes)
        files.update(str(p.relative_to(ROOT)) for p in paths if p.is_relative_to(ROOT))


def walked(folder: Path) -> set[str]:
    """Export a service in one cluster, until a sidecar of another is sent its endpoints."""
    fleet = Fleet(folder)
    fleet.settle()
    near, far = fleet.homes[ClusterId("east")], fleet.homes[ClusterId("west")]
    client = Proxy("shop/client", Kind.SIDECAR, State.SERVING, "10.3.0.9", 15006, "a")
    far.agent.on_proxy(client)
    far.turn()
    snapshots = far.agent.down.snapshots
    tables, _ = snapshots.admit(Node(Kind.SIDECAR, client.id), Scope("a"))
    sender = Sender(snapshots.view(tables), PROXY_RULES)
    for type_url in (CLUSTER, ENDPOINTS):
        sender.receive(Request(type_url, "sidecar/shop/client", (WILDCARD,)), 0.0)
    list(_sent(sender, fleet.now))
    with running_files() as files:
        source = Folder()
        text = _TEXT.format(name="s0", net=1, ready="true")
        changed = frozenset(source.update({"shop.yaml": text}))
        near.source.objects = {**near.source.objects, **source.objects}
        near.agent.on_source(Batch(changed, live=True))
        near.turn()
        fleet.settle()
        sender.touch(ENDPOINTS, EDS_NAME)
        names = {found.name for found in _sent(sender, fleet.now)}
    fleet.close()
    assert EDS_NAME in names
    return files


def _sent(sender: Sender, now: float) -> Iterator[Resource]:
    while (response := sender.next_response(now)) is not None:
        sender.receive(Request(response.type_url, nonce=response.nonce), now)
        yield from response.resources


def test_what_the_page_lists_runs_when_a_service_is_exported(tmp_path: Path) -> None:
    files = walked(tmp_path)
    assert [name for name in listed() if name not in files | SHELLS] == []


def test_the_walk_is_one_for_one_sitting() -> None:
    files = listed()
    assert len(files) == len(set(files))
    assert 20 < len(files) <= MOST_FILES
    assert [name for name in files if not (ROOT / name).is_file()] == []
    assert set(files) >= SHELLS
