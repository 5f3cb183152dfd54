"""A path that Linux would not take is said before anything is made there."""

from pathlib import Path

import pytest

from federation.model.errors import Failed
from federation.process.sockets import LONGEST_SOCKET_PATH, check_socket


def test_a_path_that_is_too_long_is_said_with_what_makes_it_so() -> None:
    fits = Path("/") / ("x" * (LONGEST_SOCKET_PATH - 1))
    check_socket(fits, "grpc_socket")
    with pytest.raises(Failed, match=r"grpc_socket is too deep: .* 108 bytes, but may .* 107: go"):
        check_socket(Path(f"{fits}x"), "grpc_socket", ": go up")
