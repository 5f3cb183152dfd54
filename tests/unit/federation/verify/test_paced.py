"""What the paced load asks of its program, and how late it says that requests went out."""

import shutil
import sys
from pathlib import Path

import pytest

from federation.verify import history, paced
from federation.verify.history import About, History, Record
from federation.verify.traffic import parse_arguments

USUAL = ["--target", "127.0.0.1:80", "--host", "h", "--out", "f", "--rate", "2000"]


def words(*more: str) -> tuple[str, ...]:
    load, out = parse_arguments([*USUAL, *more])
    return paced.arguments_of(load, out, Path("stop"), 12.5, "abcde")


def after_dashes(found: tuple[str, ...]) -> list[str]:
    return list(found[found.index("--") + 1 :])


def test_the_program_is_told_the_rate_and_when_to_begin_and_to_stop() -> None:
    found = words("--connections", "500")
    assert found[0] == "wrk"
    assert found[found.index("-c") + 1] == "500"
    assert found[found.index("--") - 1] == "http://127.0.0.1:80/"
    rate, threads, begin, tag, out, stop, *_ = after_dashes(found)
    assert (rate, begin, tag, out, stop) == ("2000", "12.500000", "abcde", "f", "stop")
    assert threads == found[found.index("-t") + 1]


def test_no_more_threads_than_connections() -> None:
    """wrk would refuse to begin."""
    found = words("--connections", "1")
    assert found[found.index("-t") + 1] == "1"


def test_a_request_is_one_that_any_server_takes() -> None:
    head, path, rest = after_dashes(words("--path", "/load"))[-3:]
    text = f"{head}{path}{rest}".replace("|", "\r\n")
    assert text.startswith("GET /load HTTP/1.1\r\nhost: h\r\n")
    assert text.endswith("\r\n\r\n")
    assert "x-request-id: @ID" in text
    assert "content-length" not in text


def test_a_post_has_a_body_as_long_as_it_says() -> None:
    *_, rest = after_dashes(words("--method", "POST", "--body-bytes", "7"))
    assert "content-length: 7|" in rest
    assert rest.endswith("||xxxxxxx")


def test_lateness_is_how_long_after_its_time_a_request_went_out(tmp_path: Path) -> None:
    file = tmp_path / "h"
    records = tuple(Record(f"{i}", 1.0, 1.0 + i / 1000, 2.0, 200) for i in range(101))
    history.save(file, History(About("t", "h", "/", "GET", 1.0), records))
    lag = paced.lag_of(file)
    assert lag.worst == pytest.approx(0.1)
    assert lag.p99 == pytest.approx(0.099)
    assert lag.samples == len(records)


def test_without_the_program_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["paced", *USUAL])
    with pytest.raises(SystemExit, match="wrk is not installed: install Debian's package wrk"):
        paced.main()
