"""Names of data sets in words."""

import pytest

from helpers import datasets
from helpers.datasets.names import called


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mnist", "MNIST"),
        ("glyphs:20x12", "20 drawn characters of 12 × 12"),
        ("folder:emnist-47", "handwriting in 47 classes (EMNIST)"),
        ("folder:my-own_images", "my-own_images"),
        ("digits", "digits"),
    ],
)
def test_a_data_set_is_called_by_words(name, words):
    assert called(name) == words


def test_no_published_or_embedded_set_is_called_by_code():
    for name in datasets.NAMES:
        assert "_" not in called(name) and ":" not in called(name), name
    assert datasets.load("digits").called == "digits"


def test_in_the_key_of_a_figure_names_are_brief():
    assert called("folder:cifar10-jpeg", brief=True) == "CIFAR-10 (JPEG)"
    assert called("glyphs:20x12", brief=True) == "20 drawn characters"
    assert called("digits", brief=True) == "digits"
