"""Random streams: repeatable, independent by purpose, and strict about seeds."""

import numpy as np
import pytest

from helpers.errors import Mistake
from helpers.streams import stream


def test_a_stream_is_numpys_generator_of_seed_and_purpose():
    # 3050373649 is crc32(b"labels"): the recipe written out by hand.
    expected = np.random.default_rng([7, 3050373649, 2]).random(5)
    assert np.array_equal(stream(7, "labels", 2).random(5), expected)


def test_the_same_stream_starts_anew_each_time():
    first, second = stream(3, "order"), stream(3, "order")
    assert np.array_equal(first.random(100), second.random(100))


@pytest.mark.parametrize("other", [(4, "order"), (3, "labels"), (3, "order", 1)])
def test_streams_that_differ_in_any_word_are_uncorrelated(other):
    # |r| of 10,000 pairs exceeds 0.06 with probability 2e-9.
    ours, theirs = (
        stream(3, "order").normal(size=10_000),
        stream(*other).normal(size=10_000),
    )
    assert abs(np.corrcoef(ours, theirs)[0, 1]) < 0.06


def test_members_of_a_family_differ():
    draws = {
        tuple(stream(0, "order", epoch).integers(2**60, size=2)) for epoch in range(500)
    }
    assert len(draws) == 500


def test_numpy_integers_are_seeds_too():
    assert stream(np.int64(5), "order").random() == stream(5, "order").random()


@pytest.mark.parametrize("seed", [-1, 1.0, "1", None, True, 2**32])
def test_a_seed_that_is_no_small_whole_number_is_refused(seed):
    with pytest.raises(Mistake, match="seed is"):
        stream(seed, "order")
    with pytest.raises(Mistake, match="number after 'order' is"):
        stream(0, "order", seed)


@pytest.mark.parametrize("purpose", ["", "  ", 5, b"order", None])
def test_a_purpose_is_words(purpose):
    with pytest.raises(Mistake, match="purpose of a random stream"):
        stream(0, purpose)
