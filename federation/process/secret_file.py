"""Files that hold one token, as a person or a secret store wrote them.

In: a file. Out: the token, or InvalidInput that names file and reason. What is empty, blank, cut
short or filled with zeros, as a full disk or a crash leaves it, is no token.
"""

from pathlib import Path

from federation.model.errors import InvalidInput

MOST_CHARACTERS = 4096


def read_token_file(file: Path, what: str, *, least: int = 1) -> str | None:
    """The one word in a file, white space around it left out; None when there is no such file.

    `what` names setting and file.
    """
    data = _read(file, what)
    if data is None:
        return None
    word = data.strip()
    if not word:
        raise InvalidInput(f"{what} is empty, but must hold one token")
    if len(word) > MOST_CHARACTERS or len(word) < least:
        raise InvalidInput(
            f"{what} holds {'more than ' if len(data) > MOST_CHARACTERS else ''}"
            f"{min(len(word), MOST_CHARACTERS)} characters, but a token must have between {least} "
            f"and {MOST_CHARACTERS}"
        )
    text = word.decode("ascii", "replace")
    if not word.isascii() or not text.isprintable() or " " in text:
        raise InvalidInput(f"{what} does not hold one token, but something else")
    return text


def _read(file: Path, what: str) -> bytes | None:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_CHARACTERS + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"{what} cannot be read: {error.strerror}") from error
