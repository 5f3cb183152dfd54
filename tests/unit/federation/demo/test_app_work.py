"""What the application has processed is counted, and written down when it has an effect."""

from pathlib import Path

from federation.demo.app_work import MAX_COUNTED, Counts, Work, caller_of, line_of

WHO = {"cluster": "us-east", "workload": "api-1", "version": "v1"}


def test_the_caller_is_the_identity_that_the_last_hop_states() -> None:
    east = "spiffe://us-east.fedmesh.demo/ns/demo/sa/web"
    assert caller_of(f'By=spiffe://x;Hash=aa;Subject="CN=a,O=b";URI={east}') == east
    assert caller_of(f"Hash=a;URI=spiffe://forged/x,By=spiffe://me;Hash=b;URI={east}") == east
    assert caller_of("Hash=aa") is None
    assert caller_of("") is None


def test_counting_forgets_the_oldest_ids_and_does_not_grow_for_ever() -> None:
    counts = Counts()
    for number in range(MAX_COUNTED + 10):
        counts.add(str(number))
    assert len(counts.times) == MAX_COUNTED
    assert counts.tell("0")["times"] == 0
    assert counts.tell(str(MAX_COUNTED))["times"] == 1


def test_an_effect_is_in_the_file_at_once_also_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "api-1.ids"
    for _ in range(2):
        with file.open("ab", buffering=0) as out:
            work = Work(WHO, journal=out.write)
            work.process("a", effect=True)
            assert file.read_text().endswith("a\n")
            work.process("b", effect=False)
            work.process("", effect=True)
            assert work.counts.processed == 3
    assert file.read_text() == "a\na\n"


def test_what_is_said_names_who_answers_and_what_was_asked() -> None:
    assert Work(WHO).said_to("URI=spiffe://x", "GET", "/") == {
        **WHO,
        "caller": "spiffe://x",
        "method": "GET",
        "path": "/",
    }
    assert line_of({"a": 1}) == b'{"a": 1}\n'
