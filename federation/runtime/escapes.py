"""Text from outside, made fit for a terminal and a log: what is not for the eye becomes an escape.

A name, a header or a file may hold what moves the cursor, hides text, turns its direction, or ends
a line so that the rest looks like one of ours.
"""

LINES = "\n\t"
"""What our own text of several lines keeps."""


def visible(text: str, keep: str = "") -> str:
    """The text with every control character, line end and invisible character as in Python code.

    That is all of Unicode that does not print: C0 and C1, marks of direction, lone surrogates.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)
