"""What a receiver may ask for by name: no more names, and no longer ones, than fit."""

import pytest

from federation.model.errors import PeerBroke
from federation.xds.asked import AskedNames
from federation.xds.messages import MAX_NAME, MAX_NAMES, MAX_NAMES_BYTES


@pytest.mark.parametrize(
    "names",
    [
        tuple(f"n{n}" for n in range(MAX_NAMES + 1)),
        tuple(f"{n:01000}" for n in range(MAX_NAMES_BYTES // 1000 + 1)),
        ("n" * (MAX_NAME + 1),),
        ("\U0001f600",),
        ("a\nb",),
        ("",),
    ],
)
def test_too_many_names_and_what_is_no_name_are_refused(names: tuple[str, ...]) -> None:
    asked = AskedNames("type/a")
    for name in names[:-1]:
        asked.add(name)
    with pytest.raises(PeerBroke, match=r"may be asked for|is no name of a resource"):
        asked.add(names[-1])


def test_names_that_are_given_back_make_room_for_others() -> None:
    asked = AskedNames("type/a")
    count = MAX_NAMES_BYTES // 1100
    for round_ in range(3):
        names = [f"{round_}-{n:01000}" for n in range(count)]
        for name in (*names, names[0]):
            asked.add(name)
        assert names[-1] in asked
        for name in (*names, "never asked for"):
            asked.discard(name)
        assert names[-1] not in asked
    for number in range(MAX_NAMES_BYTES // 1000):
        asked.add(f"{number:01000}")
    with pytest.raises(PeerBroke, match=f"names of {MAX_NAMES_BYTES} bytes"):
        asked.add("n" * 1000)
