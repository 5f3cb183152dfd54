"""Resolvers of Debian, configured as docs/operations/dns.md says, lead to our server."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.e2e.rig import Mesh, ask_dns, wait_until

PAGE = ROOT / "docs" / "operations" / "dns.md"
NAME = "api.demo.svc.clusterset.local"
RESOLVER, PORT = "127.30.0.60", 15353
pytestmark = pytest.mark.timeout(120)


def example(word: str, server: str) -> str:
    """The block of the page that has this word, with the address of a server of ours."""
    block = next(b for b in blocks(PAGE) if b.language == "text" and word in b.text)
    host, _, port = server.rpartition(":")
    return re.sub(r"127\.61\.0\.5([:#@])15053", rf"{host}\g<1>{port}", block.text)


def dnsmasq(folder: Path, server: str) -> list[str]:
    (folder / "dnsmasq.conf").write_text(
        f"{example('server=/', server)}listen-address={RESOLVER}\nport={PORT}\nbind-interfaces\n"
        f"no-resolv\nno-hosts\npid-file={folder}/pid\nuser=root\n"
    )
    return ["dnsmasq", "--keep-in-foreground", f"--conf-file={folder}/dnsmasq.conf"]


def unbound(folder: Path, server: str) -> list[str]:
    (folder / "unbound.conf").write_text(
        f'{example("stub-zone", server)}server:\n  interface: {RESOLVER}@{PORT}\n  username: ""\n'
        f'  chroot: ""\n  pidfile: ""\n  directory: "{folder}"\n  use-syslog: no\n'
        "  access-control: 127.0.0.0/8 allow\n  module-config: iterator\n"
    )
    return ["unbound", "-d", "-c", f"{folder}/unbound.conf"]


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[None]:
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


@pytest.mark.parametrize("resolver", [dnsmasq, unbound])
def test_a_resolver_with_a_stub_zone_answers_as_we_do(
    mesh: Mesh, resolver: Callable[[Path, str], list[str]]
) -> None:
    name = resolver.__name__
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{name} (Debian: dnsmasq-base, unbound) is not here")
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as made:
        folder = Path(made)
        command = resolver(folder, mesh.member("us-east-dns").address("dns"))
        with running([found, *command[1:]], folder):

            def answers() -> bool:
                try:
                    reply = ask_dns(RESOLVER, PORT, NAME)
                except TimeoutError:
                    return False
                return [str(r.rdata) for r in reply.rr] == [mesh.entry("us-east")]

            try:
                wait_until("it answers", answers, 15)
            except AssertionError:
                pytest.fail((folder / "log").read_text())
