"""The addresses of services on disk, written before anybody is told of them."""

import json
import logging
from pathlib import Path

from cluster_agent.addresses import Addresses
from federation.runtime.files import read_if_there, write_atomic
from federation.runtime.logs import event

log = logging.getLogger(__name__)


class AddressFile:
    """Keeps one `Addresses` in a file."""

    def __init__(self, file: Path, addresses: Addresses) -> None:
        self._file = file
        self._addresses = addresses
        self._saved = 0
        self.trouble = ""
        """Why what has changed is not on the disk, as a sentence."""

    def load(self) -> None:
        """Take back what an earlier agent gave; a damaged file counts as not there, with a word."""
        data = read_if_there(self._file)
        if data is None:
            return
        try:
            self._addresses.restore(json.loads(data))
        except (ValueError, TypeError) as error:
            log.warning(event("addresses are damaged", file=self._file, reason=error))

    def save(self) -> None:
        """Write what has changed since the last time.

        What cannot be written is tried again with the next change, and said until then: without
        its file an agent mostly gives the same addresses again.
        """
        if self._addresses.version == self._saved:
            return
        text = json.dumps(self._addresses.document(), sort_keys=True)
        try:
            write_atomic(self._file, text.encode(), mode=0o600)
        except OSError as error:
            if not self.trouble:
                log.warning(event("addresses cannot be written", reason=error.strerror))
            self.trouble = (
                f"the addresses of services cannot be written ({error.strerror}): after a restart "
                "of the agent some may be others"
            )
            return
        self.trouble = ""
        self._saved = self._addresses.version
