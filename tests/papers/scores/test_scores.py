"""The chapter on scores: resampled worlds, localisation and units, on known cases."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from helpers.chapters.book import Edition
from helpers.chapters.cells import read_notebook, read_parameters
from helpers.chapters.plans import check_values, source_path
from helpers.claims.registry import SCALES, find_claim
from helpers.errors import Mistake
from helpers.models import build
from helpers.models.stages import stages
from helpers.papers.scores import (
    estimates,
    examples,
    localisation,
    scales,
    settings,
    units,
)
from helpers.papers.scores.subsets import (
    Answers,
    Kinds,
    answers,
    kinds_of,
    labels_of,
    memorization_gaps,
)
from helpers.papers.scores.worlds import World
from helpers.runs import Run, Study
from helpers.training import train


def world(*, networks=300, count=200, seed=0, permuted=20):
    """Networks that know what they saw, and guess an example with its own chance."""
    generator = np.random.default_rng(seed)
    chance = generator.uniform(0.1, 0.9, count)
    seen = generator.random((networks, count)) < 0.7
    right = seen | (generator.random((networks, count)) < chance)
    kinds = np.arange(count) < permuted
    return World(Answers(right, seen), kinds, ~kinds, seed=seed), 1 - chance


def test_the_interval_of_a_rank_correlation_holds_the_truth_as_often_as_it_says():
    # Of examples without end, measured as well and scored as well.
    big = np.random.default_rng(1).uniform(0.1, 0.9, 20_000)
    far = big + np.random.default_rng(2).normal(0, 0.15 / 6**0.5, 20_000)
    noisy = big + np.random.default_rng(3).normal(0, 0.045, 20_000)
    expected, held = spearmanr(noisy, far).statistic, 0
    for seed in range(60):
        some, truth = world(seed=seed)
        noise = np.random.default_rng(seed + 100).normal(0, 0.15, (6, len(truth)))
        measure = truth + noise
        found = estimates.rank_correlation(some, measure)
        assert found.n == 6 and found.low < found.value < found.high
        held += found.low <= expected <= found.high
        assert found.high - found.low < 0.3  # it says something
    assert held >= 52  # 95 % fail that in 3 of 1,000, 75 % pass it in 2 of 100


def test_scores_are_found_again():
    some, truth = world(networks=4000, count=60)
    assert some.scores == pytest.approx(truth, abs=0.06)
    found = estimates.scores_of_kinds(some)
    assert found["mean_score_of_permuted"].value == pytest.approx(
        truth[:20].mean(), abs=0.03
    )
    assert found["share_of_natural_above_quarter"].n == 4000


def test_kinds_that_are_alike_have_a_ratio_of_one_and_no_gap():
    some, _ = world(networks=600, permuted=60)
    same = np.full((8, 200), 3.0)
    found = estimates.random_against_natural(some, same, same)
    assert found["first_fit_permuted_over_natural"][:3] == pytest.approx((1, 1, 1))
    assert found["neighbour_gap_last_layer"][:3] == pytest.approx((0, 0, 0))
    later = np.where(some.random, 6.0, 3.0) * np.ones((8, 1))
    ratio = estimates.random_against_natural(some, later, later)[
        "first_fit_permuted_over_natural"
    ]
    assert ratio.value == pytest.approx(2)


def test_at_equal_scores_what_goes_with_the_score_alone_is_alike():
    """Random labels have higher scores here, and values follow the score."""
    generator = np.random.default_rng(5)
    chance = np.concatenate([np.full(40, 0.05), generator.uniform(0.0, 0.5, 400)])
    seen = generator.random((3000, 440)) < 0.7
    right = seen | (generator.random(seen.shape) < chance)
    kinds = np.arange(440) < 40
    some = World(Answers(right, seen), kinds, ~kinds)
    values = (10 * some.scores) * np.ones((8, 1))
    found = estimates.random_against_natural(some, values, values / 10)
    assert found["first_fit_permuted_over_natural"].low > 1.15
    assert found["neighbour_gap_last_layer"].low > 0.1
    equal = found["first_fit_permuted_over_natural_at_equal_scores"]
    assert (
        equal.value == pytest.approx(1, abs=0.03) and equal.low < 1 < equal.high + 0.03
    )
    assert abs(found["neighbour_gap_last_layer_at_equal_scores"].value) < 0.03


def test_one_network_tells_less_than_the_mean_of_many():
    some, truth = world(networks=2000)
    noise = np.random.default_rng(1).normal(0, 0.4, (12, 200))
    one = estimates.of_one_network(some, truth + noise)
    mean = estimates.rank_correlation(some, truth + noise)
    alone = [
        spearmanr(some.scores[some.own], each[some.own]).statistic
        for each in truth + noise
    ]
    assert one.value == pytest.approx(np.mean(alone)) and one.n == 12
    assert one.high < mean.value


def test_scores_of_few_networks_are_nearer_to_the_others_the_more_they_are():
    some, _ = world(networks=1200)
    found = estimates.of_few_networks(some, [12, 60, 300, 1000])
    assert 0.3 < found[12] < found[60] < found[300] < 1
    assert np.isnan(found[1000])  # nobody else would be left


def test_labels_that_are_true_by_luck_are_of_neither_kind(digits):
    run = Run(permuted_fraction=0.5, label_seed=3)
    labels, permuted = labels_of(run, digits)
    kinds = kinds_of(run, digits)
    lucky = permuted & (labels == digits.train_labels)
    assert lucky.any() and (kinds.own == ~permuted).all()
    assert (kinds.random == (permuted & ~lucky)).all()
    with pytest.raises(Mistake, match=r"^of \d+ examples 0 have a wrong random label"):
        kinds_of(Run(), digits)


def test_first_fit_is_the_first_epoch_at_which_an_example_is_right():
    right = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 0]], dtype=torch.bool)
    found = examples.first_fit(right, [1, 4, 9])
    assert found.tolist() == [1, 4, 9, 10]


def test_hidden_labels_are_the_last_layer_less_the_output_and_less_the_start():
    probes = np.zeros((5, 3, 2))
    probes[:, 0, -1], probes[:, -1, -1] = 0.2, 0.7
    output = np.tile([0.1, 0.3, 0.4], (5, 1))
    found = estimates.hidden(probes, output)
    assert found["probe_above_output"].value == pytest.approx(0.3)
    assert found["probe_end_minus_start"].value == pytest.approx(0.5)


def test_the_thread_compares_the_smallest_and_the_largest_scale():
    one, _ = world(networks=400)
    right, seen = one.answers
    more = World(Answers(right & seen, seen), one.random, one.own)
    capacity = np.ones((4, 3, 2))
    capacity[:, 0, -1], capacity[:, -1, -1] = [0.6, 0.62, 0.6, 0.58], 0.3
    found = scales.thread({0.1: one, 1.0: one, 10.0: more}, capacity)
    assert found["capacity_smallest_over_largest_sigma"].value == pytest.approx(2)
    assert found["mean_score_largest_minus_smallest_sigma"].low > 0.2


def test_too_few_examples_of_a_kind_leave_it_undefined():
    some, _ = world(permuted=3)
    found = estimates.random_against_natural(some, np.ones((4, 200)), np.ones((4, 200)))
    assert all(np.isnan(each.value) for each in found.values())


def test_no_fitted_network_is_told():
    with pytest.raises(Mistake, match=r"^no network on a subset has fitted it"):
        World(Answers(*np.zeros((2, 0, 5), dtype=bool)), *np.zeros((2, 5)))


def test_what_one_world_memorizes_more_is_the_difference():
    one, truth = world(networks=2000)
    right, seen = one.answers
    more = Answers(right & seen, seen)  # knows nothing that it has not seen
    other = World(more, one.random, one.own)
    found = estimates.more_memorized(one, other)
    assert found.value == pytest.approx(1 - truth[20:].mean(), abs=0.02)
    assert found.low < found.value < found.high
    gaps = memorization_gaps([one.answers, more], one.own)
    assert gaps.shape == (2000, 2)
    assert gaps[:, 1] == pytest.approx(np.ones(2000))


def test_settings_have_names_and_must_go_together():
    given = {"widths": [4, 5], "depths": [2, 8], "shares": [0.1, 0.25]}
    found = settings.compared_networks(Run(), models=["sin", "small_vgg"], **given)
    assert [*found] == ["sin 4 × 2, 10%", "small_vgg 5 × 8, 25%"]
    assert [run.model for run in found.values()] == ["mlp", "small_vgg"]
    with pytest.raises(Mistake, match=r"^settings: 1 models, 2 widths"):
        settings.compared_networks(Run(), models=["sin"], **given)
    with pytest.raises(Mistake, match=r"^model 'tree': must be one of sin"):
        settings.compared_networks(Run(), models=["sin", "tree"], **given)
    given["shares"] = [0.101, 0.104]
    found = settings.compared_networks(Run(), models=["sin"] * 2, **given)
    assert [*found] == ["sin 4 × 2, 10.1%", "sin 5 × 8, 10.4%"]
    with pytest.raises(Mistake, match=r"^settings: no perceptron is among them"):
        settings.compared_networks(Run(), models=["small_vgg"] * 2, **given)
    with pytest.raises(Mistake, match=r"is there twice"):
        settings.compared_networks(
            Run(), models=["sin"] * 2, widths=[4, 4], depths=[2, 2], shares=[0.1, 0.1]
        )


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_has_the_settings_that_its_claims_plan(scale):
    root = Path(__file__).resolve().parents[3]
    chapter = "memorization_scores"
    known = read_parameters(read_notebook(source_path(root, chapter)), chapter)
    given = check_values(root, Edition(chapter, scale, "main"), {})
    values = {name: each.default for name, each in known.items()} | given
    names = ("models", "widths", "depths", "shares")
    lists = {name: values[f"setting_{name}"] for name in names}
    found = settings.compared_networks(Run(), **lists).values()
    if scale != "smoke":
        perceptrons = [run for run in found if run.model == "mlp"]
        assert len(found) >= find_claim("X6").networks
        assert len(perceptrons) >= find_claim("X7").networks


# Units


def hand_made(weights):
    model = build(
        "mlp", image_shape=(1, 1, 3), classes=2, width=3, depth=2, activation="relu"
    )
    return model, {"W1": torch.eye(3), "W2": torch.tensor(weights)}


@pytest.mark.parametrize(
    ("head", "count"),
    [
        ([[1.0, 1.0, 1.0], [0.5, 0.5, 0.5]], 3),  # leads until nothing is left
        ([[5.0, 1.0, 1.0], [0.0, 1.5, 1.5]], 1),  # hangs on the first unit
        ([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], 0),  # was never the answer
    ],
)
def test_units_are_counted_until_the_answer_changes(head, count):
    model, weights = hand_made(head)
    images = torch.ones(1, 1, 1, 3)
    found = units.units_to_change(model, weights, images, torch.tensor([0]), most=3)
    assert found.tolist() == [count]


def test_an_answer_that_no_number_of_units_changes_counts_one_more_than_all():
    model, weights = hand_made([[4.0, 4.0, 4.0], [0.0, 0.0, 0.0]])
    images = torch.ones(1, 1, 1, 3)
    found = units.units_to_change(model, weights, images, torch.tensor([0]), most=2)
    assert found.tolist() == [3]


def test_ratios_are_over_settings():
    counted = {
        "a": {"random": np.array([1.0, 2.0]), "own": np.array([2.0, 4.0])},
        "b": {"random": np.array([1.0, 1.0]), "own": np.array([4.0, 4.0])},
    }
    (found,) = units.fewer_units(counted).values()
    assert found.value == pytest.approx(0.375) and found.n == 2


# Networks on real images


@pytest.fixture
def trained(digits):
    base = Run(
        activation="relu", init_scale=None, optimizer="adam", learning_rate=0.01,
        width=16, depth=3, batch_size=16, epochs=30, stop_accuracy=0.8, label_seed=1,
        permuted_fraction=0.2, keep_best=True, snapshots=(0, 1, 4),
    )  # fmt: skip
    return train(Study(digits, base, {"seed": [0, 1]}), device="cpu")


def test_memorization_is_found_in_the_layer_in_which_it_was_put():
    """Images are single pixels, the first layer passes them on, the last one knows."""
    model = build(
        "mlp", image_shape=(1, 1, 6), classes=2, width=6, depth=2, activation="relu"
    )
    random = torch.tensor([False, False, False, False, True, True])
    images, labels = torch.eye(6).reshape(6, 1, 1, 6), random.long()
    final = {
        "W1": torch.eye(6),
        "W2": 5 * torch.nn.functional.one_hot(labels).float().T,
    }
    start = {"W1": torch.eye(6), "W2": torch.zeros(2, 6)}
    kinds = Kinds(labels, random, ~random)
    layers = {"linear 1": ["W1"], "linear 2": ["W2"]}
    asked = localisation.Asked(stages(model), layers, images, kinds, 0, 1e-3)
    assert asked.accuracies(final) == (1, 1) and asked.accuracies(start) == (0, 1)
    found = localisation.measured(asked, {0: start, 4: start, 9: final}, last=9, best=4)
    assert found["rewinding"].tolist() == [0, 1] == found["retraining"].tolist()


def test_tests_of_localisation_agree_with_themselves(trained, digits):
    found = localisation.localise(trained, digits)
    assert {name: table.shape for name, table in found.items()} == {
        "gradients": (2, 3),
        "rewinding": (2, 3),
        "retraining": (2, 3),
    }
    assert ((found["gradients"] > 0) & (found["gradients"] < 1)).all()
    same = dict.fromkeys(localisation.TESTS, found["gradients"])
    assert localisation.agreements(same) == pytest.approx([1, 1])
    turned = same | {"rewinding": -found["gradients"]}
    assert localisation.agreements(turned) == pytest.approx([-1 / 3, -1 / 3])
    level = turned | {"retraining": np.zeros((2, 3))}  # a test that ranks no layer
    assert localisation.agreements(level) == pytest.approx([-1, -1])
    level = dict.fromkeys(localisation.TESTS, np.zeros((2, 3)))
    assert np.isnan(localisation.agreements(level)).all()
    (found,) = localisation.agreement({"level": level, "same": same}).values()
    assert np.isnan(found.value) and found.n == 2
    named = {f"relu {k}": same for k in range(4)} | {"sin 1": turned, "sin 2": level}
    table = localisation.agreement_by_family(named)
    assert table["gradients and rewinding"] == {
        "relu": "1.00 [1.00, 1.00], n = 4",
        "sin": "-1.00, n = 1",
    }
    alone = localisation.agreement_by_family({"sin 2": level})
    assert {*alone["gradients and rewinding"].values()} == {"undefined"}


def test_answers_are_those_of_the_networks(digits):
    base = Run(
        activation="relu", init_scale=None, optimizer="adam", learning_rate=0.01,
        width=16, depth=2, batch_size=16, epochs=40, stop_accuracy=0.8, label_seed=1,
        permuted_fraction=0.2, subset_fraction=0.5,
    )  # fmt: skip
    histories = train(Study(digits, base, {"seed": range(6)}), device="cpu")
    found = answers(histories, digits)
    fitted = [k for k, stop in enumerate(histories.stops) if stop == "fitted"]
    assert fitted and len(found.right) == len(fitted)
    drawn = labels_of(base, digits)
    share = (found.right & found.seen).sum(1) / found.seen.sum(1)
    assert share == pytest.approx(histories.final("train_accuracy")[fitted])
    kept = found.seen & drawn.permuted.numpy()
    share = (found.right & kept).sum(1) / kept.sum(1)
    assert share == pytest.approx(histories.final("permuted_accuracy")[fitted])
