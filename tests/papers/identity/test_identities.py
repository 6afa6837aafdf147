"""Finished identity nets, asked: against plain modules and networks known by hand."""

import os
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import take_weights
from plain_nets import as_module
from slow_ways import classifier_errors
from torch.nn.functional import conv2d

from helpers.claims.registry import load_registry
from helpers.errors import Failure, Mistake
from helpers.metrics.mean_classifier import class_sums, mean_classes
from helpers.metrics.reconstruction import one_layer_solution, scores, sharpness
from helpers.models.identity import FAMILIES, IdentityConvNet, IdentityFCN
from helpers.models.of import identity_model
from helpers.papers import identity as identities
from helpers.papers.identity import (
    CORRELATIONS,
    Maps,
    Networks,
    networks,
    patterns,
    readers,
)
from helpers.runs import IdentityRun, Study
from helpers.runs.store import RunFolder
from helpers.training import train
from helpers.training.identity import image_of

FCN, CONVNET = FAMILIES
NEVER = 1e-30  # an error that ends no training
PAIR = {"seed": range(2)}


def small(**fields):
    """A run of a network that is trained in milliseconds."""
    shape = {"canvas": 8, "width": 8, "depth": 3, "steps": 400, "stop_error": 0.02}
    return IdentityRun(**shape | {"learning_rate": 0.05} | fields)


@pytest.fixture(scope="module")
def panel(digits):
    return patterns.panel(digits, 0, canvas=8)


@pytest.fixture(scope="module")
def trained(digits, tmp_path_factory):
    """Studies that are really trained, and the folder that holds them."""
    root = tmp_path_factory.mktemp("identities")
    dense = small(model=FCN, width=16, depth=2, scheme="pytorch")
    plain = replace(dense, depth=1, biases=False, activation="linear", steps=3)
    several = [(0, 0), (1, 5), (2, 9)]
    studies = {
        "depths": Study(digits, small(), {"depth": [1, 2, 3], **PAIR}),
        "stops": Study(digits, small(), {"stop_error": [0.02, NEVER], "steps": [200]}),
        "images": Study(digits, small(depth=2), {("seed", "example"): several}),
        "dense": Study(digits, dense, PAIR),
        "plain": Study(digits, plain, PAIR),
        "activations": Study(
            digits, small(steps=2), {"activation": ["relu", "linear"]}
        ),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMORIZATION_RESULTS", str(root))
        found = {name: train(study, device="cpu") for name, study in studies.items()}
    return SimpleNamespace(root=root, **found)


@pytest.fixture
def found(trained, results):
    """The histories of these studies, and links to their results, nothing measured."""
    shutil.copytree(trained.root, results, copy_function=os.link)
    return trained


@pytest.fixture
def convnets(found, digits):
    """Depth -> two trained ConvNets."""
    return identities.load_by(found.depths, digits, "depth")


def final(run):
    folder = RunFolder(run)
    return folder.snapshot(folder.snapshot_epochs()[-1])


def module_of(some, k):
    """One of some networks as a reader would write it."""
    return as_module(some.model, {name: w[k] for name, w in some.weights.items()})


def cosines(left, right):
    """Cosines of images with images, all but the first axis summed over; NumPy's."""
    left, right = (np.asarray(x.detach(), float) for x in (left, right))
    left, right = (x.reshape(len(x), -1) for x in (left, right))
    norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return (left * right).sum(1) / norms


def half_fitted(some):
    """The same networks, of which the first is said not to have fitted."""
    return replace(some, fitted=np.arange(len(some)) > 0)


# Networks known by hand


def by_hand(some, weights):
    """Networks with weights (network, ...); nothing that they are asked is kept."""
    return replace(
        some,
        load=lambda run: {n: w[some.runs.index(run)] for n, w in weights.items()},
        state=None,
    )


def networks_of(runs, digits, weights, *, fitted=True):
    """The same, of runs that were never trained."""
    images = torch.stack([image_of(run, digits) for run in runs])[:, None]
    model, fitted = identity_model(runs[0], digits), np.full(len(runs), fitted)
    return by_hand(Networks(runs, model, None, images, fitted), weights)


def copies(digits, *, count=2, fitted=True, **fields):
    """Networks that are the identity, as appendix A makes them."""
    runs = tuple(small(seed=k, **fields) for k in range(count))
    weights = identity_model(runs[0], digits).identity_weights()
    stacked = {name: torch.stack([w] * count) for name, w in weights.items()}
    return networks_of(runs, digits, stacked, fitted=fitted)


def memorizers(digits, examples=(0, 5)):
    """Networks that answer everything with their training image."""
    runs = tuple(small(model=FCN, depth=1, example=e) for e in examples)
    images = torch.stack([image_of(run, digits) for run in runs])
    weights = {"W1": torch.zeros(len(runs), 64, 64), "b1": images.flatten(1)}
    return networks_of(runs, digits, weights)


def test_a_memorizer_and_a_copy_do_what_they_are_called(digits, panel):
    inputs = panel.images
    torch.testing.assert_close(
        copies(digits).outputs(inputs), inputs.expand(2, -1, -1, -1, -1)
    )
    some = memorizers(digits)
    expected = some.images.expand(-1, len(inputs), -1, -1, -1)
    torch.testing.assert_close(some.outputs(inputs), expected)


# Loaded


def test_loaded_networks_have_the_weights_and_images_of_their_runs(found, digits):
    some = identities.load_networks(found.images, digits)
    assert some.runs == found.images.runs and len(some) == 3
    assert some.images.shape == (3, 1, 1, 8, 8)
    for k, run in enumerate(some.runs):
        assert torch.equal(some.images[k, 0], image_of(run, digits))
        for name, weight in final(run).items():
            assert torch.equal(some.weights[name][k], weight), name


@pytest.mark.parametrize("study", ["images", "dense"])
def test_outputs_are_those_of_the_modules_that_were_trained(
    found, digits, panel, study
):
    some = identities.load_networks(getattr(found, study), digits)
    outputs = some.outputs(panel.images)
    assert outputs.shape == (len(some), *panel.images.shape)
    assert not outputs.requires_grad
    for k in range(len(some)):
        expected = module_of(some, k)(panel.images).detach()
        torch.testing.assert_close(outputs[k], expected, rtol=1e-4, atol=1e-6)


def test_outputs_are_what_leaves_the_models_last_layer(convnets, panel):
    some = convnets[3]
    layers = some.layers(panel.images)
    expected = some.model.forward(some.weights, panel.images[None])
    assert len(layers) == 3
    assert all(torch.equal(a, b) for a, b in zip(layers, expected, strict=True))
    assert torch.equal(some.outputs(panel.images), expected[-1])


def test_each_network_can_have_inputs_of_its_own(found, digits, panel):
    some = identities.load_networks(found.images, digits)
    apart = panel.images[:15].unflatten(0, (3, 5))
    outputs = some.outputs(apart)
    for k in range(3):
        expected = some.outputs(apart[k])[k]
        torch.testing.assert_close(outputs[k], expected, rtol=1e-5, atol=1e-6)


def test_trained_networks_answer_their_image_with_the_error_that_ended_training(
    found, digits
):
    some = identities.load_networks(found.images, digits)
    errors = (some.outputs(some.images) - some.images).square().mean((1, 2, 3, 4))
    assert found.images.stops == ("fitted",) * 3 and some.fitted.all()
    last = found.images.final("train_error")
    np.testing.assert_allclose(errors.numpy(), last, rtol=1e-4)
    assert (errors <= 0.02).all()


def test_a_network_that_ran_out_of_steps_has_not_fitted(found, digits):
    assert found.stops.stops == ("fitted", "epochs")
    some = identities.load_networks(found.stops, digits)
    assert some.fitted.tolist() == [True, False]
    values = some.of_fitted(torch.ones(2, 3))
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, [[1, 1, 1], [np.nan] * 3])


def test_values_given_for_the_fitted_stay_as_they_are(found, digits):
    some, values = identities.load_networks(found.stops, digits), np.ones(2)
    assert np.isnan(some.of_fitted(values)[1])
    assert values.tolist() == [1, 1]


def test_networks_are_loaded_by_the_values_of_a_field(found, digits, convnets):
    assert [*convnets] == [1, 2, 3]
    for depth, some in convnets.items():
        assert some.model.depth == depth
        assert [(r.depth, r.seed) for r in some.runs] == [(depth, 0), (depth, 1)]


def test_networks_of_several_shapes_are_a_mistake(found, digits):
    with pytest.raises(Mistake, match=r"^networks of several shapes: load those of on"):
        identities.load_networks(found.depths, digits)


def test_networks_that_compute_differently_are_not_of_one_shape(found, digits):
    """Else the linear one would be computed with the activation of the other."""
    with pytest.raises(Mistake, match=r"^networks of several shapes"):
        identities.load_networks(found.activations, digits)


def test_some_networks_are_the_same_ones_without_the_others(found, digits, panel):
    some = identities.load_networks(found.images, digits)
    marked = replace(some, fitted=np.array([True, False, True]))
    for chosen in ([2], [2, 0], range(2)):
        picked = marked.pick(chosen)
        assert picked.runs == tuple(some.runs[k] for k in chosen)
        assert len(picked) == len(chosen)
        assert picked.fitted.tolist() == [k != 1 for k in chosen]
        assert torch.equal(picked.images, some.images[list(chosen)])
        expected = some.outputs(panel.images)[list(chosen)]
        outputs = picked.outputs(panel.images)
        torch.testing.assert_close(outputs, expected, rtol=1e-5, atol=1e-6)


def test_untrained_networks_are_where_training_began(found, digits):
    some = identities.load_networks(found.images, digits)
    before = some.untrained()
    assert before.runs == some.runs and torch.equal(before.images, some.images)
    assert before.fitted.all() and some.fitted.all()  # all of them count
    for k, run in enumerate(some.runs):
        start = before.model.initial(seed=run.seed, scheme=run.scheme)
        assert start.keys() == before.weights.keys()
        for name, weight in start.items():
            assert torch.equal(before.weights[name][k], weight)
        assert not torch.equal(start["W1"], some.weights["W1"][k])
    errors = (before.outputs(some.images) - some.images).square().mean((1, 2, 3, 4))
    np.testing.assert_allclose(
        errors.numpy(), found.images.initial("train_error"), rtol=1e-4
    )


# A first filter sees 5 x 5 pixels around each: more values than there are channels.
@pytest.mark.parametrize("values", [1, 2 * 25 * 64 * 5, 2**40])
def test_the_parts_that_outputs_are_made_in_do_not_change_them(
    convnets, panel, monkeypatch, values
):
    some, apart = convnets[3], torch.stack([panel.images, panel.images.flip(0)])
    expected = some.layers(panel.images)[-1], some.layers(apart)[-1]
    monkeypatch.setattr(networks, "VALUES", values)
    count = len(panel.images)
    sizes = [part.shape[1] for part in some.parts(apart)]
    most = min(count, max(1, values // (2 * 25 * 64)))
    assert sum(sizes) == count and max(sizes) == most
    for inputs, outputs in zip((panel.images, apart), expected, strict=True):
        found = some.outputs(inputs)
        torch.testing.assert_close(found, outputs, rtol=1e-5, atol=1e-6)


# Kept beside their runs


def every_question(found, digits, panel):
    """Whatever the chapter asks of these networks."""
    convnets = identities.load_by(found.depths, digits, "depth")
    three, inputs = convnets[3], panel.images[:2]
    plain = identities.load_networks(found.plain, digits)
    orthogonal = patterns.rotated(panel.images[0], [0.0], 2, seed=0)[0]
    sized = {size: patterns.resize(panel.images, size) for size in (5, 12)}
    return [
        identities.pictures(convnets, inputs),
        identities.pictures(convnets, inputs, layers=1),
        identities.answers(three, orthogonal),
        identities.on_kind(convnets, panel, "digits"),
        identities.on_sizes(three, sized, panel),
        identities.on_kind(convnets, panel, "others", layers=1),
        identities.sharpness_by_setting(convnets, panel),
        identities.correlation_maps(convnets, count=2),
        *(identities.layer_views(three, inputs, view=v) for v in identities.VIEWS),
        identities.layer_views(three.untrained(), inputs),
        identities.random_views(three, inputs, 3),
        identities.classifier_errors(three, with_tests(digits, 20), train=100),
        identities.classifier_errors(
            three.untrained(), with_tests(digits, 20), train=100
        ),
        identities.weight_changes(three),
        identities.one_layer(plain, inputs, orthogonal),
        identities.rank_one(plain, orthogonal),
        identities.construction_error(found.depths.runs, digits, inputs),
    ]


def leaves(answers):
    """All arrays of nested answers."""
    if isinstance(answers, dict):
        answers = answers.values()
    if isinstance(answers, np.ndarray) or np.isscalar(answers):
        yield np.asarray(answers)
        return
    for each in answers:
        yield from leaves(each)


@pytest.fixture
def loads(monkeypatch):
    """Seeds of the runs whose weights were read, as it happens."""
    calls, snapshot = [], RunFolder.snapshot

    def counted(folder, epoch):
        calls.append(folder.run.seed)
        return snapshot(folder, epoch)

    monkeypatch.setattr(RunFolder, "snapshot", counted)
    return calls


def test_every_answer_stands_without_weights(
    found, digits, panel, results, monkeypatch
):
    first = [*leaves(every_question(found, digits, panel))]
    take_weights(results)
    monkeypatch.setattr(RunFolder, "snapshot", None)
    for family in (IdentityConvNet, IdentityFCN):  # nor is any network drawn or made
        for name in ("initial", "identity_weights", "forward"):
            monkeypatch.setattr(family, name, None)
    again = [*leaves(every_question(found, digits, panel))]
    for one, other in zip(again, first, strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
        assert one.tobytes() == other.tobytes()


QUESTIONS = [
    ("answers", {"inputs": "images"}, {"inputs": "others"}),
    ("answers", {"inputs": "images"}, {"layers": 1}),
    ("answers", {"inputs": "images"}, {"target": "image"}),
    ("layer_views", {"inputs": "images"}, {"inputs": "others"}),
    ("layer_views", {"inputs": "images"}, {"view": "best"}),
    ("correlation_maps", {"count": 2}, {"count": 3}),
    ("correlation_maps", {"count": 2}, {"pixels": "gaussian"}),
    ("correlation_maps", {"count": 2}, {"correlations": [0.0]}),
    ("classifier_errors", {"train": 100}, {"train": 101}),
]


@pytest.mark.parametrize(("name", "settings", "change"), QUESTIONS, ids=str)
def test_other_settings_are_another_question(
    found, digits, panel, results, name, settings, change
):
    images = {"images": panel.images[:3], "others": panel.images[1:4]}
    images["image"] = panel.images[1]

    def ask(settings):
        some = identities.load_networks(found.images, digits)
        if name == "correlation_maps":
            some = {"a": some}
        given = {k: images.get(str(v), v) for k, v in settings.items()}
        beside = [with_tests(digits, 20)] if name == "classifier_errors" else []
        return getattr(identities, name)(some, *beside, **given)

    ask(settings)
    take_weights(results)
    ask(settings)
    with pytest.raises(Failure, match="came without its weights"):
        ask(settings | change)


def test_the_untrained_are_not_taken_for_the_trained(found, digits, panel):
    some, inputs = identities.load_networks(found.dense, digits), panel.images[:3]
    trained = identities.answers(some, inputs)
    before = identities.answers(some.untrained(), inputs)
    assert not np.allclose(before.identity, trained.identity)
    same = identities.answers(some, inputs)
    assert np.array_equal(same.identity, trained.identity)


def test_only_networks_that_were_never_asked_are_loaded(found, digits, panel, loads):
    """So a study that grew by one network asks the new one alone."""
    some, inputs = identities.load_networks(found.images, digits), panel.images
    assert len(some) == 3 and not loads
    pair = identities.answers(some.pick([2, 0]), inputs).identity
    assert loads == [2, 0]
    loads.clear()
    every = identities.answers(some, inputs).identity
    assert loads == [1]
    assert every[[2, 0]].tobytes() == pair.tobytes()
    expected = scores(some.outputs(inputs), inputs, some.images).identity.mean(1)
    np.testing.assert_allclose(every, expected, rtol=1e-5)


# Maps


def test_a_copy_scores_one_on_identity_and_rho_on_constant(digits):
    maps = identities.correlation_maps({3: copies(digits)})
    assert maps.settings == (3,) and maps.correlations == CORRELATIONS
    assert maps.identity.shape == (2, 1, 11) and maps.fitted.all()
    np.testing.assert_allclose(maps.identity, 1, atol=1e-6)
    np.testing.assert_allclose(maps.constant[:, 0], [CORRELATIONS] * 2, atol=1e-6)
    np.testing.assert_allclose(maps.identity_error, 0, atol=1e-12)
    apart = distances(image_of(copies(digits).runs[0], digits))
    np.testing.assert_allclose(maps.constant_error[:, 0], [apart] * 2, atol=1e-6)


def test_a_memorizer_scores_one_on_constant_and_rho_on_identity(digits):
    """Around its own image, each of two."""
    some = memorizers(digits)
    maps = identities.correlation_maps({1: some}, pixels="gaussian")
    np.testing.assert_allclose(maps.constant, 1, atol=1e-6)
    np.testing.assert_allclose(maps.identity[:, 0], [CORRELATIONS] * 2, atol=1e-6)
    np.testing.assert_allclose(maps.constant_error, 0, atol=1e-12)
    apart = [distances(image) for image in some.images[:, 0]]
    assert not np.allclose(*apart)
    np.testing.assert_allclose(maps.identity_error[:, 0], apart, atol=1e-6)


def distances(image):
    """Mean squared distance of an image and its rotations: 2 |x|^2 (1 - rho) / d."""
    size = float(image.double().square().sum()) / image.numel()
    return 2 * size * (1 - np.array(CORRELATIONS))


def test_scores_of_trained_networks_are_means_over_rotated_images(found, digits):
    some = identities.load_networks(found.images, digits)
    rho = [0.0, 0.5, 1.0]
    maps = identities.correlation_maps({"a": some}, correlations=rho, count=3)
    assert maps.correlations == (0.0, 0.5, 1.0) and maps.settings == ("a",)
    for k in range(3):
        image = some.images[k, 0]
        inputs = patterns.rotated(image, rho, 3, seed=0)
        for column, x in enumerate(inputs):
            outputs, target = module_of(some, k)(x), image.expand_as(x)
            expected = (
                cosines(outputs, x).mean(),
                cosines(outputs, target).mean(),
                (outputs - x).square().mean().item(),
                (outputs - target).square().mean().item(),
            )
            cells = [table[k, 0, column] for table in maps[2:6]]
            np.testing.assert_allclose(cells, expected, rtol=1e-4, atol=1e-5)


def test_pixels_are_those_asked_for(digits, convnets):
    some, brief = {2: convnets[2]}, {"correlations": [0.0], "count": 2}
    drawn = {
        pixels: identities.correlation_maps(some, pixels=pixels, **brief).constant
        for pixels in ("uniform", "gaussian")
    }
    again = identities.correlation_maps(some, **brief).constant
    assert np.array_equal(again, drawn["uniform"])
    assert not np.allclose(drawn["uniform"], drawn["gaussian"], atol=1e-3)


def test_networks_that_did_not_fit_have_no_scores(digits):
    lost = replace(copies(digits), fitted=np.array([False, True]))
    maps = identities.correlation_maps({5: copies(digits), 7: lost}, count=2)
    assert maps.fitted.tolist() == [[True, False], [True, True]]
    for table in maps[2:6]:
        undefined = np.isnan(table)
        assert undefined[0, 1].all() and undefined.sum() == 11


def made_maps(constant, identity, *, settings=(1, 3, 5), correlations=(0.0,)):
    """Maps from tables (network, setting, correlation); NaN did not fit."""
    constant, identity = np.array(constant), np.array(identity)
    errors = 1 - constant, 1 - identity
    fitted = ~np.isnan(constant).any(2)
    return Maps(settings, correlations, identity, constant, *errors[::-1], fitted)


def chain(constant, identity, **fields):
    """The same from tables (network, setting), at input correlation 0."""
    tables = (np.array(table)[..., None] for table in (constant, identity))
    return made_maps(*tables, **fields)


NAN = np.nan


@pytest.mark.parametrize(
    ("constant", "identity", "expected"),
    [
        ([0.1, 0.3, 0.6], [0.9, 0.5, 0.1], 3 + 2 * 0.2 / 0.7),
        ([0.1, 0.2, 0.3], [0.9, 0.8, 0.7], NAN),  # never
        ([0.6, 0.7, 0.8], [0.5, 0.5, 0.5], 1),  # from the start
        ([0.6, 0.3, 0.6], [0.5, 0.5, 0.1], 3 + 2 * 0.2 / 0.7),  # for good
        ([0.1, 0.3, 0.1], [0.9, 0.1, 0.9], NAN),  # and back
        ([0.1, NAN, 0.6], [0.9, NAN, 0.1], 1 + 4 * 0.8 / 1.3),  # one did not fit
        ([0.1, 0.3, NAN], [0.9, 0.1, NAN], 1 + 2 * 0.8 / 1.0),
        ([NAN, NAN, 0.6], [NAN, NAN, 0.1], 5),
        ([NAN, NAN, NAN], [NAN, NAN, NAN], NAN),
    ],
)
def test_a_transition_is_where_the_constant_overtakes_for_good(
    constant, identity, expected
):
    found = chain([constant], [identity]).transitions()
    np.testing.assert_allclose(found, [expected])


def test_each_network_turns_by_itself_and_at_correlation_zero():
    """At correlation 0.5, the first column, all turn elsewhere."""
    zero = [[0.1, 0.3, 0.6], [0.1, 0.6, 0.6]]
    half = [[0.9, 0.9, 0.9], [0.0, 0.0, 0.0]]
    constant = np.stack([half, zero], axis=2)
    maps = made_maps(constant, np.full((2, 3, 2), 0.5), correlations=(0.5, 0.0))
    expected = [3 + 2 * 2 / 3, 1 + 2 * 0.4 / 0.5]
    np.testing.assert_allclose(maps.transitions(), expected)
    turned = maps.of(*reversed(maps.settings))  # whatever the order of the rows
    np.testing.assert_allclose(turned.transitions(), expected)


def test_a_depth_at_which_a_network_still_copies_is_less_than_that_of_its_turn():
    """Turned; copies at the largest depth; did not fit there, so that nobody knows."""
    constant = [[0.1, 0.3, 0.6], [0.1, 0.2, 0.3], [0.1, 0.2, NAN], [NAN] * 3]
    identity = [[0.9, 0.5, 0.1], [0.9, 0.8, 0.7], [0.9, 0.8, NAN], [NAN] * 3]
    maps = chain(constant, identity)
    expected = [3 + 2 * 0.2 / 0.7, np.inf, NAN, NAN]
    np.testing.assert_allclose(maps.censored(), expected)
    turned = maps.of(*reversed(maps.settings))
    np.testing.assert_allclose(turned.censored(), expected)


def test_maps_have_rows_and_columns():
    random = np.random.default_rng(0)
    tables = random.random((2, 2, 3, 4))
    tables[:, 1, 2] = NAN
    maps = made_maps(*tables, correlations=(0.0, 0.2, 0.4, 1.0))
    some = maps.of(5, 1)
    assert some.settings == (5, 1) and some.correlations == maps.correlations
    assert some.fitted.tolist() == [[True, True], [False, True]]
    column = maps.of_correlation(0.4)
    assert column.correlations == (0.4,) and column.settings == (1, 3, 5)
    assert np.array_equal(column.fitted, maps.fitted)
    for name in ("identity", "constant", "identity_error", "constant_error"):
        table = getattr(maps, name)
        np.testing.assert_array_equal(getattr(some, name), table[:, [2, 0]])
        np.testing.assert_array_equal(getattr(column, name), table[:, :, [2]])


def test_maps_are_shown_as_correlations_or_as_errors():
    maps = chain([[0.1, 0.3, NAN]], [[0.9, 0.5, NAN]])
    for errors, ending in ((False, ""), (True, "_error")):
        shown = maps.shown(errors=errors)
        for name in ("constant", "identity"):
            assert shown[name] is getattr(maps, name + ending)
        assert shown["rows"] == (1, 3, 5) and shown["correlations"] == (0.0,)
        assert shown["unfit"].tolist() == [[False, False, True]]


# Answers


@pytest.mark.parametrize("kind", ["training", "digits", "patterns", "others"])
def test_answers_on_a_kind_of_images_are_means_of_plain_correlations(
    found, digits, panel, kind
):
    some = identities.load_networks(found.images, digits)
    answers = identities.on_kind({"a": some}, panel, kind)
    place = slice(1, None) if kind == "others" else panel.kinds[kind]
    inputs = panel.images[place]
    for k in range(3):
        outputs, target = module_of(some, k)(inputs), some.images[k].expand_as(inputs)
        for values, to in zip(answers, (inputs, target), strict=True):
            expected = cosines(outputs, to).mean()
            assert values["a"][k] == pytest.approx(expected, abs=1e-5)


def test_copies_copy_digits_and_memorizers_repeat_them(digits, panel):
    settings = {"copies": copies(digits), "memorizers": memorizers(digits)}
    answers = identities.on_kind(settings, panel, "digits")
    np.testing.assert_allclose(answers.identity["copies"], 1, atol=1e-6)
    np.testing.assert_allclose(answers.constant["memorizers"], 1, atol=1e-6)
    inputs = panel.images[panel.kinds["digits"]]
    target = settings["copies"].images[0].expand_as(inputs)
    np.testing.assert_allclose(
        answers.constant["copies"], [cosines(inputs, target).mean()] * 2, atol=1e-6
    )


def test_answers_of_networks_that_did_not_fit_are_undefined(digits, panel):
    some = half_fitted(copies(digits))
    sized = {8: panel.images}
    for answers in (
        identities.on_kind({8: some}, panel, "others"),
        identities.on_sizes(some, sized, panel),
        identities.on_kind({8: some}, panel, "others", layers=1),
    ):
        for values in answers:
            assert np.isnan(values[8]).tolist() == [True, False]
    constant = identities.answers(some, panel.images).constant
    sharp = identities.sharpness_by_setting({8: some}, panel)
    for values in (constant, sharp[:, 0]):
        assert np.isnan(values).tolist() == [True, False]


def test_the_mean_constant_correlation_is_with_each_ones_own_image(digits, panel):
    some = memorizers(digits)
    np.testing.assert_allclose(identities.answers(some, panel.images).constant, 1)
    exchanged = replace(some, images=some.images.flip(0))
    expected = cosines(*some.images)
    found = identities.answers(exchanged, panel.images).constant
    np.testing.assert_allclose(found, [*expected, *expected], atol=1e-6)


def test_other_sizes_are_held_against_the_training_image_at_that_size(digits, panel):
    sized = {s: patterns.resize(panel.images, s) for s in (5, 8, 12)}
    answers = identities.on_sizes(copies(digits), sized, panel)
    assert [*answers.identity] == [*answers.constant] == [5, 8, 12]
    for size, images in sized.items():
        np.testing.assert_allclose(answers.identity[size], 1, atol=1e-6)
        others = images[panel.kinds["digits"]]
        expected = cosines(others, images[:1].expand_as(others)).mean()
        np.testing.assert_allclose(answers.constant[size], [expected] * 2, atol=1e-6)


def pictures_of(some, inputs, layers=None):
    """What each network, or its top layers, makes of images: (network, image, ...)."""
    each = {k: some.pick([k]) for k in range(len(some))}
    found = identities.pictures(each, inputs, layers=layers)
    return np.stack([found[k] for k in each])


def test_pictures_are_of_the_first_network_that_fits(digits, panel):
    """Of none where none did, but of the first; and misfits are counted in words."""
    some, inputs = memorizers(digits), panel.images[:2]
    later = half_fitted(some)
    never = replace(some, fitted=np.zeros(2, dtype=bool))
    found = identities.pictures({"all": some, "one": later, "none": never}, inputs)
    for row, shown in (("all", 0), ("one", 1), ("none", 0)):
        expected = some.images[shown].expand(2, -1, -1, -1).numpy()
        np.testing.assert_array_equal(found[row], expected)
    told = identities.misfits({"all": some, "one": later, "none": never})
    assert told == {"one": "1 of 2 fit", "none": "did not fit"}
    seen = identities.layer_views(half_fitted(copies(digits)), inputs).views
    assert seen.shape[1:] == inputs[:, 0].shape and np.isfinite(seen).all()


def test_pictures_are_outputs_of_the_first_network(convnets, panel):
    found = identities.pictures(convnets, panel.images)
    assert [*found] == [1, 2, 3]
    for depth, shown in found.items():
        expected = convnets[depth].outputs(panel.images)[0].numpy()
        np.testing.assert_allclose(shown, expected, rtol=1e-5, atol=1e-6)


def test_the_top_layer_alone_takes_images_in_every_channel(convnets, panel):
    some, inputs = convnets[3], panel.images
    outputs = pictures_of(some, inputs, 1)
    assert outputs.shape == (2, *inputs.shape)
    for k in range(2):
        weight, bias = some.weights["W3"][k], some.weights["b3"][k]
        expected = conv2d(inputs.expand(-1, 8, -1, -1), weight, bias, padding=2)
        np.testing.assert_allclose(outputs[k], expected, rtol=1e-4, atol=1e-5)


def test_two_top_layers_are_the_second_and_the_last_of_three(convnets, panel):
    some, inputs = convnets[3], panel.images
    outputs = pictures_of(some, inputs, 2)
    for k in range(2):
        w = {name: weight[k] for name, weight in some.weights.items()}
        wide = inputs.expand(-1, 8, -1, -1)
        hidden = conv2d(wide, w["W2"], w["b2"], padding=2).relu()
        expected = conv2d(hidden, w["W3"], w["b3"], padding=2)
        np.testing.assert_allclose(outputs[k], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layers", [3, 4, 20])
def test_a_network_of_no_more_layers_is_asked_as_a_whole(convnets, panel, layers):
    some, inputs = convnets[3], panel.images
    whole = pictures_of(some, inputs)
    np.testing.assert_array_equal(pictures_of(some, inputs, layers), whole)


@pytest.mark.parametrize("layers", [1, 2])
def test_answers_of_top_layers_are_of_networks_that_have_more(convnets, panel, layers):
    answers = identities.on_kind(convnets, panel, "others", layers=layers)
    depths = [depth for depth in (1, 2, 3) if depth > layers]
    assert [*answers.identity] == [*answers.constant] == depths
    inputs = panel.images[1:]
    for depth in depths:
        some = convnets[depth]
        outputs = torch.from_numpy(pictures_of(some, inputs, layers))
        for k in range(2):
            target = some.images[k].expand_as(inputs)
            for values, to in zip(answers, (inputs, target), strict=True):
                expected = cosines(outputs[k], to).mean()
                assert values[depth][k] == pytest.approx(expected, abs=1e-5)


def test_top_layers_are_split_at_each_networks_own_transition(convnets, panel):
    """Of depths 2 and 3 the first network turns between; the second turns nowhere."""
    settings = {"settings": (1, 2, 3)}
    turning = chain(
        [[0.1, 0.1, 0.6], [0.1, 0.1, 0.1]], [[0.5] * 3, [0.5] * 3], **settings
    )
    early = chain([[0.1, 0.9, 0.9]] * 2, [[0.5] * 3] * 2, **settings)
    chains = [(convnets, turning), (convnets, early)]
    found = identities.split_at_transition(iter(chains), panel, 1)
    answers = identities.on_kind(convnets, panel, "others", layers=1)
    for values, by_depth in zip(found, answers, strict=True):
        expected = [by_depth[2][0] - by_depth[3][0], NAN, NAN, NAN]
        np.testing.assert_allclose(values, expected)
    found = identities.around_transition(convnets, turning, panel, 1)
    both = [[answers.identity[depth][0], NAN] for depth in (2, 3)]
    np.testing.assert_allclose(found, both)


def test_networks_of_many_images_are_asked_for_learnt_new_and_random_ones(digits):
    found = identities.on_many(copies(digits), digits)
    assert [*found] == ["learnt", "test", "random"]
    for values in found.values():
        np.testing.assert_allclose(values, [1, 1], atol=1e-6)
    some = memorizers(digits, (0, 5))
    found = identities.on_many(some, digits)
    asked = patterns.prepare(digits.test_images[:256], canvas=8)
    image = some.images[1, 0].expand_as(asked)
    assert found["test"][1] == pytest.approx(cosines(image, asked).mean(), abs=1e-6)
    assert found["random"][0] == pytest.approx(0, abs=1e-6)
    assert found["random"][1] > 0.01  # for they are orthogonal to the first's image


def test_sharpness_is_that_of_the_predictions_on_digits(digits, panel, convnets):
    copied = copies(digits)
    found = identities.sharpness_by_setting({"a": convnets[2], "b": copied}, panel)
    inputs = panel.images[panel.kinds["digits"]]
    assert found.shape == (2, 2)
    np.testing.assert_allclose(found[:, 1], sharpness(inputs).mean(), rtol=1e-6)
    for k in range(2):
        expected = sharpness(module_of(convnets[2], k)(inputs)).mean().item()
        assert found[k, 0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("count", [1, 16])
def test_reference_errors_are_their_closed_form(panel, count):
    image = panel.images[0]
    found = identities.reference_errors(image, count=count)
    assert [*found] == ["identity map", "constant map"]
    apart = distances(image)
    for name, expected in (
        ("identity map", (apart, 0 * apart)),
        ("constant map", (0 * apart, apart)),
    ):
        np.testing.assert_allclose(found[name], expected, atol=1e-6)


# Layers


@pytest.mark.parametrize("view", identities.VIEWS)
def test_views_of_a_copy_are_its_input(digits, panel, view):
    """Also in the first channel, the positive part of an image that is all of it."""
    some, inputs = copies(digits), panel.images[panel.kinds["digits"]]
    found = identities.layer_views(some, inputs, view=view)
    assert found.views.shape == (3, len(inputs), 8, 8)
    np.testing.assert_allclose(found.to_input, np.ones((2, 3)), atol=1e-6)
    target = some.images[0].expand_as(inputs)
    to_target = [[cosines(inputs, target).mean()] * 3] * 2
    np.testing.assert_allclose(found.to_target, to_target, atol=1e-6)


@pytest.mark.parametrize("view", identities.VIEWS)
def test_the_last_view_is_the_output(convnets, panel, view):
    inputs = panel.images[:4]
    found = identities.layer_views(convnets[3], inputs, view=view)
    expected = convnets[3].pick([0]).outputs(inputs)[0, :, 0]
    np.testing.assert_array_equal(found.views[-1], expected)
    assert found.to_input.shape == found.to_target.shape == (2, 3)
    assert found.to_input.dtype == np.float64


def test_views_are_singular_vectors_or_channels_of_the_hidden_layers(convnets, panel):
    some, inputs = convnets[3].pick([1]), panel.images[1:4]
    seen = {
        view: torch.from_numpy(identities.layer_views(some, inputs, view=view).views)
        for view in identities.VIEWS
    }
    for layer, (features,) in enumerate(some.layers(inputs)[:-1]):
        assert torch.equal(seen["first"][layer], features[:, 0])
        for j, image in enumerate(inputs[:, 0]):
            channels = features[j]
            top = torch.linalg.svd(channels.flatten(1).double()).Vh[0]
            found = seen["singular"][layer, j].double()
            assert (found.flatten() @ top).abs() == pytest.approx(1, abs=1e-5)
            assert (found * image).sum() >= 0
            alive = channels.flatten(1).norm(dim=1) > 0
            sizes = np.abs(cosines(channels[alive], image.expand_as(channels[alive])))
            expected = channels[alive][int(sizes.argmax())]
            assert torch.equal(seen["best"][layer, j], expected)


def test_correlations_of_views_are_means_of_their_sizes(found, digits, panel):
    some, inputs = identities.load_networks(found.images, digits), panel.images[1:4]
    seen = identities.layer_views(some, inputs)
    for k in range(3):
        own = identities.layer_views(some.pick([k]), inputs).views
        for layer, views in enumerate(torch.from_numpy(own)):
            images = inputs[:, 0], some.images[k, 0].expand_as(views)
            for values, to in zip(seen[1:], images, strict=True):
                expected = np.abs(cosines(views, to)).mean()
                assert values[k, layer] == pytest.approx(expected, abs=1e-6)


def test_rows_of_views_run_from_least_to_most_and_the_output_is_as_it_is(
    convnets, panel
):
    inputs = panel.images[:5]
    seen = identities.layer_views(convnets[3], inputs)
    rows = identities.view_rows(seen, inputs)
    assert [*rows] == ["input", "layer 1", "layer 2", "output"]
    np.testing.assert_array_equal(rows["input"], inputs[:, 0])
    np.testing.assert_array_equal(rows["output"], seen.views[2])
    for layer in (0, 1):
        row, view = rows[f"layer {layer + 1}"].reshape(5, -1), seen.views[layer]
        assert (row.min(1) == 0).all() and (row.max(1) == 1).all()
        for shown, values in zip(row, view.reshape(5, -1), strict=True):
            assert np.corrcoef(shown, values)[0, 1] == pytest.approx(1, abs=1e-5)


def test_of_many_layers_rows_show_some_from_the_first_to_the_last():
    views = np.random.default_rng(0).random((36, 2, 3, 3))
    seen = identities.LayerViews(views, np.zeros((1, 36)), np.zeros((1, 36)))
    rows = [*identities.view_rows(seen, torch.zeros(2, 1, 3, 3))][1:-1]
    layers = np.array([int(name.removeprefix("layer ")) for name in rows])
    assert (layers[0], layers[-1], len(layers)) == (1, 35, 17)
    assert np.ptp(np.diff(layers)) <= 1


def test_a_dead_layer_has_a_row_of_zeros(digits, panel):
    some = copies(digits)
    dead = by_hand(some, {n: 0 * w for n, w in some.weights.items()})
    seen = identities.layer_views(dead, panel.images)
    rows = identities.view_rows(seen, panel.images)
    assert all(not row.any() for name, row in rows.items() if name != "input")
    assert not seen.to_input.any() and not seen.to_target.any()


def test_random_views_are_those_of_networks_that_were_never_trained(
    found, digits, panel
):
    some = identities.load_by(found.depths, digits, "depth")[3]  # of seeds 0 and 1
    inputs = panel.images[:3]
    drawn = identities.random_views(some, inputs, 4)
    assert drawn.shape == (4, 3)
    expected = identities.layer_views(some.untrained(), inputs).to_input
    np.testing.assert_allclose(drawn[:2], expected, rtol=1e-5)
    assert len({*drawn[:, 0].round(6)}) == 4
    fewer = identities.random_views(some.pick([1]), inputs, 2)
    np.testing.assert_allclose(fewer, expected, rtol=1e-5)


# Classifiers


def first_of_each(labels, counts):
    """Indices of the first examples of each class."""
    left, chosen = dict(enumerate(counts)), []
    for index, label in enumerate(labels.tolist()):
        if left[label] > 0:
            left[label] -= 1
            chosen.append(index)
    return torch.tensor(chosen)


def with_tests(data, count):
    """The data with some of their test images."""
    return data.sample(test_examples=count)


# Of 100 images in MNIST's proportions: 9.87, 11.24, 9.93, 10.22, 9.74, 9.04, ...
OF_100 = [10, 11, 10, 10, 10, 9, 10, 10, 10, 10]


@pytest.mark.parametrize("chunk", [7, 1000])
def test_a_classifier_of_layers_is_the_mean_classifier_on_their_features(
    convnets, digits, monkeypatch, chunk
):
    monkeypatch.setattr(readers, "CHUNK", chunk)
    some = convnets[3]
    few = with_tests(digits, 50)
    found = identities.classifier_errors(some, few, train=100)
    assert found.by_sum.shape == found.by_mean.shape == (2, 4)
    assert found.missed.shape == (2, 4, 50) and {*found.missed.flat} == {0, 1}
    chosen = first_of_each(digits.train_labels, OF_100)
    train = patterns.prepare(digits.train_images[chosen], canvas=8)
    test = patterns.prepare(few.test_images, canvas=8)
    labels = digits.train_labels[chosen], few.test_labels
    both = [[x.expand(2, -1, -1, -1, -1), *some.layers(x)] for x in (train, test)]
    for layer, (seen, told) in enumerate(zip(*both, strict=True)):
        by_sum, by_mean = classifier_errors(
            seen.flatten(2), labels[0], told.flatten(2), labels[1], classes=10
        )
        np.testing.assert_allclose(found.by_sum[:, layer], by_sum)
        np.testing.assert_allclose(found.by_mean[:, layer], by_mean)
        sums = class_sums(seen.flatten(2), labels[0], classes=10)
        wrong = mean_classes(told.flatten(2), sums) != labels[1]
        np.testing.assert_array_equal(found.missed[:, layer], wrong)


def test_of_many_test_images_each_class_is_asked_with_its_share(
    digits, convnets, monkeypatch
):
    expected = identities.classifier_errors(
        convnets[2], with_tests(digits, 30), train=100
    )
    monkeypatch.setattr(readers, "MOST", 30)
    found = identities.classifier_errors(convnets[2], digits, train=100)
    np.testing.assert_array_equal(found.missed, expected.missed)


def test_a_classifier_reads_from_copies_what_it_reads_from_pixels(digits):
    found = identities.classifier_errors(
        copies(digits), with_tests(digits, 60), train=100
    )
    for errors in found[:2]:
        assert (errors == errors[0, 0]).all() and errors[0, 0] < 0.5


def test_where_all_images_look_alike_the_largest_class_is_answered(digits):
    """That of MNIST: the ones; all means are equal, of which the first is answered."""
    some = memorizers(digits)
    found = identities.classifier_errors(some, digits, train=100)
    ones = (digits.test_labels != 1).double().mean().item()
    np.testing.assert_allclose(found.by_sum[:, 1], [ones] * 2)


def test_the_proportions_are_those_of_mnists_60000_training_images():
    assert sum(readers.MNIST) == 60_000 and len(readers.MNIST) == 10


def with_classes(digits, classes):
    """The examples of the first classes only."""
    kept = {}
    for part in ("train", "test"):
        labels = getattr(digits, f"{part}_labels")
        kept[f"{part}_labels"] = labels[labels < classes]
        kept[f"{part}_images"] = getattr(digits, f"{part}_images")[labels < classes]
    return replace(digits, classes=classes, names=(), digest="", **kept)


def test_classes_of_other_data_have_equal_sizes(digits, convnets):
    three = with_tests(with_classes(digits, 3), 15)
    found = identities.classifier_errors(convnets[2], three, train=30)
    chosen = first_of_each(three.train_labels, [10] * 3)
    train = patterns.prepare(three.train_images[chosen], canvas=8).flatten(1)
    test = patterns.prepare(three.test_images, canvas=8).flatten(1)
    labels = three.train_labels[chosen], three.test_labels
    by_sum, by_mean = classifier_errors(train, labels[0], test, labels[1], classes=3)
    np.testing.assert_allclose(found.by_sum[:, 0], by_sum)
    np.testing.assert_allclose(found.by_mean[:, 0], by_mean)


@pytest.mark.parametrize("count", [3, 400])
def test_too_few_or_too_many_images_are_told(digits, convnets, count):
    with pytest.raises(Mistake) as told:
        identities.classifier_errors(convnets[2], digits, train=count)
    line = f"{count} training images to read from: of each class "
    assert str(told.value).startswith(line) and "\n" not in str(told.value)


# Closed forms


def flat(digits, change, *, count=3, **fields):
    """Linear networks without biases: initial W1 plus what `change` makes of it."""
    plain = {"model": FCN, "biases": False, "activation": "linear", "depth": 1}
    runs = tuple(small(seed=k, **plain | fields) for k in range(count))
    some = networks_of(runs, digits, {}).untrained()
    start = some.weights["W1"].double()
    return by_hand(some, some.weights | {"W1": (start + change(start)).float()})


def outer_product(length):
    """A matrix of a given norm, as tall as the image is."""
    one = torch.ones(64, 64, dtype=torch.float64)
    return length * one / one.norm()


@pytest.mark.parametrize("missed", [0, 0.25])
def test_one_layer_is_held_against_equation_1(digits, panel, missed):
    """The update is missed by a share of its own norm, in one network of three."""
    x = panel.images[0].flatten().double()

    def change(start):
        update = one_layer_solution(start, x) - start
        wrong = outer_product(missed) * update[1].norm()
        return update + wrong * torch.tensor([0, 1, 0])[:, None, None]

    some = flat(digits, change)
    orthogonal = patterns.rotated(panel.images[0], [0.0], 4, seed=0)[0]
    found = identities.one_layer(some, panel.images, orthogonal)
    off = found["largest_relative_weight_error"]
    assert off == pytest.approx((missed, missed, missed, 3), abs=1e-5)
    wrong = some.weights["W1"][1].double() - one_layer_solution(
        some.untrained().weights["W1"][1].double(), x
    )
    largest = (panel.images.flatten(1).double() @ wrong.mT).norm(dim=1).max() / x.norm()
    error = found["closed_form_error"]
    assert error.value == pytest.approx(largest.item(), abs=1e-5) and error.n == 3
    assert (error.value > 1e-2) == bool(missed)


def test_the_constant_correlation_of_one_layer_is_over_the_fitted(digits, panel):
    some = half_fitted(memorizers(digits, (0, 0, 0)))
    without = replace(some, model=replace(some.model, biases=False))
    x = some.images[0].flatten()
    # Its rows answer one orthogonal input with the training image.
    orthogonal = patterns.rotated(panel.images[0], [0.0], 1, seed=0)[0]
    along = torch.outer(x, orthogonal.flatten()).expand(3, 64, 64)
    answering = by_hand(without, {"W1": along})
    found = identities.one_layer(answering, panel.images, orthogonal)
    constant = found["constant_correlation_orthogonal"]
    assert constant == pytest.approx((1, 1, 1, 2), abs=1e-6)


def test_an_update_along_the_image_is_of_rank_one(digits, panel):
    x = panel.images[0].flatten().double()
    some = flat(digits, lambda start: torch.outer(x, x) * 0.3, depth=2, width=64)
    orthogonal = patterns.rotated(panel.images[0], [0.0], 4, seed=0)[0]
    found = identities.rank_one(some, orthogonal)
    for estimate in found.values():
        assert estimate.value < 1e-5 and estimate.n == 3


def test_an_update_off_the_image_is_seen_in_one_network_of_three(digits, panel):
    x = panel.images[0].flatten().double()
    orthogonal = patterns.rotated(panel.images[0], [0.0], 4, seed=0)[0]
    v = orthogonal[0].flatten().double()
    one = torch.zeros(3, 1, 1, dtype=torch.float64)
    one[1] = 1
    left = torch.eye(64, dtype=torch.float64)[:2]  # two outputs

    def change(start):
        update = torch.outer(left[0], x) + one * torch.outer(left[1], v) / 2
        return update.expand(3, -1, -1)

    found = identities.rank_one(flat(digits, change, depth=2, width=64), orthogonal)
    # |v| = |x|, so that the singular values are |x| and |x| / 2.
    ratio = found["second_over_first_singular_value"]
    assert ratio == pytest.approx((0.5, 0.5, 0.5, 3), abs=1e-5)
    start = flat(digits, torch.zeros_like, depth=2, width=64).weights["W1"][1].double()
    columns = orthogonal.flatten(1).double()
    moves = (columns @ v).abs() / 2 / (columns @ start.mT).norm(dim=1)
    largest = found["largest_change_on_orthogonal_inputs"]
    assert largest.value == pytest.approx(moves.max().item(), rel=1e-4)


def test_constructed_networks_are_the_identity_and_shapes_are_counted(digits, panel):
    """Too narrow ones are left out, and those for images of another size."""
    wide = [small(seed=k, depth=d) for k in range(2) for d in (1, 3)]
    dense = [small(model=FCN, width=128, depth=2)]
    narrow = [small(width=1, depth=4), small(model=FCN, width=127, depth=2)]
    other = [small(size=5)]
    found = identities.construction_error(
        [*wide, *dense, *narrow, *other], digits, panel.images
    )
    estimate = found["largest_construction_error"]
    assert estimate.n == 3 and 0 <= estimate.value < 1e-6


def test_closed_forms_have_the_names_that_their_claims_ask_for(digits, panel):
    some, claims = flat(digits, torch.zeros_like), load_registry()
    images = panel.images[1:3]
    one = identities.one_layer(some, panel.images, images)
    assert {*one} == {*claims["C1"].names, *claims["C-eq1"].names}
    assert {*identities.rank_one(some, images)} == {*claims["C-rank1"].names}
    built = identities.construction_error(some.runs, digits, images)
    assert {*built} == {*claims["C-identity"].names}


def test_a_construction_that_fails_is_told(digits, panel, monkeypatch):
    model = type(identity_model(small(), digits))
    right = model.identity_weights

    def wrong(self):
        return {name: weight * 1.5 for name, weight in right(self).items()}

    monkeypatch.setattr(model, "identity_weights", wrong)
    runs = [small(depth=1), small(model=FCN, depth=1)]
    found = identities.construction_error(runs, digits, panel.images)
    estimate = found["largest_construction_error"]
    largest = panel.images.max().item()
    assert estimate.value == pytest.approx(largest / 2, rel=1e-5) and estimate.n == 2


def test_changes_of_weights_are_relative_to_their_start_layer_by_layer(found, digits):
    some = half_fitted(identities.load_networks(found.images, digits))
    changes = identities.weight_changes(some)
    assert changes.shape == (3, 2)
    assert np.isnan(changes[0]).all()
    for k in (1, 2):
        run = some.runs[k]
        before, after = some.model.initial(seed=run.seed, scheme=run.scheme), final(run)
        for layer, name in enumerate(("W1", "W2")):
            expected = (after[name] - before[name]).norm() / before[name].norm()
            assert changes[k, layer] == pytest.approx(expected.item(), rel=1e-4)


def test_weights_that_were_doubled_have_changed_by_all_they_were(found, digits):
    some = identities.load_networks(found.images, digits)
    start = some.untrained().weights
    doubled = by_hand(some, {name: 2 * w for name, w in start.items()})
    np.testing.assert_allclose(identities.weight_changes(doubled), np.ones((3, 2)))


def test_everything_is_undefined_for_networks_of_which_none_fitted(found, digits):
    some = replace(
        identities.load_networks(found.images, digits), fitted=np.full(3, False)
    )
    assert np.isnan(identities.weight_changes(some)).all()
    assert np.isnan(identities.correlation_maps({2: some}, count=1).transitions()).all()


# Networks that did not fit


def test_layers_of_a_network_that_did_not_fit_are_judged_on_nothing(digits):
    some = half_fitted(copies(digits, width=4))
    views = identities.layer_views(some, digits_of(digits))
    read = identities.classifier_errors(some, with_tests(digits, 20), train=100)
    for values in (views.to_input, views.to_target, *read):
        assert np.isnan(values[0]).all() and np.isfinite(values[1]).all()


def digits_of(digits):
    return patterns.prepare(digits.test_images[:3], canvas=8)
