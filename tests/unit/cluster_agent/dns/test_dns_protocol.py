"""Names as they travel."""

import pytest

from cluster_agent.dns.protocol import question, wire_name
from federation.model.errors import InvalidInput


def test_a_name_travels_as_labels_in_lower_case() -> None:
    assert wire_name("Api.Shop.") == b"\x03api\x04shop\x00"
    assert wire_name("") == b"\x00"
    assert question(wire_name("a"), 28) == b"\x01a\x00\x00\x1c\x00\x01"


def test_the_longest_name_has_253_characters_and_63_in_a_label() -> None:
    longest = ".".join(["a" * 63] * 3 + ["a" * 61])
    assert len(wire_name(longest)) == 255
    for name in (longest + "a", "a" * 64):
        with pytest.raises(InvalidInput):
            wire_name(name)
