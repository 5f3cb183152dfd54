"""A token takes certificates for its workloads, and no flood of them."""

import logging
from datetime import timedelta

import pytest

from cluster_agent.serve import certificate_quota
from cluster_agent.serve.certificate_quota import BURST_FROM_ONE, BURST_OF_ALL, CertificateQuota
from federation.model.errors import NotReady
from federation.runtime.clock import utc_now
from federation.runtime.limited_log import BURST
from federation.trust.issue import make_csr, new_key
from federation.trust.pem import load_certificates, pem
from federation.wire import federation_pb2 as pb
from tests.unit.fakes.authorities import make_authority

CSR = pem(make_csr(new_key(), "any"))
HERE, ELSEWHERE = "ipv4:10.0.0.1:1", "ipv4:10.0.0.2:1"


class Signing:
    """Counts instead of signing."""

    leaf_life = timedelta(hours=1)

    def __init__(self) -> None:
        self.signed = 0

    def certify(self, *_: object) -> pb.Certificate:
        self.signed += 1
        return pb.Certificate()


class Rig:
    def __init__(self, life: timedelta = timedelta(hours=1)) -> None:
        self.now = 0.0
        self.authority = Signing()
        self.authority.leaf_life = life
        self.certifying = CertificateQuota(self.authority, lambda: self.now)  # type: ignore[arg-type]

    def ask(self, subject: str = "shop/api", address: str = HERE, times: int = 1) -> int:
        """Ask so often; how often there was a certificate."""
        before = self.authority.signed
        for _ in range(times):
            try:
                self.certifying.certify(subject, CSR, address)
            except NotReady:
                continue
        return self.authority.signed - before


def test_what_is_asked_for_is_signed() -> None:
    authority = make_authority(utc_now())
    answer = CertificateQuota(authority).certify("shop/api", CSR, HERE)
    assert len(load_certificates(answer.chain)) == 2


def test_one_token_from_one_place_takes_few_certificates_and_others_do_not_notice() -> None:
    """1,092 in 1.7 s before there was a bound."""
    rig = Rig()
    assert rig.ask(times=1_100) == BURST_FROM_ONE
    rig.now = 1.7
    assert rig.ask(times=1_100) <= 2
    assert rig.ask("shop/api", ELSEWHERE) == 1
    assert rig.ask("shop/web") == 1


def test_one_token_from_many_places_is_bounded_too() -> None:
    rig = Rig()
    taken = sum(rig.ask(address=f"ipv4:10.{n // 250}.{n % 250}.1:1", times=5) for n in range(1_000))
    assert taken == BURST_OF_ALL
    assert rig.ask("shop/web", ELSEWHERE) == 1


def test_the_ports_of_one_machine_and_the_addresses_of_one_network_are_one_place() -> None:
    rig = Rig()
    assert sum(rig.ask(address=f"ipv4:10.0.0.1:{n}") for n in range(200)) == BURST_FROM_ONE
    taken = sum(rig.ask(address=f"ipv6:%5B2001:db8::{n:x}%5D:1") for n in range(1, 200))
    assert taken == BURST_FROM_ONE


def test_who_has_to_wait_hears_how_long_and_gets_it_then() -> None:
    rig = Rig()
    rig.ask(times=BURST_FROM_ONE)
    with pytest.raises(NotReady, match=r"certificates for shop/api .* ask again in 1 s"):
        rig.certifying.certify("shop/api", CSR, HERE)
    rig.now = 1.0
    assert rig.ask() == 1


def test_a_hundred_workloads_of_one_host_that_start_again_are_served_within_a_minute() -> None:
    rig = Rig()
    left = 100
    while left:
        left -= rig.ask(times=left)
        rig.now += 1.0
    assert rig.now <= 60


@pytest.mark.parametrize("life", [1, 10, 60])
def test_short_lives_are_renewed_in_time(life: int) -> None:
    """Ten workloads of one account on one host, each at half of the life."""
    rig = Rig(timedelta(seconds=life))
    for _ in range(100):
        assert rig.ask(times=10) == 10
        rig.now += life / 2


def test_a_flood_of_certificates_is_told_in_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rig = Rig()
    for n in range(200):
        rig.ask(address=f"ipv4:10.0.0.{n}:1")
    assert len(caplog.records) == BURST
    rig.ask("shop/web", ELSEWHERE)
    last = caplog.records[-1].getMessage()
    assert last == f"certified subject=shop/web peer={ELSEWHERE} left_out_before={200 - BURST}"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_quota, "_MOST_REMEMBERED", 50)
    rig = Rig()
    for n in range(500):
        rig.ask(f"shop/a{n}", f"ipv4:10.0.{n // 250}.{n % 250}:1")
    assert len(rig.certifying._from_one) == 50
