"""The addresses of services on disk, written before anybody is told of them."""

import json
import logging
from pathlib import Path

from cluster_agent.entry.allocation import Addresses
from federation.model.addresses import Network
from federation.runtime.disk import Disk, File
from federation.runtime.files import read_if_there
from federation.runtime.logs import event

log = logging.getLogger(__name__)


class AddressFile:
    """Keeps one `Addresses` in a file."""

    def __init__(self, file: Path, addresses: Addresses, disk: Disk) -> None:
        self._file = file
        self._addresses = addresses
        self._disk = disk
        self._saved = 0

    @property
    def ranges(self) -> tuple[Network, ...]:
        """Where gateways offer services."""
        return self._addresses.ranges

    @property
    def trouble(self) -> str:
        """Why what has changed is not on the disk, as a sentence."""
        reason = self._disk.waits(self._file)
        if not reason:
            return ""
        return (
            f"the addresses of services cannot be written ({reason}): after a restart "
            "of the agent some may be others"
        )

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

        What cannot be written now is written when it can be, and said until then: without
        its file an agent mostly gives the same addresses again.
        """
        if self._addresses.version != self._saved:
            self._saved = self._addresses.version
            self._disk.keep_made(self._file, self._files)

    def _files(self) -> tuple[File, ...]:
        text = json.dumps(self._addresses.document(), sort_keys=True)
        return (File(self._file, text.encode()),)
