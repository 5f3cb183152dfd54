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
        """Write what has changed since the last time."""
        if self._addresses.version != self._saved:
            text = json.dumps(self._addresses.document(), sort_keys=True)
            write_atomic(self._file, text.encode(), mode=0o600)
            self._saved = self._addresses.version
