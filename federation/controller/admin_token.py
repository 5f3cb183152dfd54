"""The token that opens the API: kept in the controller's state folder, made on the first start.

An operator may write one of his own there. One that is empty, short or damaged opens nothing: the
controller does not start with it.
"""

import secrets
from pathlib import Path

from federation.model.errors import InvalidInput
from federation.process.secret_file import read_token_file
from federation.runtime.files import write_private

SHORTEST = 32


def open_admin_token(file: Path) -> str:
    """The token in `file`; raises InvalidInput for one that is of no use."""
    try:
        found = read_token_file(file, f"the API's token {file}", least=SHORTEST)
    except InvalidInput as error:
        raise InvalidInput(
            f"{error}: write a good one there, or remove the file, and the next start makes one"
        ) from error
    if found is None:
        found = secrets.token_urlsafe(32)
        write_private(file, found.encode())
    return found
