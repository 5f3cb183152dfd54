"""What fits into one response, and batches that many receivers share."""

from federation.xds.batches import (
    BATCH_BYTES,
    BATCH_REMOVALS,
    BATCH_RESOURCES,
    SHARED_BYTES,
    Batch,
    SharedBatches,
    fits,
    removal_fits,
)
from federation.xds.resources import resource

ONE, TWO = resource("one", b"1"), resource("two", b"2")


def test_a_response_is_full_by_count_and_by_bytes_but_never_empty_of_what_is_too_large() -> None:
    assert fits(BATCH_RESOURCES - 1, 0, ONE)
    assert not fits(BATCH_RESOURCES, 0, ONE)
    assert fits(1, BATCH_BYTES - 1, ONE)
    assert not fits(1, BATCH_BYTES, ONE)
    assert fits(0, 0, resource("large", bytes(2 * BATCH_BYTES)))


def test_so_it_is_with_removals() -> None:
    assert removal_fits(BATCH_REMOVALS - 1, 0, "n")
    assert not removal_fits(BATCH_REMOVALS, 0, "n")
    assert not removal_fits(1, BATCH_BYTES, "n")
    assert removal_fits(0, 0, "n" * 2 * BATCH_BYTES)


def test_who_is_sent_the_same_gets_the_same_batch() -> None:
    shared = SharedBatches()
    first = shared.of([ONE, TWO])
    assert shared.of([ONE, TWO]) is first
    assert first.versions == {"one": ONE.version, "two": TWO.version}


def test_another_order_another_version_and_another_name_make_another_batch() -> None:
    shared = SharedBatches()
    first = shared.of([ONE, TWO])
    assert shared.of([TWO, ONE]) == (TWO, ONE)
    assert shared.of([ONE, resource("two", b"3")]) is not first
    same_bytes = resource("other", b"2")
    assert shared.of([ONE, same_bytes]) == (ONE, same_bytes), "equal versions, not equal names"


def test_only_so_many_bytes_are_remembered_and_the_latest_stay() -> None:
    shared = SharedBatches()
    size = SHARED_BYTES // 8
    made = [shared.of([resource(f"n{n}", bytes([n]) * size)]) for n in range(20)]
    kept: list[Batch] = list(shared._batches.values())
    assert sum(len(found.body) for batch in kept for found in batch) <= SHARED_BYTES
    assert kept[-1] is made[-1]
    large = [resource("large", bytes(SHARED_BYTES + 1))]
    assert shared.of(large) == tuple(large)
    assert not shared._batches
