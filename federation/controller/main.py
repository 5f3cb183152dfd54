"""The controller process: builds every object in order, then runs its loops."""

import asyncio
import secrets
import ssl
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path

from federation.api.kinds import KINDS
from federation.apiserver.collection import Revisions
from federation.apiserver.connection_guard import ConnectionGuard
from federation.apiserver.server import Parts, make_api, serve_api
from federation.apiserver.tls import show, tls_context
from federation.controller.access.authenticate import authenticator
from federation.controller.access.users import Users
from federation.controller.admin_token import open_admin_token
from federation.controller.agent_server import AgentServer
from federation.controller.application import Controller
from federation.controller.audit import Audit
from federation.controller.audit_entry import acts_in_store
from federation.controller.audit_file import AuditFile
from federation.controller.backup import Backups, check_whole
from federation.controller.departures import Departures
from federation.controller.endings import Endings
from federation.controller.facts.registry import Registry
from federation.controller.intent.apply_intent import ApplyIntent
from federation.controller.membership.joining import Joining
from federation.controller.membership.members import Members
from federation.controller.objects.api import Objects, kubernetes_api
from federation.controller.objects.gate import Gate
from federation.controller.objects.revisions import first_revision
from federation.controller.sessions import Sessions
from federation.controller.settings import ControllerSettings
from federation.controller.store.sqlite import open_store
from federation.controller.trust.authority import Authority, open_authority
from federation.controller.trust.root_key import read_passphrase
from federation.model.names import parse_subdomain
from federation.process.settings import Address
from federation.process.start import run_process, state_folder
from federation.runtime.clock import utc_now, wall_seconds
from federation.runtime.files import forget_private
from federation.runtime.loops import Loop, persist, run_until_stopped, running
from federation.trust.lives import seconds_until
from federation.wire.rpc.server import serve

RENEW_AGAIN_SECONDS = 1.0
LOOK_SECONDS = 60.0
"""How long at most until the clock is looked at, so that one that was set is noticed."""


async def run_controller(settings: ControllerSettings) -> None:
    """Run the controller until it is told to stop."""
    parse_subdomain(settings.domain, "domain")
    with state_folder(settings.state) as folder:
        await _run_in(folder, settings)


async def _run_in(folder: Path, settings: ControllerSettings) -> None:
    hosts = settings.advertise or (settings.api_listen.host,)
    check_whole(folder)
    key_words = _passphrase(settings.root_key_passphrase_file, "root_key_passphrase_file")
    backup_words = _passphrase(settings.backup_passphrase_file, "backup_passphrase_file")

    async def begin() -> Authority:
        return open_authority(folder, settings.domain, hosts, utc_now(), key_words)

    async def admin_token() -> str:
        return open_admin_token(folder / "admin.token")

    authority = await persist("authority", begin)
    authority.intermediate_life = timedelta(seconds=settings.intermediate_seconds)
    url = f"https://{Address(hosts[0], settings.api_listen.port)}"
    grpc_address = str(Address(hosts[0], settings.grpc_listen.port))
    async with AsyncExitStack() as stack:
        opening = partial(open_store, folder / "store.sqlite", secrets.token_hex(8))
        store = await persist("store", lambda: stack.enter_async_context(opening()))
        sessions = Sessions(Registry(), store)
        audit = Audit(AuditFile(folder / "audit"))
        acts = await persist("store", partial(acts_in_store, store))
        await persist("audit", partial(audit.load, acts))
        gate = Gate(audit, KINDS)
        first = await persist("store", lambda: first_revision(store, wall_seconds()))
        objects = Objects(sessions, gate, Revisions(first))
        later: list[ApplyIntent] = []  # the users' writes wait for what follows them

        async def in_effect(revision: int) -> None:
            await later[0].in_effect(revision)

        users = Users(store, authority, objects.users, in_effect)
        intent = ApplyIntent(store, objects.effects(users))
        later.append(intent)
        await persist("store", intent.load)
        stack.push_async_callback(sessions.end)
        await stack.enter_async_context(running((intent.loop,)))
        members = Members(store, authority, settings.domain, url, intent.in_effect)
        token = await persist("admin.token", admin_token)
        backups = Backups(store, authority, token, backup_words, audit.tail)
        departures = Departures(sessions, members)
        endings = Endings(sessions, members)
        application = Controller(
            sessions,
            members,
            authority,
            settings.domain,
            grpc_address,
            joining=Joining(store, members, authority),
            backups=backups,
            departures=departures,
            audit=audit,
        )
        guard = ConnectionGuard()
        resources = objects.resources(
            store, intent.in_effect, members, departures.begin, settings.domain, users=users
        )
        known = authenticator(users, token, authority.root, settings.domain)
        parts = Parts(application, kubernetes_api(resources, gate), known, gate)
        api = make_api(parts, guard)
        listen = settings.api_listen
        forget_private(folder / "api.pem")
        context = tls_context(authority.api_identity(utc_now()))
        agents = AgentServer(sessions, members, authority, audit)
        async with (
            serve(
                str(settings.grpc_listen),
                agents.handlers(),
                lambda: authority.identity(utc_now()),
                authenticate=agents.authenticate,
            ),
            serve_api(api, guard, listen.host, listen.port, context),
        ):
            renewal = renewing(context, authority)
            more = (departures.loop, endings.loop, audit.loop, objects.shown.loop, renewal)
            await run_until_stopped(all_loops(sessions, more, (intent.loop,)))


def _passphrase(file: Path | None, field: str) -> str:
    return read_passphrase(file, field) if file is not None else ""


def all_loops(
    sessions: Sessions, more: tuple[Loop, ...], run: tuple[Loop, ...] = ()
) -> tuple[Loop, ...]:
    """What the process does for ever, but what is `run` already.

    `fedctl status` tells of those that fail.
    """
    loops = (*sessions.loops, *more)
    sessions.watch((*loops, *run))
    return loops


def renewing(context: ssl.SSLContext, authority: Authority) -> Loop:
    """Have the API show a certificate that lives, for ever."""
    shown = authority.api_identity(utc_now())

    async def turn() -> None:
        nonlocal shown
        now = utc_now()
        due = authority.api_due_at() or now
        await asyncio.sleep(seconds_until(due, now, least=RENEW_AGAIN_SECONDS, most=LOOK_SECONDS))
        identity = authority.api_identity(utc_now())
        if identity != shown:
            show(context, identity)
            shown = identity

    return Loop("renewal", turn)


def main() -> None:
    """Entry point of `fedmesh-controller`."""
    run_process(
        "fedmesh-controller",
        "The federation controller: membership, trust, and the facts of the clusterset.",
        ControllerSettings,
        run_controller,
    )


if __name__ == "__main__":
    main()
