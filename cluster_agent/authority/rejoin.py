"""Joining again: after the controller lost its store, or even its root, nothing here is lost.

In: the file of the join token, looked at before each connection. Out: the authority stands under
what the token gave, with the key and the anchor that all others know: traffic goes on meanwhile.
"""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from cluster_agent.authority.authority import Authority
from cluster_agent.authority.join import join, read_credentials, read_join_token
from federation.model.errors import Denied, FedmeshError, InvalidInput
from federation.model.names import ClusterId
from federation.runtime.files import read_if_there
from federation.runtime.logs import event
from federation.trust.join_tokens import JoinToken

log = logging.getLogger(__name__)


class Rejoin:
    """Redeems a token that this cluster has not used yet; never an obstacle to connecting."""

    def __init__(
        self,
        authority: Authority,
        folder: Path,
        cluster: ClusterId,
        token_file: Path | None,
        *,
        redeem: Callable[[Path, JoinToken], Awaitable[None]] | None = None,
    ) -> None:
        self._authority = authority
        self._folder = folder
        self._cluster = cluster
        self._file = token_file
        self._redeem = redeem or self._once
        self._of_no_use = b""
        self._logged = ""

    async def check(self) -> None:
        """Join again when there is a token for it; what speaks against that is logged, once."""
        data = self._read()
        if not data or data == self._of_no_use:
            return
        try:
            token = read_join_token(data, self._cluster)
            if token.id == self._authority.membership.token:
                self._of_no_use = data
                return
            log.info(event("joining again", token=token.id))
            await self._redeem(self._folder, token)
            self._authority.replace_credentials(read_credentials(self._folder, self._cluster))
            self._logged = ""
        except (Denied, InvalidInput) as error:
            self._of_no_use = data
            self._log_once(str(error))
        except (FedmeshError, OSError) as error:
            self._log_once(str(error))  # it may pass: again before the next connection

    async def _once(self, folder: Path, token: JoinToken) -> None:
        await join(folder, token, self._authority.leaf_life, is_patient=False)

    def _read(self) -> bytes:
        try:
            return (read_if_there(self._file) if self._file is not None else None) or b""
        except OSError as error:
            self._log_once(f"join_token_file {self._file} cannot be read: {error.strerror}")
            return b""

    def _log_once(self, reason: str) -> None:
        if reason != self._logged:
            self._logged = reason
            log.warning(event("not joining again", reason=reason))
