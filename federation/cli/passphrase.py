"""Passphrases for commands: from a file, or typed on a terminal; never an argument."""

import sys
from pathlib import Path

import click

from federation.controller.trust.root_key import read_passphrase
from federation.model.errors import InvalidInput
from federation.trust.sealed import check_passphrase

OPTION = "--passphrase-file"


def ask_passphrase(file: Path | None) -> str:
    """The passphrase that opens something.

    Raises InvalidInput when there is neither a file nor a terminal, or when it is too short.
    """
    if file is not None:
        return read_passphrase(file, OPTION)
    if not sys.stdin.isatty():
        raise InvalidInput(
            f"there is no terminal to ask for the passphrase: name a file by {OPTION}"
        )
    text: str = click.prompt("Passphrase", hide_input=True, err=True)
    return check_passphrase(text, "passphrase")
