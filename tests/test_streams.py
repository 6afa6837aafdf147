"""Random streams: repeatable, independent by purpose, and strict about seeds."""

import numpy as np
import pytest

from helpers.errors import Mistake
from helpers.streams import stream


def test_a_stream_is_numpys_generator_of_seed_and_purpose():
    # 3050373649 is crc32(b"labels"): the recipe written out by hand.
    expected = np.random.default_rng([7, 3050373649, 2]).random(5)
    for seed in (7, np.int64(7)):
        assert np.array_equal(stream(seed, "labels", 2).random(5), expected)
    draws = [tuple(stream(0, "order", k).integers(2**60, size=2)) for k in range(500)]
    assert len(set(draws)) == 500


@pytest.mark.parametrize("other", [(4, "order"), (3, "labels"), (3, "order", 1)])
def test_streams_that_differ_in_any_word_are_uncorrelated(other):
    # |r| of 10,000 pairs exceeds 0.06 with probability 2e-9.
    pair = [stream(*words).normal(size=10_000) for words in ((3, "order"), other)]
    assert abs(np.corrcoef(pair)[0, 1]) < 0.06


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
