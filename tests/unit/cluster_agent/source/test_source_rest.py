"""A file is at rest for as long as its stamp is seen the same, whatever the stamp says."""

from cluster_agent.source.files import Found
from cluster_agent.source.rest import Rest

FUTURE = 10**20
PATH = "a.yaml"


def found(time: int = 1, size: int = 1, inode: int = 1, change: int = 1) -> dict[str, Found]:
    return {"a": Found(PATH, (time, size, inode, change))}


def test_rest_is_counted_from_the_end_of_the_first_look_to_the_beginning_of_the_last() -> None:
    rest = Rest()
    assert rest.look(found(), 10.0, 10.5) == {"a": 0.0}
    assert rest.look(found(), 10.4, 10.6) == {"a": 0.0}
    assert rest.look(found(), 12.0, 13.0) == {"a": 1.5}


def test_every_change_of_the_stamp_begins_anew_and_what_it_says_does_not_matter() -> None:
    rest = Rest()
    changes = (
        found(),
        found(FUTURE),
        found(0),
        found(size=2),
        found(inode=2),
        found(change=FUTURE),
    )
    for number, files in enumerate(changes):
        assert rest.look(files, 10.0 * number, 10.0 * number) == {"a": 0.0}
        assert rest.look(files, 10.0 * number + 1, 10.0 * number + 1) == {"a": 1.0}


def test_a_file_that_was_away_begins_anew_and_disturbs_no_other() -> None:
    rest = Rest()
    other = {"b": Found(PATH, (1, 1, 1, 1))}
    rest.look(found() | other, 1.0, 1.0)
    assert rest.look(other, 2.0, 2.0) == {"b": 1.0}
    assert rest.look(found() | other, 3.0, 3.0) == {"a": 0.0, "b": 2.0}
