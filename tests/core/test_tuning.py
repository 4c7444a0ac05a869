"""Tuned numbers that are set for a while: what the kernels then read, and that it ends."""

import pytest

from bpcore._core import plan, tuning


def largest_microbatch():
    return plan.microbatch_size(100_000, 1, 8)


def smallest_microbatch():
    return plan.microbatch_size(100_000, 10**9, 8)


def test_numbers_hold_inside_the_block():
    most, least = (
        tuning.NUMBERS[name][0] for name in ("microbatch_max_rows", "microbatch_min_rows")
    )
    assert (smallest_microbatch(), largest_microbatch()) == (least, most)
    with tuning.override(microbatch_max_rows=most + 1):
        assert (smallest_microbatch(), largest_microbatch()) == (least, most + 1)
        with tuning.override(microbatch_min_rows=7, microbatch_max_rows=most + 2):
            assert (smallest_microbatch(), largest_microbatch()) == (7, most + 2)
        assert (smallest_microbatch(), largest_microbatch()) == (least, most + 1)
    assert (smallest_microbatch(), largest_microbatch()) == (least, most)


def test_narrow_rows_go_through_in_longer_microbatches():
    """As many as the cached bytes hold, between the usual rows and the most."""
    rows = [plan.microbatch_size(100_000, numbers, 4) for numbers in (1, 100, 1000, 10**6)]
    names = ("max_rows", "cached_bytes", "usual_rows", "min_rows")
    most, cached, usual, least = (tuning.NUMBERS[f"microbatch_{name}"][0] for name in names)
    assert rows == [most, cached // 400, usual, least]
    assert least < usual < rows[1] < most


def test_an_exception_ends_them():
    before = smallest_microbatch()

    def fail():
        assert smallest_microbatch() == 7
        raise KeyError

    with pytest.raises(KeyError), tuning.override(microbatch_min_rows=7):
        fail()
    assert smallest_microbatch() == before


def test_unknown_numbers_are_refused():
    """And named, with those that there are; nothing is set then."""
    before = smallest_microbatch()
    with (
        pytest.raises(TypeError, match=r"no tuned number microbatch_rows; there are .*max_load"),
        tuning.override(microbatch_min_rows=7, microbatch_rows=8),
    ):
        pass
    assert smallest_microbatch() == before


@pytest.mark.parametrize("name", tuning.NUMBERS)
def test_every_number_says_what_it_is(name):
    number, unit, trade, measured = tuning.NUMBERS[name]
    assert number > 0
    assert unit or name == "max_load"
    assert trade
    assert measured
