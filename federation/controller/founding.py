"""The beginning of a controller, before it runs: its settings file, its root, its admin token.

In: what a person wishes. Out: files that `fedmesh-controller` starts with. What is there already
stays as it is, so that this can be repeated, also after it was cut off.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509

from federation.controller.admin_token import open_admin_token
from federation.controller.settings import ControllerSettings
from federation.controller.trust.authority import open_authority
from federation.controller.trust.root_key import read_passphrase
from federation.model.errors import Conflict, InvalidInput
from federation.model.names import parse_subdomain
from federation.process.settings import Address, load_settings
from federation.process.start import state_folder
from federation.runtime.files import read_if_there, write_atomic
from federation.runtime.yamldump import dumped
from federation.trust.pem import load_certificates
from federation.trust.spiffe import parse

USUAL_DOMAIN = "fedmesh.internal"
USUAL_LISTEN = Address("127.0.0.1", 8443)
USUAL_GRPC_PORT = 7443
_MADE = ("root.pem", "root.key", "admin.token")
_OURS = frozenset({*_MADE, "audit", "store.sqlite", "store.sqlite-wal", "store.sqlite-shm"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person says; what is empty is chosen, or stays as it is. Paths are absolute."""

    state: Path
    file: Path
    domain: str = ""
    listen: Address | None = None
    grpc_listen: Address | None = None
    advertise: tuple[str, ...] = ()


def planned(wish: Wish) -> ControllerSettings:
    """The settings: those of the file, or new ones; nothing is written.

    Raises InvalidInput, and Conflict when the file, or the state folder, says something else.
    """
    if wish.file.exists():
        found = load_settings(ControllerSettings, wish.file)
        _check_same(wish, found)
        return found
    before = _domain_of(wish.state)
    domain = parse_subdomain(wish.domain or before or USUAL_DOMAIN, "--domain")
    if before not in ("", domain):
        raise Conflict(
            f"state folder {wish.state} is of domain {before}, which cannot be changed: leave out "
            "--domain, or name another folder by --state"
        )
    listen = wish.listen or USUAL_LISTEN
    hosts = wish.advertise or (listen.host,)
    for host in hosts:
        _check_host(host, domain)
    return ControllerSettings(
        domain=domain,
        state=wish.state,
        grpc_listen=wish.grpc_listen or Address(listen.host, USUAL_GRPC_PORT),
        api_listen=listen,
        advertise=hosts,
    )


def found(settings: ControllerSettings, file: Path, now: datetime) -> bool:
    """Make what is missing: root and admin token, then the settings file; whether that was any.

    Raises Conflict for a state folder with other things in it, Failed for one that cannot be used.
    """
    state = settings.state
    missing = not all((state / name).exists() for name in _MADE)
    if missing:
        _make_state(settings, now)
    if file.exists():
        return missing
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, _text(settings, file).encode(), durable=True)
    return True


def url_of(settings: ControllerSettings) -> str:
    """Where others reach the API: what join tokens say."""
    host = (settings.advertise or (settings.api_listen.host,))[0]
    return f"https://{Address(host, settings.api_listen.port)}"


def _make_state(settings: ControllerSettings, now: datetime) -> None:
    state = settings.state
    others = sorted(e.name for e in state.iterdir()) if state.is_dir() else []
    others = [name for name in others if name not in _OURS and not name.startswith(".")]
    if others:
        raise Conflict(
            f"state folder {state} holds something else ({others[0]}): name an empty folder, or "
            "one that is not there yet, by --state"
        )
    file = settings.root_key_passphrase_file
    words = read_passphrase(file, "root_key_passphrase_file") if file is not None else ""
    with state_folder(state):
        open_authority(state, settings.domain, settings.advertise, now, words)
        open_admin_token(state / "admin.token")


def _check_same(wish: Wish, found: ControllerSettings) -> None:
    """Raise Conflict where the file says something else than the command line."""
    said: tuple[tuple[str, object, object], ...] = (
        ("state", str(wish.state), os.path.realpath(found.state)),
        ("domain", wish.domain, found.domain),
        ("api_listen", wish.listen and str(wish.listen), str(found.api_listen)),
        ("grpc_listen", wish.grpc_listen and str(wish.grpc_listen), str(found.grpc_listen)),
        ("advertise", wish.advertise, found.advertise),
    )
    for field, wanted, there in said:
        if wanted and wanted != there:
            raise Conflict(
                f"settings file {wish.file} says {field} {_shown(there)}, not {_shown(wanted)}, "
                "and is never overwritten: edit it, or name another file by --settings"
            )


def _shown(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _check_host(host: str, domain: str) -> None:
    """Raise InvalidInput for a name under which nobody can reach the controller."""
    if host == domain:
        raise InvalidInput(
            f"--advertise is the domain itself, {domain}, by which agents know the controller: "
            f"name the machine, for example controller.{domain}"
        )
    try:
        address = ip_address(host)
    except ValueError:
        parse_subdomain(host, "--advertise")
        return
    if address.is_unspecified:
        raise InvalidInput(
            f"{host} is every address of this machine, which others cannot dial: say by "
            "--advertise NAME under which name or address they reach it"
        )


def _domain_of(state: Path) -> str:
    """The domain of a state folder; empty when it has no root yet."""
    data = read_if_there(state / "root.pem")
    if data is None:
        return ""
    names = load_certificates(data)[0].extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return parse(names.value.get_values_for_type(x509.UniformResourceIdentifier)[0]).trust_domain


def _text(settings: ControllerSettings, file: Path) -> str:
    state = settings.state
    beside = state.relative_to(file.parent) if state.is_relative_to(file.parent) else state
    fields = {
        "domain": settings.domain,
        "state": str(beside),
        "grpc_listen": str(settings.grpc_listen),
        "api_listen": str(settings.api_listen),
        "advertise": list(settings.advertise),
    }
    return f"# Settings of fedmesh-controller; fedctl init wrote them.\n{dumped(fields)}"
