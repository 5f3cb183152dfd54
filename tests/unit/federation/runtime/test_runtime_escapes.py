"""What comes from outside is shown, and does nothing."""

import pytest

from federation.runtime.escapes import LINES, visible

HOSTILE = {
    "a colour": ("\x1b[31mred", r"\x1b[31mred"),
    "the title of the window": ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
    "a return that hides the line": ("ok\rnot ok", r"ok\rnot ok"),
    "a line of its own": ("x\n2030-01-01 info all is well", r"x\n2030-01-01 info all is well"),
    "C1, as one character": ("\x9b31m\x85", r"\x9b31m\x85"),
    "delete": ("a\x7f", r"a\x7f"),
    "a turn of direction": ("abc\u202etxt.exe\u2066", r"abc\u202etxt.exe\u2066"),
    "a line of Unicode": ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
    "nothing to be seen": ("a\u200bb\ufeff\u00ad", r"a\u200bb\ufeff\xad"),
    "half a character": ("\udcff", r"\udcff"),
    "a tag": ("\U000e0041", r"\U000e0041"),
}


@pytest.mark.parametrize(("text", "seen"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_for_the_eye_becomes_an_escape(text: str, seen: str) -> None:
    assert visible(text) == seen
    assert visible(text).isprintable()


def test_words_of_any_language_stay_as_they_are() -> None:
    assert visible("Zürich, 東京, Αθήνα \\ 'x' 1 %") == "Zürich, 東京, Αθήνα \\ 'x' 1 %"


def test_text_of_ours_keeps_its_lines() -> None:
    assert visible("one\n\ttwo\x1b", LINES) == "one\n\ttwo\\x1b"
