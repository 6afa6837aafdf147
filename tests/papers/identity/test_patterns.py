"""Test images of the networks trained on one image (paper C): exact by construction."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import avg_pool2d, cosine_similarity

from helpers import datasets
from helpers.errors import Mistake
from helpers.papers.identity import patterns

RHO = [0.0, 0.1, 0.3, 0.5, 0.9, 1.0]


@pytest.fixture(scope="module")
def seven(digits):
    """A training image of the digit 7, its index in the data set."""
    return int(patterns.choose_examples(digits, 7, 1)[0])


@pytest.fixture(scope="module")
def image(digits, seven):
    return patterns.identity_image(digits, seven, canvas=14)


# Canvases


@pytest.mark.parametrize(("canvas", "margin"), [(8, 0), (14, 3), (15, 3), (16, 4)])
def test_a_small_image_is_centred_on_an_empty_canvas(digits, canvas, margin):
    """Up to twice the side; an odd margin is wider below and to the right."""
    images = digits.train_images[:5]
    placed = patterns.prepare(images, canvas=canvas)
    assert placed.shape == (5, 1, canvas, canvas) and placed.dtype == torch.float32
    inside = slice(margin, margin + 8)
    assert torch.equal(placed[..., inside, inside], images / 255)
    assert placed.count_nonzero() == images.count_nonzero()
    wide = patterns.prepare(images[..., 1:7, :], canvas=canvas)
    rows = slice(margin + 1, margin + 7)
    assert torch.equal(wide[..., rows, inside], images[..., 1:7, :] / 255)


@pytest.mark.parametrize("canvas", [4, 7, 17, 28])
def test_an_image_of_quite_another_size_is_resized_and_stays_in_range(digits, canvas):
    images = digits.train_images[:5]
    resized = patterns.prepare(images, canvas=canvas)
    assert torch.allclose(resized, patterns.resize(images / 255, canvas), atol=1e-6)
    assert 0 <= resized.min() <= resized.max() <= 1
    # also where it is too long in one direction alone
    white = torch.full((1, 1, canvas - 1, canvas + 1), 255, dtype=torch.uint8)
    placed = patterns.prepare(white, canvas=canvas)
    assert placed.max() <= 1 and torch.allclose(placed, torch.ones(()), atol=1e-6)
    assert patterns.resize(resized, canvas) is resized


@pytest.mark.parametrize("size", [7, 14, 21, 56, 112])
def test_resizing_keeps_the_mean_of_every_image_and_its_channels(size):
    # Without antialiasing, stripes at every fourth pixel would vanish.
    stripes = (torch.arange(28) % 4 == 0).float().expand(1, 28, 28)
    inner = patterns.resize(stripes, 7)[..., 1:-1]
    assert torch.allclose(inner, torch.tensor(0.25), atol=1e-6)
    # A ramp's mean is its middle at every size.
    ramp = torch.linspace(-1, 3, 28).expand(2, 3, 28, 28)
    resized = patterns.resize(ramp, size)
    assert resized.shape == (2, 3, size, size)
    assert torch.allclose(resized.mean((-2, -1)), torch.ones(2, 3), atol=1e-5)


# The training image


def test_the_first_images_of_a_class_are_chosen(digits, seven, image):
    chosen = patterns.choose_examples(digits, 3, 4)
    assert (digits.train_labels[chosen] == 3).all()
    assert (digits.train_labels[: chosen[-1] + 1] == 3).sum() == 4
    assert torch.equal(patterns.choose_examples(digits, 3, 2), chosen[:2])
    most = int((digits.train_labels == 7).sum())
    assert len(patterns.choose_examples(digits, 7, most)) == most
    one = digits.train_images[seven : seven + 1]
    assert torch.equal(image, patterns.prepare(one, canvas=14)[0])
    assert digits.train_labels[seven] == 7
    patterns.check_image(torch.eye(4), "picture")  # two values are enough


REFUSED = {
    "float32: give uint8": [
        lambda d, x: patterns.prepare(d.train_images[:1] / 255, canvas=14)
    ],
    "size is": [
        lambda d, x, s=s: patterns.resize(x, s) for s in (0, -7, 14.0, True, None)
    ],
    "canvas is": [lambda d, x: patterns.prepare(d.train_images[:1], canvas=0)],
    "size of patterns is": [lambda d, x: patterns.generated(0)],
    "digit .* is not in the data set digits.* 0, 1, 2, 3, 4, 5, 6, 7, 8, 9": [
        lambda d, x, c=c: patterns.choose_examples(d, c, 1)
        for c in (10, -1, 7.5, "7", True, None)
    ],
    r"7 in digits is .* from 1 to \d+": [
        lambda d, x, n=n: patterns.choose_examples(d, 7, n) for n in (0, -1, 161, 1.0)
    ],
    "example is .* 0 to 159": [
        lambda d, x, n=n: patterns.identity_image(d, n, canvas=14)
        for n in (-1, 160, 0.0, None)
    ],
    "image 3 of digits is 0 everywhere": [
        lambda d, x: patterns.identity_image(
            replace(d, train_images=0 * d.train_images), 3, canvas=14
        )
    ],
    "picture": [
        lambda d, x, v=v: patterns.check_image(torch.full((1, 4, 4), v), "picture")
        for v in (0, 0.25, float("nan"), float("inf"))
    ],
    "correlation is": [
        lambda d, x, r=r: patterns.rotated(x, [0.5, r], 1, seed=0)
        for r in (-0.1, 1.01, float("nan"))
    ],
    r"0\.5 everywhere": [
        lambda d, x: patterns.rotated(torch.full((1, 4, 4), 0.5), RHO, 1, seed=0)
    ],
    "count of rotated images is 0": [lambda d, x: patterns.rotated(x, RHO, 0, seed=0)],
    "choose uniform or gaussian": [
        lambda d, x: patterns.rotated(x, RHO, 1, seed=0, pixels="binary")
    ],
    r"digits has \d test images .* takes": [
        lambda d, x: patterns.panel(d.prefix(test_examples=10), 0, canvas=14)
    ],
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_made_is_told_in_one_line(digits, image, words):
    for ask in REFUSED[words]:
        with pytest.raises(Mistake, match=words) as told:
            ask(digits, image)
        assert "\n" not in str(told.value)


# Images at a correlation


@pytest.mark.parametrize("pixels", ["uniform", "gaussian"])
def test_rotated_images_have_the_asked_cosine_and_the_norm_of_the_image(image, pixels):
    turned = patterns.rotated(image, RHO, 20, seed=1, pixels=pixels)
    assert turned.shape == (len(RHO), 20, 1, 14, 14)
    assert turned.dtype == torch.float32
    flat, target = turned.flatten(2).double(), image.flatten().double()
    cosines = cosine_similarity(flat, target, dim=-1)
    expected = torch.tensor(RHO, dtype=torch.float64)[:, None].expand(-1, 20)
    assert torch.allclose(cosines, expected, rtol=0, atol=1e-6)
    assert torch.allclose(flat.norm(dim=-1), target.norm(), rtol=1e-6, atol=0)
    assert torch.equal(turned[-1], image.expand(20, 1, 14, 14))
    fewer = patterns.rotated(image, RHO, 2, seed=1, pixels=pixels)
    assert torch.equal(turned[:, :2], fewer)
    assert not torch.allclose(turned[0, 2], turned[0, 3])
    other = patterns.rotated(image, RHO, 2, seed=2, pixels=pixels)
    assert not torch.allclose(other[0], fewer[0])


def test_the_same_random_directions_serve_every_correlation(image):
    # What is left of x without its part along x^ has norm |x^| sqrt(1 - rho^2).
    turned = patterns.rotated(image, [0.0, 0.6], 4, seed=0)
    left = turned[1] - 0.6 * image
    assert torch.allclose(left, 0.8 * turned[0], atol=1e-5)


def test_gaussian_pixels_have_no_preferred_sign_and_uniform_ones_do(image):
    # Cosine with the constant image: 0 within 6 standard deviations of 1/sqrt(100 d),
    # below one seed in 10^8; uniform pixels keep what x^ does not take of their mean.
    flat = torch.ones(196) / 14
    mean = {
        pixels: float((turned.flatten(1) @ flat / image.norm()).mean())
        for pixels in ("uniform", "gaussian")
        for turned in patterns.rotated(image, [0.0], 100, seed=0, pixels=pixels)
    }
    assert abs(mean["gaussian"]) < 6 / (100 * 196) ** 0.5
    assert mean["uniform"] > 0.5


# Generated patterns


@pytest.mark.parametrize("size", [1, 7, 14, 20, 28, 112])
def test_patterns_are_the_same_list_at_every_size_in_range(size):
    names, images = patterns.generated(size)
    assert names == patterns.generated(9).names
    assert len(set(names)) == len(images) == 12
    assert images.shape == (12, 1, size, size)
    assert images.dtype == torch.float32
    assert 0 <= images.min() <= images.max() <= 1


@pytest.mark.parametrize("size", [7, 14, 28, 56])
def test_a_small_pattern_is_the_average_of_a_large_one(size):
    small, large = patterns.generated(size), patterns.generated(112)
    averaged = avg_pool2d(large.images, 112 // size)
    assert small.names[-1] == "white noise"
    assert torch.allclose(small.images[:-1], averaged[:-1], atol=1e-6)
    # White noise is as strong at every size: its variance would fall to 1/4 or less.
    assert small.images[-1].var() > 0.04


def test_patterns_look_as_they_are_called():
    drawn = dict(zip(*patterns.generated(7), strict=True))
    stripes = (torch.arange(7) % 2).float()
    ring = torch.tensor([0.0, 1, 1, 1, 1, 1, 0])
    square = ring[:, None] * ring
    square[2:5, 2:5] = 0
    cross = torch.zeros(7, 7)
    cross[3, 1:6] = cross[1:6, 3] = 1
    expected = {
        "constant grey": torch.full((7, 7), 0.5),
        "horizontal stripes": stripes[:, None].expand(7, 7),
        "vertical stripes": stripes.expand(7, 7),
        "checkerboard": (stripes[:, None] - stripes).abs(),
        "square outline": square,
        "cross": cross,
        "gradient ramp": ((torch.arange(7) + 0.5) / 7).expand(7, 7),
    }
    for name, image in expected.items():
        assert torch.allclose(drawn[name][0], image, atol=1e-6), name


def test_circles_diagonals_and_noise_are_what_they_are_called():
    drawn = dict(zip(*patterns.generated(112), strict=True))
    disk, hole = torch.pi / 4 * (5 / 7) ** 2, torch.pi / 4 * (3 / 7) ** 2
    assert float(drawn["disk"].mean()) == pytest.approx(disk, abs=1e-3)
    assert float(drawn["ring"].mean()) == pytest.approx(disk - hole, abs=1e-3)
    drawn = dict(zip(*patterns.generated(28), strict=True))
    stripes = drawn["diagonal stripes"][0]
    assert torch.allclose(stripes[1:, :-1], stripes[:-1, 1:], atol=1e-6)
    assert not torch.allclose(stripes[1:], stripes[:-1], atol=0.1)
    smooth, white = (drawn[f"{kind} noise"] for kind in ("smooth", "white"))
    steps = [image.diff(dim=-1).abs().mean() / image.std() for image in (smooth, white)]
    assert steps[0] < steps[1] / 3


def test_the_seed_of_patterns_changes_their_noise_alone():
    one, two = patterns.generated(14), patterns.generated(14, seed=1)
    differs = (one.images != two.images).flatten(1).any(1).tolist()
    changed = [
        name for name, differs in zip(one.names, differs, strict=True) if differs
    ]
    assert changed == ["smooth noise", "white noise"]
    assert torch.equal(one.images, patterns.generated(14).images)


# Panels


def test_a_panel_shows_every_kind_in_order(digits, seven, image):
    shown = patterns.panel(digits, seven, canvas=14, others=digits)
    lengths = {kind: len(shown.names[part]) for kind, part in shown.kinds.items()}
    kinds = {"training": 1, "mixtures": 3, "digits": 6, "other data": 4, "patterns": 12}
    assert list(lengths.items()) == list(kinds.items())
    assert shown.images.shape == (26, 1, 14, 14)
    assert len(shown.names) == 26
    joined = [index for part in shown.kinds.values() for index in range(26)[part]]
    assert joined == list(range(26))
    assert torch.equal(shown.images[0], image)
    expected = patterns.generated(14)
    assert torch.equal(shown.images[shown.kinds["patterns"]], expected.images)
    assert shown.names[shown.kinds["patterns"]] == expected.names
    fewer = patterns.panel(digits, seven, canvas=14)
    assert list(fewer.kinds) == ["training", "mixtures", "digits", "patterns"]
    assert torch.equal(fewer.images[:10], shown.images[:10]) and len(fewer.images) == 22
    other = patterns.panel(digits, seven, canvas=14, seed=1)
    assert not torch.equal(fewer.images[4:10], other.images[4:10])
    # classes without names go by their number, MNIST's are cut to the digit
    long = replace(digits, names=tuple(f"{name} - word" for name in digits.names))
    for same in (replace(digits, names=()), long):
        assert patterns.panel(same, seven, canvas=14).names == fewer.names


def labels_of(images, data):
    """Names of the test images that images show, found by their pixels."""
    tests = patterns.prepare(data.test_images, canvas=images.shape[-1])
    same = (images[:, None] == tests).flatten(2).all(2)
    assert (same.sum(1) == 1).all()
    return tuple(data.names[label] for label in data.test_labels[same.int().argmax(1)])


@pytest.mark.parametrize("seed", range(5))
def test_the_digits_of_a_panel_are_test_images_of_six_other_classes(
    digits, seven, seed
):
    shown = patterns.panel(digits, seven, canvas=14, seed=seed)
    names = shown.names[shown.kinds["digits"]]
    assert labels_of(shown.images[shown.kinds["digits"]], digits) == names
    assert len({*names, "7"}) == 7


@pytest.mark.parametrize("seed", range(5))
def test_mixtures_are_means_of_the_images_they_name(digits, seven, image, seed):
    shown = patterns.panel(digits, seven, canvas=14, seed=seed)
    images = [image[None], patterns.prepare(digits.test_images, canvas=14)]
    images, labels = torch.cat(images), [7, *digits.test_labels.tolist()]
    means = (images[:, None] + images) / 2
    for column, name in enumerate(shown.names[shown.kinds["mixtures"]]):
        mixed = shown.images[shown.kinds["mixtures"]][column]
        pair = (means - mixed).abs().flatten(2).amax(2).argmin()
        first, second = divmod(int(pair), len(images))
        assert torch.allclose(means[first, second], mixed, atol=1e-6)
        assert {labels[first], labels[second]} == set(map(int, name.split(" + ")))
        assert (first == 0) == (column == 2)
        assert len({labels[first], labels[second], 7}) == (2 if column == 2 else 3)


def test_other_data_are_of_four_classes_and_may_be_of_the_digit_itself(digits, seven):
    # Were 7 avoided here too, no seed would show it; 4 of 10 show it. Fails for one
    # choice of seeds in 10^4 (0.6^20).
    found, scattered = set(), datasets.load("scattered_digits", test_examples=40)
    shown = patterns.panel(digits, seven, canvas=14, others=scattered)
    part = shown.kinds["other data"]
    assert labels_of(shown.images[part], scattered) == shown.names[part]
    for seed in range(20):
        shown = patterns.panel(digits, seven, canvas=14, others=digits, seed=seed)
        part = shown.kinds["other data"]
        assert labels_of(shown.images[part], digits) == shown.names[part]
        assert len(set(shown.names[part])) == 4
        found |= set(shown.names[part])
    assert "7" in found


def test_a_panel_of_few_classes_repeats_them_in_turn():
    data = datasets.load("digits")
    train, test = data.train_labels < 3, data.test_labels < 3
    parts = {
        "train_images": data.train_images[train],
        "test_images": data.test_images[test],
    }
    labels = {
        "train_labels": data.train_labels[train],
        "test_labels": data.test_labels[test],
    }
    three = replace(data, **parts, **labels)
    example = int(patterns.choose_examples(three, 0, 1)[0])
    shown = patterns.panel(three, example, canvas=14)
    names = shown.names[shown.kinds["digits"]]
    assert {names.count(name) for name in ("1", "2")} == {3}
    assert all({*name.split(" + ")} == {"1", "2"} for name in shown.names[1:3])


def test_a_panel_of_colours_shows_its_patterns_in_every_channel(digits, seven):
    colours = replace(
        digits,
        train_images=digits.train_images.repeat(1, 3, 1, 1),
        test_images=digits.test_images.repeat(1, 3, 1, 1),
    )
    shown = patterns.panel(colours, seven, canvas=14)
    grey = patterns.panel(digits, seven, canvas=14)
    assert torch.equal(shown.images, grey.images.expand(-1, 3, -1, -1))
    with pytest.raises(Mistake, match="digits have channels 1"):
        patterns.panel(colours, seven, canvas=14, others=digits)


def test_a_thinned_panel_has_some_of_each_kind_and_sixteen_in_all(digits):
    whole = patterns.panel(digits, 0, canvas=14)
    some = patterns.thin(whole)
    assert len(some.names) == len(some.images) == 16
    assert some.kinds.keys() == whole.kinds.keys()
    assert torch.equal(some.images[0], whole.images[0])
    for kind, place in some.kinds.items():
        all_of_kind = whole.names[whole.kinds[kind]]
        assert set(some.names[place]) <= set(all_of_kind) and some.names[place]
    ends = whole.names[whole.kinds["patterns"]]
    assert some.names[some.kinds["patterns"]][::8] == (ends[0], ends[-1])
