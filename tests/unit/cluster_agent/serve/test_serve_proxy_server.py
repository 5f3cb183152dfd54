"""Who may be told what: a workload token opens one namespace's door, and only its own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from cluster_agent.authority.authority import Authority
from cluster_agent.main import PROXY_RULES
from cluster_agent.serve.proxy_server import UNKNOWN_STREAMS, ProxyServer
from cluster_agent.serve.streams import ProxyStreams
from cluster_agent.serve.workloads import Workloads
from cluster_agent.snapshot.snapshots import Snapshots
from federation.model.errors import Denied, InvalidInput, NotReady
from federation.model.names import ClusterId
from federation.model.plans import Scope
from federation.model.proxies import Kind, Node, Proxy, State
from federation.model.types import LISTENER, SECRET
from federation.planning.liveness import SILENT_SECONDS
from federation.runtime.clock import utc_now, wall_seconds
from federation.runtime.loops import running
from federation.runtime.tasks import cancel, start
from federation.trust import token_text, workload_tokens
from federation.trust.issue import make_csr, new_key
from federation.trust.pem import load_certificates, pem
from federation.trust.rules import leaf_identity
from federation.trust.spiffe import workload_id
from federation.trust.validate import check_leaf
from federation.trust.workload_tokens import mint_workload_token
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.heartbeat import BEAT, BEAT_SECONDS
from federation.wire.rpc.streams import Peer
from federation.xds.messages import WILDCARD, Request, Response
from federation.xds.resources import resource
from tests.unit.builders import API, entry
from tests.unit.fakes.authorities import make_authority
from tests.unit.fakes.fake_source import FakeSource
from tests.unit.fakes.memory_link import MemoryLink, linked
from tests.unit.fakes.snapshots import SERVED

KEY = b"k" * 32
FAR = 4_000_000_000
POD = "shop/api-1"


def token(subject: str, expires: int = FAR) -> Peer:
    return Peer("test", token=mint_workload_token(KEY, subject, expires))


class Pods(Workloads):
    """One pod, `shop/api-1`, of account api, in zone a."""

    def __init__(self) -> None:
        super().__init__(FakeSource())
        self.waited = 0

    async def wait_until_read(self) -> None:
        self.waited += 1

    def account_of(self, workload: str) -> str | None:
        return {POD: "api"}.get(workload)

    def scope_of(self, workload: str) -> Scope:
        return Scope("a")


class World:
    """A server whose source knows one pod, and what it tells of proxies."""

    def __init__(self) -> None:
        self.authority: Authority = make_authority(utc_now())
        self.snapshots = Snapshots(ClusterId("east"), entry())
        self.pods = Pods()
        self.streams = ProxyStreams(self.pods.is_expected)
        self.heard: list[Proxy] = []
        self.quiet = 0
        self.believed = 0
        self.gone: list[Node] = []
        self.silent: list[tuple[str, ...]] = []
        self.when_quiet: Callable[[], None] = lambda: None
        self.server = ProxyServer(
            self.authority,
            KEY,
            self.snapshots,
            PROXY_RULES,
            workloads=self.pods,
            streams=self.streams,
            events=self,
        )
        self.calls: dict[str, Callable[[Any, Peer], Awaitable[Any]]] = {
            method.path: handler for method, handler in self.server.handlers()
        }

    def on_proxy(self, proxy: Proxy) -> None:
        self.heard.append(proxy)
        self.streams.wake(self.snapshots.set_proxy(proxy))

    def on_quiet(self) -> None:
        self.quiet += 1
        self.when_quiet()

    def on_secrets_taken(self) -> None:
        self.believed += 1

    def on_gone(self, node: Node) -> None:
        self.gone.append(node)

    def on_silent(self) -> None:
        self.silent.append(self.streams.silent)

    async def ask(self, node: str, peer: Peer) -> None:
        """Open a stream of resources and end it at once."""
        there, here = linked()
        await there.write(Request(LISTENER, node, (WILDCARD,)))
        there.end()
        await self.calls[methods.RESOURCES.path](here, peer)


@pytest.mark.parametrize(
    ("node", "subject"),
    [
        ("gateway/gw", "shop/api"),
        ("gateway/gw", "gateway:other"),
        ("gateway/gw", "entry:gw"),
        ("gateway/gw", "dns"),
        ("sidecar/shop/api-1", "dns"),
        ("entry-gateway/gw", "gateway:other"),
        ("sidecar/shop/api-1", "gateway:gw"),
        ("sidecar/shop/api-1", "entry:gw"),
        ("sidecar/shop/api-1", "other/api"),
        ("sidecar/shop/api-1", "shop/other"),
    ],
)
async def test_a_token_for_something_else_opens_nothing(node: str, subject: str) -> None:
    with pytest.raises(Denied, match="the workload token is for"):
        await World().ask(node, token(subject))


async def test_the_right_token_opens_the_stream_of_its_proxy() -> None:
    world = World()
    await world.ask("gateway/gw", token("gateway:gw"))
    await world.ask("sidecar/shop/api-1", token("shop/api"))
    await world.ask("sidecar/shop/not-known-yet", token("shop/api"))
    assert world.pods.waited == 2, "both sidecars were let in as far as the source"


async def test_a_sidecar_waits_for_the_source_and_a_gateway_does_not() -> None:
    """In which zone a workload is, and as whom it runs, is not known before."""
    world = World()
    await world.ask("gateway/gw", token("gateway:gw"))
    assert world.pods.waited == 0
    await world.ask("sidecar/shop/api-1", token("shop/api"))
    assert world.pods.waited == 1


@pytest.mark.parametrize(("clock", "is_said"), [(None, False), (-29.0, False), (-90.0, True)])
async def test_a_proxy_whose_clock_is_off_is_said(
    clock: float | None, is_said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    await World().ask("gateway/gw", replace(token("gateway:gw"), clock=clock))
    said = [r.getMessage() for r in caplog.records]
    assert ("clocks differ proxy=gateway/gw seconds_ahead=-90" in said) is is_said


@pytest.mark.parametrize("node", ["", "gateway", "gateway/", "robot/x"])
async def test_a_node_that_is_no_proxy_is_refused(node: str) -> None:
    with pytest.raises(InvalidInput, match="gateway/NAME or sidecar/NS/POD"):
        await World().ask(node, token("gateway:gw"))


@pytest.mark.parametrize("peer", [Peer("t"), Peer("t", token="fmw1.x.y"), token("gateway:gw", 1)])
async def test_no_token_a_forged_one_and_an_old_one_open_nothing(peer: Peer) -> None:
    world = World()
    with pytest.raises(Denied):
        await world.ask("gateway/gw", peer)
    with pytest.raises(Denied):
        await world.calls[methods.CERTIFY.path](pb.CertifyRequest(csr=b""), peer)


async def test_a_certificate_names_whom_the_token_names_whatever_is_asked_for() -> None:
    world = World()
    key = new_key()
    csr = pem(make_csr(key, "gateway"))
    certify = world.calls[methods.CERTIFY.path]
    answer = await certify(pb.CertifyRequest(csr=csr), token("shop/api"))
    leaf, issuer = load_certificates(answer.chain)
    identity = workload_id("east.mesh.test", "shop", "api")
    check_leaf(leaf, issuer=issuer, spiffe_id=identity, now=utc_now())
    assert leaf.public_key() == key.public_key()


def said(proxy: Proxy) -> Response:
    found = resource(proxy.id, codec.encode(proxy))
    return Response(codec.PROXY, "1", (found,), complete=1)


async def observe(world: World, proxy: Proxy, peer: Peer) -> Request:
    """Say something of a proxy; returns the answer to it."""
    there, here = linked()
    await there.write(said(proxy))
    there.end()
    await world.calls[methods.OBSERVATIONS.path](here, peer)
    await there.read()
    answer = await there.read()
    assert isinstance(answer, Request)
    return answer


async def test_nobody_speaks_for_another_namespaces_sidecar() -> None:
    world = World()
    sidecar = Proxy("pay/card", Kind.SIDECAR, State.SERVING, "10.0.0.1", 15006)
    with pytest.raises(Denied):
        await observe(world, sidecar, token("shop/api"))
    assert world.heard == []


async def test_nobody_moves_a_sidecar_to_another_machine() -> None:
    """A token is for an account, which may have workloads on many machines."""
    world = World()
    world.snapshots.set_synced()
    world.snapshots.set_service(API, SERVED)
    (workload,) = {e.workload for e in SERVED.local.endpoints} if SERVED.local else set()
    own = Proxy(workload, Kind.SIDECAR, State.SERVING, "10.0.0.1", 15006, "", "127.0.0.1")
    own = replace(own, outbound_address="127.0.0.1", outbound_port=15001)
    await observe(world, own, token("shop/api"))
    for stolen in (
        replace(own, app_address="10.9.9.9"),
        replace(own, outbound_address="10.9.9.9"),
        replace(own, address="10.9.9.9", app_address="10.9.9.9"),
    ):
        with pytest.raises(Denied, match=f"sidecar {workload} "):
            await observe(world, stolen, token("shop/api"))
    assert world.heard == [own]


async def test_a_gateway_speaks_for_no_other_gateway() -> None:
    world = World()
    other = Proxy("gw", Kind.GATEWAY, State.SERVING, "10.0.0.1", 15443)
    for subject in ("gateway:other", "entry:gw"):
        with pytest.raises(Denied, match=f"is for {subject}, not for gateway gw"):
            await observe(world, other, token(subject))
    assert world.heard == []


@pytest.mark.parametrize("subject", ["gateway", "entry"])
async def test_a_token_for_any_gateway_is_of_no_use(subject: str) -> None:
    """Such as were made before tokens named their gateway."""
    old = "fmw1." + token_text.encode({"sub": subject, "exp": FAR})
    peer = Peer("test", token=f"{old}.{workload_tokens._signature(KEY, old)}")
    world = World()
    with pytest.raises(Denied, match=f"make a new one: subject is '{subject}'"):
        await world.ask("gateway/gw", peer)
    with pytest.raises(Denied, match="make a new one"):
        await world.calls[methods.CERTIFY.path](pb.CertifyRequest(csr=b""), peer)


@pytest.mark.parametrize(("subject", "path"), [("gateway:gw", "/gateway"), ("entry:gw", "/entry")])
async def test_a_gateways_tokens_get_the_identities_that_all_gateways_share(
    subject: str, path: str
) -> None:
    csr = pem(make_csr(new_key(), "any"))
    certify = World().calls[methods.CERTIFY.path]
    leaf, issuer = load_certificates(
        (await certify(pb.CertifyRequest(csr=csr), token(subject))).chain
    )
    wanted = f"spiffe://east.mesh.test{path}"
    check_leaf(leaf, issuer=issuer, spiffe_id=wanted, now=utc_now())
    assert str(leaf_identity(leaf, utc_now(), "leaf")) == wanted


async def test_what_a_proxy_says_of_itself_is_heard() -> None:
    world = World()
    gateway = Proxy("gw", Kind.GATEWAY, State.SERVING, "10.0.0.1", 15443)
    answer = await observe(world, gateway, token("gateway:gw"))
    assert answer.error == ""
    assert world.heard == [gateway]


async def test_a_stream_speaks_for_one_proxy_only() -> None:
    world = World()
    proxies = [
        Proxy(f"shop/api-{n}", Kind.SIDECAR, State.SERVING, "10.0.0.1", 15006) for n in range(900)
    ]
    found = tuple(resource(p.id, codec.encode(p)) for p in proxies)
    there, here = linked()
    await there.write(Response(codec.PROXY, "1", found))
    there.end()
    await world.calls[methods.OBSERVATIONS.path](here, token("shop/api"))
    await there.read()
    answer = await there.read()
    assert "one too many, at most 1 are taken" in answer.error
    assert [p.id for p in world.heard] == ["shop/api-0"]


@pytest.mark.parametrize(
    "node",
    [
        "gateway/GW",
        "gateway/a/b",
        f"gateway/{'a' * 300}",
        "sidecar/shop",
        "sidecar/shop/../pay/card",
        "sidecar/shop/api\n",
        "sidecar/shop/\u0430pi",
    ],
)
async def test_a_proxy_of_an_odd_name_is_refused(node: str) -> None:
    subject = "gateway:gw" if node.startswith("gateway") else "shop/api"
    with pytest.raises(InvalidInput) as caught:
        await World().ask(node, token(subject))
    assert str(caught.value).isprintable()


async def connected(world: World) -> tuple[MemoryLink, asyncio.Task[Any]]:
    """A gateway that has introduced itself and waits for its listeners."""
    gateway = Proxy("gw", Kind.GATEWAY, State.SERVING, "10.0.0.1", 15443)
    world.snapshots.set_synced()
    world.snapshots.set_proxy(gateway)
    there, here = linked()
    await there.write(Request(LISTENER, "gateway/gw", (WILDCARD,)))
    stream = world.calls[methods.RESOURCES.path](here, token("gateway:gw"))
    return there, start(_all(stream), "stream")


async def _all(stream: Awaitable[Any]) -> None:
    await stream


async def test_the_cluster_is_quiet_once_every_proxy_has_acknowledged() -> None:
    world = World()
    there, stream = await connected(world)
    response = await there.read()
    assert not world.streams.is_quiet()
    assert not world.streams.have_acknowledged(SECRET)
    assert (world.quiet, world.believed) == (0, 0)
    await there.write(Request(LISTENER, nonce=response.nonce))
    there.end()
    await stream
    assert world.quiet > 0
    assert world.believed > 0
    assert world.streams.have_acknowledged(SECRET)


async def test_a_proxy_that_hangs_up_keeps_nobody_waiting() -> None:
    world = World()
    there, stream = await connected(world)
    await there.read()
    there.end()
    await stream
    assert world.streams.is_quiet()
    assert world.quiet == 1


async def test_a_gateway_hears_of_the_secrets_that_a_new_zone_brings() -> None:
    """They are in a table of all: its clusters may name them later, and then nobody tells it."""
    world = World()
    world.snapshots.set_service(API, SERVED)
    there, stream = await connected(world)
    await there.write(Request(LISTENER, nonce=(await there.read()).nonce))
    await there.write(Request(SECRET, subscribe=(WILDCARD,)))
    first = await there.read()
    await there.write(Request(SECRET, nonce=first.nonce))
    await _settle()
    await world.ask("sidecar/shop/api-1", token("shop/api"))
    more = await there.read()
    assert more.type_url == SECRET
    assert {found.name for found in more.resources} == {"clusterset:east.mesh.test,west.mesh.test"}
    await cancel(stream)


async def test_being_quiet_may_itself_touch_the_streams() -> None:
    """What hears of the quiet reports exports, and may find more to say."""
    world = World()
    there, stream = await connected(world)

    def touch_all() -> None:
        world.streams.wake(world.snapshots.set_bundles([]))
        world.streams.wake_all()

    world.when_quiet = touch_all
    response = await there.read()
    await there.write(Request(LISTENER, nonce=response.nonce))
    await there.write(Request(SECRET, subscribe=(WILDCARD,)))
    assert (await there.read()).type_url == SECRET
    await cancel(stream)


async def _streams(
    world: World, nodes: list[str], peer: Peer
) -> tuple[list[MemoryLink], list[asyncio.Task[Any]]]:
    """Streams that are opened one after the other, and have said who they are."""
    links, tasks = [], []
    for node in nodes:
        there, here = linked()
        await there.write(Request(LISTENER, node, (WILDCARD,)))
        tasks.append(start(_all(world.calls[methods.RESOURCES.path](here, peer)), node))
        links.append(there)
        await _settle()
    return links, tasks


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        await cancel(task)


async def test_a_proxy_has_two_streams_and_the_newest_stay() -> None:
    _, tasks = await _streams(World(), ["gateway/gw"] * 3, token("gateway:gw"))
    with pytest.raises(NotReady, match="the same proxy has newer ones"):
        await tasks[0]
    assert [task.done() for task in tasks[1:]] == [False, False]
    await _end(tasks)


async def test_proxies_that_nobody_knows_share_a_number_of_places() -> None:
    world = World()
    known = await _streams(world, ["sidecar/shop/api-1"], token("shop/api"))
    nodes = [f"sidecar/shop/made-up-{n}" for n in range(UNKNOWN_STREAMS + 1)]
    _, tasks = await _streams(world, nodes, token("shop/api"))
    await _settle()
    done = [task.done() for task in (*tasks, *known[1])]
    await _end([*tasks, *known[1]])
    assert done == [True] + [False] * (UNKNOWN_STREAMS + 1)


async def test_a_proxy_speaks_over_two_streams_at_most() -> None:
    world = World()
    gateway = Proxy("gw", Kind.GATEWAY, State.SERVING, "10.0.0.1", 15443)
    tasks = []
    for _ in range(3):
        there, here = linked()
        await there.write(said(gateway))
        tasks.append(
            start(_all(world.calls[methods.OBSERVATIONS.path](here, token("gateway:gw"))), "says")
        )
        await _settle()
    done = [task.done() for task in tasks]
    await _end(tasks)
    assert done == [True, False, False]


@pytest.mark.looptime
async def test_a_proxy_that_says_nothing_is_silent_after_10_s_and_nobody_waits_for_it() -> None:
    world = World()
    world.snapshots.set_synced()
    there, here = linked()
    await there.write(Request(LISTENER, "sidecar/shop/api-1", (WILDCARD,)))
    handler: Any = world.calls[methods.RESOURCES.path]
    stream = start(handler(here, token("shop/api")), "stream")
    async with running([world.server.loop]):
        for _ in range(10):
            await asyncio.sleep(BEAT_SECONDS)
            await there.write(Request(BEAT))
        assert world.silent == []
        assert len(list(world.streams.senders())) == 1
        await asyncio.sleep(SILENT_SECONDS - 1)
        assert world.silent == []
        await asyncio.sleep(2.1)
        assert world.silent == [("sidecar shop/api-1",)]
        assert world.streams.connected(Kind.SIDECAR) == set()
        assert list(world.streams.senders()) == []
        await there.write(Request(BEAT))
        await asyncio.sleep(1.1)
        assert world.silent[1:] == [()]
        assert world.streams.connected(Kind.SIDECAR) == {POD}
    await cancel(stream)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("node", "subject", "is_missed"),
    [
        ("sidecar/shop/api-1", "shop/api", True),
        ("sidecar/shop/unknown", "shop/api", False),
        ("gateway/gw", "gateway:gw", False),
    ],
)
async def test_a_stream_that_ended_is_missed_where_a_workload_still_is(
    node: str, subject: str, is_missed: bool
) -> None:
    world = World()
    await world.ask(node, token(subject))
    async with running([world.server.loop]):
        await asyncio.sleep(SILENT_SECONDS + 2)
    assert world.silent == ([("sidecar shop/api-1",)] if is_missed else [])


@pytest.mark.looptime
async def test_one_that_leaves_in_order_is_not_missed() -> None:
    world = World()
    there, here = linked()
    proxy = Proxy(POD, Kind.SIDECAR, State.STOPPED, "10.0.0.1", 15006)
    said = resource(POD, codec.encode(proxy))
    await there.write(Response(codec.PROXY, "1", (said,)))
    there.end()
    await world.calls[methods.OBSERVATIONS.path](here, token("shop/api"))
    async with running([world.server.loop]):
        await asyncio.sleep(SILENT_SECONDS + 2)
    assert world.silent == []


async def test_people_hear_why_a_proxy_is_refused_until_it_is_let_in() -> None:
    """As after `trust revoke`: the proxy still shows what the agent's old state has signed."""
    world = World()
    good = replace(token("shop/api"), address="ipv4:10.0.0.1:4000")
    stale = replace(good, token=mint_workload_token(b"o" * 32, "shop/api", FAR))
    with pytest.raises(Denied):
        await world.calls[methods.CERTIFY.path](pb.CertifyRequest(), stale)
    assert world.streams.refused.sentences(wall_seconds()) == {
        "proxy at 10.0.0.1": "a proxy at 10.0.0.1 gets no certificate: workload token was not "
        "signed by this cluster's agent"
    }
    with pytest.raises(Denied):
        await world.ask("sidecar/shop/api-1", replace(good, token=token("shop/other").token))
    assert "proxy of shop/other" in world.streams.refused.sentences(wall_seconds())
    await world.ask("sidecar/shop/api-1", good)
    assert set(world.streams.refused.sentences(wall_seconds())) == {"proxy of shop/other"}


async def test_nothing_that_a_stranger_writes_is_told() -> None:
    world = World()
    for text in ("", "evil\x1b[31m", "fmw1.ZXZpbA.evil", "x" * 5000):
        with pytest.raises(Denied):
            world.server.authenticate(Peer("ipv4:10.0.0.1:4000", token=text))
        (what,) = world.streams.refused.sentences(wall_seconds()).values()
        assert "evil" not in what
        assert len(what) < 200
