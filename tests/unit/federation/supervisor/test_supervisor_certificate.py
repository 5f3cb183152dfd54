"""A proxy starts with the certificate it has, while that is valid."""

from pathlib import Path

import pytest

from federation.resources.settings import Address
from federation.runtime.clock import wall_seconds
from federation.supervisor.certificate import Certificate, Wanted
from federation.supervisor.keys import Certified, save_certified
from federation.supervisor.settings import ProxySettings


@pytest.mark.parametrize(("ends_in", "shown"), [(60, True), (-1, False)])
def test_the_one_of_an_earlier_start_is_shown_while_it_is_valid(
    tmp_path: Path, ends_in: int, shown: bool
) -> None:
    now = int(wall_seconds())
    kept = Certified("KEY", "CHAIN", now - 60, now + ends_in)
    save_certified(tmp_path / "entry.json", kept)
    settings = ProxySettings(
        agent=Address("127.0.0.1", 1),
        trust_file=tmp_path / "trust.pem",
        token_file=tmp_path / "token",
        state=tmp_path,
        address="127.0.0.1",
    )
    seen: list[tuple[str, Certified]] = []
    wanted = Wanted("entry", tmp_path / "token")
    certificate = Certificate(settings, wanted, lambda name, found: seen.append((name, found)))
    certificate.load()
    assert seen == ([("entry", kept)] if shown else [])
