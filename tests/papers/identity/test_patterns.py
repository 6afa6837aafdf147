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


def few_classes(data, classes):
    """The examples of the first classes of a data set alone."""
    train, test = data.train_labels < classes, data.test_labels < classes
    return replace(
        data,
        train_images=data.train_images[train],
        train_labels=data.train_labels[train],
        test_images=data.test_images[test],
        test_labels=data.test_labels[test],
    )


# Canvases


def test_a_small_image_is_centred_on_an_empty_canvas(digits):
    images = digits.train_images[:5]
    placed = patterns.prepare(images, canvas=14)
    assert placed.shape == (5, 1, 14, 14)
    assert placed.dtype == torch.float32
    assert torch.equal(placed[..., 3:11, 3:11], images / 255)
    assert placed.count_nonzero() == images.count_nonzero()


def test_an_odd_margin_is_wider_below_and_to_the_right(digits):
    placed = patterns.prepare(digits.train_images[:5], canvas=15)
    assert torch.equal(placed[..., 3:11, 3:11], digits.train_images[:5] / 255)


def test_an_image_that_is_not_square_is_centred_in_both_directions():
    placed = patterns.prepare(
        torch.full((1, 3, 4, 6), 255, dtype=torch.uint8), canvas=8
    )
    assert torch.equal(placed[0, 1].sum(1), torch.tensor([0.0, 0, 6, 6, 6, 6, 0, 0]))
    assert torch.equal(placed[0, 2].sum(0), torch.tensor([0.0, 4, 4, 4, 4, 4, 4, 0]))


def test_an_image_too_long_for_the_canvas_in_one_direction_is_resized():
    placed = patterns.prepare(
        torch.full((1, 1, 4, 6), 255, dtype=torch.uint8), canvas=5
    )
    assert torch.allclose(placed, torch.ones(1, 1, 5, 5), atol=1e-6)


@pytest.mark.parametrize("canvas", [8, 12, 16])
def test_a_margin_is_added_up_to_twice_the_side(digits, canvas):
    images = digits.train_images[:5]
    placed = patterns.prepare(images, canvas=canvas)
    assert torch.equal(placed[placed > 0], images[images > 0] / 255)


@pytest.mark.parametrize("canvas", [4, 7, 17, 28])
def test_an_image_of_quite_another_size_is_resized(digits, canvas):
    images = digits.train_images[:5]
    resized = patterns.prepare(images, canvas=canvas)
    assert torch.allclose(resized, patterns.resize(images / 255, canvas), atol=1e-6)
    assert 0 <= resized.min() <= resized.max() <= 1


def test_the_brightest_image_stays_in_range_when_resized():
    white = torch.full((1, 1, 28, 28), 255, dtype=torch.uint8)
    for canvas in range(7, 27):
        resized = patterns.prepare(white, canvas=canvas)
        assert resized.max() <= 1
        assert torch.allclose(resized, torch.ones(()), atol=1e-6)


def test_images_that_are_already_scaled_are_not_scaled_again(digits):
    with pytest.raises(Mistake, match="float32: give uint8"):
        patterns.prepare(digits.train_images[:1] / 255, canvas=14)


@pytest.mark.parametrize("size", [7, 14, 21, 56, 112])
def test_resizing_keeps_the_mean_of_every_image_and_its_channels(size):
    # A ramp's mean is its middle at every size.
    ramp = torch.linspace(-1, 3, 28).expand(2, 3, 28, 28)
    resized = patterns.resize(ramp, size)
    assert resized.shape == (2, 3, size, size)
    assert torch.allclose(resized.mean((-2, -1)), torch.ones(2, 3), atol=1e-5)


def test_resizing_to_a_quarter_reads_every_pixel():
    # Without antialiasing, stripes at every fourth pixel would vanish.
    stripes = (torch.arange(28) % 4 == 0).float().expand(1, 28, 28)
    inner = patterns.resize(stripes, 7)[..., 1:-1]
    assert torch.allclose(inner, torch.tensor(0.25), atol=1e-6)


def test_an_image_of_the_wanted_size_is_left_alone(image):
    assert patterns.resize(image, 14) is image


@pytest.mark.parametrize("size", [0, -7, 14.0, True, None])
def test_a_size_that_is_no_positive_whole_number_is_refused(digits, image, size):
    with pytest.raises(Mistake, match="size is"):
        patterns.resize(image, size)
    with pytest.raises(Mistake, match="canvas is"):
        patterns.prepare(digits.train_images[:1], canvas=size)
    with pytest.raises(Mistake, match="size of patterns is"):
        patterns.generated(size)


# The training image


def test_the_first_images_of_a_class_are_chosen(digits):
    chosen = patterns.choose_examples(digits, 3, 4)
    assert (digits.train_labels[chosen] == 3).all()
    assert (digits.train_labels[: chosen[-1] + 1] == 3).sum() == 4
    assert torch.equal(patterns.choose_examples(digits, 3, 2), chosen[:2])


@pytest.mark.parametrize("digit", [10, -1, 7.5, "7", True, None])
def test_a_digit_that_is_not_there_is_named_with_those_that_are(digits, digit):
    with pytest.raises(Mistake) as caught:
        patterns.choose_examples(digits, digit, 1)
    assert f"digit {digit!r} is not in the data set digits" in str(caught.value)
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("count", [0, -1, 161, 1.0])
def test_no_more_images_are_chosen_than_a_class_has(digits, count):
    most = int((digits.train_labels == 7).sum())
    assert len(patterns.choose_examples(digits, 7, most)) == most
    with pytest.raises(Mistake, match=f"is {most + 1}"):
        patterns.choose_examples(digits, 7, most + 1)
    with pytest.raises(Mistake, match=f"7 in digits is {count}.* from 1 to {most}"):
        patterns.choose_examples(digits, 7, count)


def test_the_training_image_lies_on_its_canvas(digits, seven, image):
    expected = patterns.prepare(digits.train_images[seven : seven + 1], canvas=14)[0]
    assert torch.equal(image, expected)
    assert digits.train_labels[seven] == 7


@pytest.mark.parametrize("example", [-1, 160, 0.0, None])
def test_a_training_image_out_of_range_is_refused(digits, example):
    with pytest.raises(Mistake, match=f"example is {example}.* 0 to 159"):
        patterns.identity_image(digits, example, canvas=14)


def test_a_constant_training_image_is_refused(digits):
    blank = replace(digits, train_images=torch.zeros_like(digits.train_images))
    with pytest.raises(Mistake, match="image 3 of digits is 0 everywhere"):
        patterns.identity_image(blank, 3, canvas=14)


@pytest.mark.parametrize("value", [0, 0.25, float("nan"), float("inf")])
def test_an_image_without_a_correlation_is_refused(value):
    with pytest.raises(Mistake, match="picture"):
        patterns.check_image(torch.full((1, 4, 4), value), "picture")


def test_an_image_of_two_values_can_be_trained_on():
    patterns.check_image(torch.eye(4), "picture")


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


def test_a_correlation_of_one_is_the_image_itself(image):
    turned = patterns.rotated(image, [1.0], 3, seed=0)
    assert torch.equal(turned[0], image.expand(3, 1, 14, 14))


def test_the_same_random_directions_serve_every_correlation(image):
    # What is left of x without its part along x^ has norm |x^| sqrt(1 - rho^2).
    turned = patterns.rotated(image, [0.0, 0.6], 4, seed=0)
    left = turned[1] - 0.6 * image
    assert torch.allclose(left, 0.8 * turned[0], atol=1e-5)


def test_more_rotated_images_begin_with_the_fewer(image):
    fewer = patterns.rotated(image, RHO, 2, seed=0)
    more = patterns.rotated(image, RHO, 5, seed=0)
    assert torch.equal(more[:, :2], fewer)
    assert not torch.allclose(more[0, 2], more[0, 3])


def test_seeds_and_kinds_of_pixels_rotate_differently(image):
    one = patterns.rotated(image, [0.0], 1, seed=0)
    for changes in ({"seed": 1}, {"seed": 0, "pixels": "gaussian"}):
        assert not torch.allclose(one, patterns.rotated(image, [0.0], 1, **changes))


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


@pytest.mark.parametrize("rho", [-0.1, 1.01, float("nan")])
def test_a_correlation_out_of_range_is_refused(image, rho):
    with pytest.raises(Mistake, match="correlation is"):
        patterns.rotated(image, [0.5, rho], 1, seed=0)


def test_rotations_that_cannot_be_made_are_refused(image):
    with pytest.raises(Mistake, match=r"0\.5 everywhere"):
        patterns.rotated(torch.full((1, 4, 4), 0.5), RHO, 1, seed=0)
    with pytest.raises(Mistake, match="count of rotated images is 0"):
        patterns.rotated(image, RHO, 0, seed=0)
    with pytest.raises(Mistake, match="choose uniform or gaussian"):
        patterns.rotated(image, RHO, 1, seed=0, pixels="binary")


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


def test_round_patterns_have_the_areas_of_circles():
    drawn = dict(zip(*patterns.generated(112), strict=True))
    disk, hole = torch.pi / 4 * (5 / 7) ** 2, torch.pi / 4 * (3 / 7) ** 2
    assert float(drawn["disk"].mean()) == pytest.approx(disk, abs=1e-3)
    assert float(drawn["ring"].mean()) == pytest.approx(disk - hole, abs=1e-3)


def test_diagonal_stripes_are_constant_along_the_other_diagonal():
    drawn = dict(zip(*patterns.generated(28), strict=True))
    stripes = drawn["diagonal stripes"][0]
    assert torch.allclose(stripes[1:, :-1], stripes[:-1, 1:], atol=1e-6)
    assert not torch.allclose(stripes[1:], stripes[:-1], atol=0.1)


def test_smooth_noise_varies_less_from_pixel_to_pixel_than_white_noise():
    drawn = dict(zip(*patterns.generated(28), strict=True))
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


def test_a_panel_without_other_data_has_none(digits, seven):
    shown = patterns.panel(digits, seven, canvas=14)
    assert list(shown.kinds) == ["training", "mixtures", "digits", "patterns"]
    assert len(shown.images) == 22


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
    found = set()
    for seed in range(20):
        shown = patterns.panel(digits, seven, canvas=14, others=digits, seed=seed)
        part = shown.kinds["other data"]
        assert labels_of(shown.images[part], digits) == shown.names[part]
        assert len(set(shown.names[part])) == 4
        found |= set(shown.names[part])
    assert "7" in found


def test_other_data_of_another_size_come_on_the_same_canvas(digits, seven):
    scattered = datasets.load("scattered_digits", test_examples=40)
    shown = patterns.panel(digits, seven, canvas=14, others=scattered)
    part = shown.kinds["other data"]
    assert labels_of(shown.images[part], scattered) == shown.names[part]


def test_one_seed_gives_one_panel_and_seeds_differ(digits, seven):
    one, again, other = (
        patterns.panel(digits, seven, canvas=14, seed=seed) for seed in (0, 0, 1)
    )
    assert torch.equal(one.images, again.images)
    assert one.names == again.names
    part = one.kinds["digits"]
    assert not torch.equal(one.images[part], other.images[part])


def test_a_panel_of_few_classes_repeats_them_in_turn():
    three = few_classes(datasets.load("digits"), 3)
    example = int(patterns.choose_examples(three, 0, 1)[0])
    shown = patterns.panel(three, example, canvas=14)
    names = shown.names[shown.kinds["digits"]]
    assert {names.count(name) for name in ("1", "2")} == {3}
    for name in shown.names[1:3]:
        assert set(name.split(" + ")) == {"1", "2"}


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


def test_classes_without_names_go_by_their_number(digits, seven):
    shown = patterns.panel(replace(digits, names=()), seven, canvas=14)
    assert shown.names == patterns.panel(digits, seven, canvas=14).names


def test_names_as_mnist_has_them_are_cut_to_the_digit(digits, seven):
    long = replace(digits, names=tuple(f"{name} - word" for name in digits.names))
    shown = patterns.panel(long, seven, canvas=14)
    assert shown.names == patterns.panel(digits, seven, canvas=14).names


def test_a_panel_needs_enough_test_images(digits, seven):
    few = digits.prefix(test_examples=10)
    left = int((few.test_labels != 7).sum())
    with pytest.raises(Mistake, match=f"digits has {left} test images .* takes"):
        patterns.panel(few, seven, canvas=14)


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
