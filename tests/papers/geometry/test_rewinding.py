"""Layers set back to an earlier epoch: against networks mixed and asked one by one."""

import os
import shutil
import time
import weakref
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import take_weights
from hand_made import INF, NAN, counts, histories_of, undefined
from torch import nn

from helpers import datasets
from helpers.datasets.labels import permute_labels
from helpers.errors import Failure, Mistake
from helpers.estimates import mean_interval, paired_difference, ratio_interval
from helpers.estimates.intervals import proportion_interval
from helpers.models import MLP, Modular, build
from helpers.models.of import model_of
from helpers.models.stages import layer_weights, stages
from helpers.papers.geometry import rewinding
from helpers.papers.geometry.rewinding import (
    PARTS,
    Sweep,
    estimates,
    randomise,
    rewind,
    settings,
    swaps,
)
from helpers.papers.geometry.rewinding.swaps import (
    swapped_predictions,
    with_new_statistics,
)
from helpers.runs import Run, Study
from helpers.runs.store import RunFolder
from helpers.streams import stream
from helpers.training import train

NEW = "new statistics"
LAST = 3  # epoch of the networks that are not said to end earlier
CONVOLUTIONS = [f"conv {k}" for k in range(1, 9)]
EVERY = [*CONVOLUTIONS, "linear 1"]
FEW = ["conv 2", "conv 7"]  # where that is enough
DENSE = ["linear 1", "linear 2", "linear 3"]
VGG = {"model": "small_vgg", "width": 2, "depth": 9}
PERCEPTRON = {"width": 12, "depth": 3, "biases": True}


def small(**fields):
    """A run of paper B's kind that is trained in milliseconds; epoch 2 is not kept."""
    kind = {"activation": "relu", "init_scale": None, "optimizer": "adam"}
    brief = {"learning_rate": 0.03, "batch_size": 16, "epochs": LAST}
    kept = {"snapshots": [0, 1], "stop_accuracy": None, "permuted_fraction": 0.5}
    return Run(**PERCEPTRON | kind | brief | kept | fields)


@pytest.fixture(scope="module")
def data():
    """160 training and 60 test images of the embedded digits."""
    return datasets.load("digits").prefix(train_examples=160, test_examples=60)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """Studies that are really trained, and the folder that holds them."""
    root, pair = tmp_path_factory.mktemp("rewinding"), {"seed": range(2)}
    studies = {
        "vgg": Study(data, small(**VGG), pair),
        "dense": Study(data, small(init_scale=0.5), pair),
        "shares": Study(data, small(epochs=1), {"permuted_fraction": [0.0, 1.0]}),
        "lengths": Study(data, small(), {"epochs": [1, LAST]}),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMORIZATION_RESULTS", str(root))
        found = {name: train(study, device="cpu") for name, study in studies.items()}
    return SimpleNamespace(root=root, **found)


@pytest.fixture
def found(trained, results, monkeypatch):
    """The histories of these studies, and links to their results, nothing measured.

    Of so few images more than a worker is given, and more than statistics are of.
    """
    shutil.copytree(trained.root, results, copy_function=os.link)
    monkeypatch.setitem(settings.CHUNK, "cpu", 100)
    monkeypatch.setattr(settings, "MEASURED_ON", 120)
    return trained


@pytest.fixture
def cores(monkeypatch):
    """Function that sets how many cores there seem to be."""

    def cores(count):
        monkeypatch.setattr("helpers.system.workers.usable_cores", lambda: count)

    return cores


@pytest.fixture
def loads(monkeypatch):
    """What was read: (seed, epoch) of every snapshot, as it happens."""
    calls, snapshot = [], RunFolder.snapshot

    def counted(folder, epoch):
        calls.append((folder.run.seed, epoch))
        return snapshot(folder, epoch)

    monkeypatch.setattr(RunFolder, "snapshot", counted)
    return calls


def weights_at(run, epoch):
    return RunFolder(run).snapshot(epoch)


def file_of(run, epoch):
    return RunFolder(run).path / "snapshots" / f"epoch-{epoch:06d}.safetensors"


def damage(run, epoch):
    """Change the last byte of a snapshot; returns what it held."""
    file = file_of(run, epoch)
    content = file.read_bytes()
    put(file, content[:-1] + bytes([content[-1] ^ 1]))
    return content


def put(file, content):
    """Write a file anew, for the old one is linked to by other tests."""
    file.unlink()
    file.write_bytes(content)


def forget(histories):
    """Take away what was kept of these networks."""
    for run in histories.runs:
        shutil.rmtree(RunFolder(run).path / "measured")


def names_by_hand(model):
    """Layer -> part -> names of its weights, for a sequence of layers."""
    if isinstance(model, MLP):
        return {
            f"linear {k}": {"weights": {f"W{k}", f"b{k}"}}
            for k in range(1, model.depth + 1)
        }
    found = {}
    for k, part in enumerate(model.module().features):
        if isinstance(part, nn.Conv2d):
            norm = f"features.{k + 1}"
            found[f"conv {len(found) + 1}"] = {
                "weights": {f"features.{k}.weight"},
                "affine": {f"{norm}.weight", f"{norm}.bias"},
                "statistics": {f"{norm}.running_mean", f"{norm}.running_var"},
            }
    return {**found, "linear 1": {"weights": {"head.weight", "head.bias"}}}


def mixed(own, other, names):
    return {name: (other if name in names else own)[name] for name in own}


def normalised_anew(model, weights, images):
    """Weights after a real module saw images in training mode, with momentum 1."""
    real = model.module()
    model.load(real, weights)
    for part in real.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 1.0
    with torch.no_grad():
        real(images)
    return {name: value.clone() for name, value in real.state_dict().items()}


def judge(run, data, examples=None):
    """Function from a network's weights to its accuracies, set -> number.

    examples: training images that are judged; None: all.
    """
    drawn = permute_labels(
        data.train_labels, run.permuted_fraction, classes=data.classes, seed=run.seed
    )
    some = stream(0, "training images judged").permutation(len(data.train_labels))
    some = torch.from_numpy(some[:examples])
    images = torch.cat([data.train_images[some], data.test_images])
    inputs, model = datasets.network_inputs(images), model_of(run, data)
    labels, true, permuted = (
        part[some] for part in (drawn.labels, data.train_labels, drawn.permuted)
    )

    def accuracies(weights):
        classes = model.forward(weights, inputs).logits.argmax(1)
        train, test = classes[: len(some)], classes[len(some) :]
        return {
            "train": (train == labels).double().mean(),
            "unpermuted": (train == labels)[~permuted].double().mean(),
            "permuted": (train == labels)[permuted].double().mean(),
            "restored": (train == true)[permuted].double().mean(),
            "test": (test == data.test_labels).double().mean(),
        }

    return accuracies


def naive(histories, data, spans, others, parts=("weights", "affine"), examples=None):
    """Set -> table (network, span, source), one mixed network after the other.

    others: function from a run to the networks that layers come from.
    """
    sources = len(others(histories.runs[0]))
    tables = {
        s: np.empty((len(histories), len(spans), sources)) for s in settings.ALL_SETS
    }
    model = model_of(histories.runs[0], data)
    layers = names_by_hand(model)
    count = min(settings.MEASURED_ON, len(data.train_labels))
    some = datasets.network_inputs(data.sample(train_examples=count).train_images)
    for k, run in enumerate(histories.runs):
        accuracies = judge(run, data, examples)
        final = weights_at(run, RunFolder(run).snapshot_epochs()[-1])
        for j, other in enumerate(others(run)):
            for i, span in enumerate(spans):
                own = [layers[layer].get(part, ()) for layer in span for part in parts]
                weights = mixed(final, other, set().union(*own))
                if NEW in parts:
                    weights = normalised_anew(model, weights, some)
                for name, value in accuracies(weights).items():
                    tables[name][k, i, j] = value
    return tables


def snapshots(*epochs):
    return lambda run: [weights_at(run, epoch) for epoch in epochs]


def same_tables(some, others, exact=True):
    assert [*some] == [*others] == [*settings.ALL_SETS]
    for name, values in others.items():
        if exact:
            np.testing.assert_array_equal(some[name], values, err_msg=name)
        else:  # sums of other batches
            np.testing.assert_allclose(some[name], values, atol=1e-12, err_msg=name)


# Mixed networks

SHAPES = {
    "mlp": {"image_shape": (1, 2, 9), "width": 7, "depth": 4, "biases": True},
    "mlp, no biases": {"image_shape": (1, 2, 9), "width": 7, "depth": 4},
    "convnet": {"image_shape": (2, 8, 8), "width": 6, "depth": 4},
    "vgg16": {"image_shape": (2, 8, 8), "width": 2, "depth": 16},
    "alexnet": {"image_shape": (1, 16, 16), "width": 2, "depth": 6},
    "resnet": {"image_shape": (2, 8, 8), "width": 3, "depth": 10},
}
IMAGES = 40


@pytest.fixture(scope="module", params=SHAPES)
def asked(request):
    """A model, two networks of it, and images."""
    return pair_of(request.param)


def pair_of(family):
    shape = {"classes": 6, "activation": "relu"} | SHAPES[family]
    model = build(family.partition(",")[0], **shape)
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(IMAGES, *shape["image_shape"], generator=generator)
    pair = [
        lively(model, model.initial(seed=seed, init_scale=None), images, generator)
        for seed in (0, 1)
    ]
    return SimpleNamespace(model=model, own=pair[0], other=pair[1], images=images)


def lively(model, weights, images, generator):
    """Weights none of which is neutral, and with which images are of many classes."""
    for name, value in weights.items():
        if value.ndim == 1 or name.startswith("b"):
            value.add_(0.3 * torch.randn(value.shape, generator=generator))
        else:
            value.mul_(2)
    return (
        weights if isinstance(model, MLP) else normalised_anew(model, weights, images)
    )


def predictions(asked, swaps):
    some = [frozenset(swap) for swap in swaps]
    model, own, other = asked.model, asked.own, asked.other
    return swapped_predictions(model, own, other, some, asked.images)


def same_as_one_by_one(asked, swaps):
    held = [asked.images, *asked.own.values(), *asked.other.values()]
    before = [value.clone() for value in held]
    answers = predictions(asked, swaps)
    assert all(torch.equal(*both) for both in zip(held, before, strict=True))
    weights = [mixed(asked.own, asked.other, names) for names in swaps]
    passed = [asked.model.forward(each, asked.images).logits for each in weights]
    assert torch.equal(answers, torch.stack([logits.argmax(1) for logits in passed]))
    return answers


def layers_of(asked):
    """Names of all that belongs to each layer."""
    every = layer_weights(asked.model).values()
    return [{*own.weights, *own.affine, *own.statistics} for own in every]


def test_mixed_networks_predict_as_they_would_alone_layer_by_layer(asked):
    answers = same_as_one_by_one(asked, layers_of(asked))
    assert len(answers.unique(dim=0)) > len(answers) / 2  # they do differ
    assert len(answers.unique()) > 2


def test_any_mixture_is_predicted_among_any_others(asked):
    """Half of all weights, drawn 12 times; layers, all and nothing among them."""
    draws = np.random.default_rng(0).random((12, len(asked.own))) < 0.5
    halves = [
        {n for n, own in zip(asked.own, row, strict=True) if own} for row in draws
    ]
    others = [*layers_of(asked)[:3], set(), {*asked.own}, set()]
    same_as_one_by_one(asked, [*halves[:6], *others, *halves[6:], halves[3]])
    assert predictions(asked, []).shape == (0, IMAGES)


@pytest.fixture
def applied(monkeypatch):
    """What every stage returned, as weak references, and how many of them lived."""
    found = SimpleNamespace(outputs=[], most=0)

    def watched(stage):
        def apply(weights, values):
            after = stage.apply(weights, values)
            found.outputs.append(weakref.ref(after))
            alive = sum(ref() is not None for ref in found.outputs)
            found.most = max(found.most, alive)
            return after

        return stage._replace(apply=apply)

    monkeypatch.setattr(swaps, "stages", lambda m: [watched(s) for s in stages(m)])
    return found


def test_what_mixed_networks_share_is_computed_once(asked, applied):
    some = [frozenset(names) for names in [(), *layers_of(asked), asked.own]]
    predictions(asked, some)
    expected, so_far = 0, frozenset()
    for stage in stages(asked.model):
        so_far |= stage.names
        expected += len({swap & so_far for swap in some})
    assert len(applied.outputs) == expected
    draws = np.random.default_rng(1).random((30, len(asked.own))) < 0.5
    predictions(asked, [{*np.array([*asked.own])[row]} for row in draws])
    assert applied.most <= len(stages(asked.model))  # one way at a time is held


# Statistics measured anew


@pytest.mark.parametrize("family", ["vgg16", "resnet"])
def test_new_statistics_are_those_that_training_mode_leaves_with_momentum_one(family):
    case = pair_of(family)
    images = 2 * case.images - 1  # not those of which the statistics are
    anew = with_new_statistics(case.model, case.own, images)
    expected = normalised_anew(case.model, case.own, images)
    assert anew.keys() == expected.keys()
    assert all(torch.equal(anew[name], value) for name, value in expected.items())


@pytest.mark.parametrize("family", ["vgg16", "resnet", "convnet"])
def test_new_statistics_leave_weights_images_and_model_as_they_were(family):
    case = pair_of(family)
    model, images, own = case.model, 2 * case.images - 1, case.own
    before, kept = {n: w.clone() for n, w in own.items()}, images.clone()
    logits = model.forward(own, images).logits
    anew = with_new_statistics(model, own, images)
    assert all(torch.equal(own[name], value) for name, value in before.items())
    assert torch.equal(images, kept)
    assert torch.equal(model.forward(own, images).logits, logits)
    parts = [p for p in model.skeleton.modules() if isinstance(p, nn.BatchNorm2d)]
    assert all(not part.training and part.momentum == 0.1 for part in parts)
    for name, value in anew.items():
        assert torch.equal(value, own[name]) != (name in model.statistics), name


# Sweeps


@pytest.mark.parametrize(
    "parts",
    [
        ("weights",),
        ("affine", "statistics"),
        ("weights", "affine", "statistics"),
        ("weights", "affine", NEW),
        (),
    ],
    ids="+".join,
)
def test_tables_are_those_of_networks_mixed_one_by_one(found, data, parts):
    layers = ["conv 1", "conv 8", "linear 1"]
    sweep = rewind(found.vgg, data, [0, 1], parts=parts, layers=layers)
    assert sweep.spans == tuple((layer,) for layer in layers)
    assert sweep.sources == (0, 1)
    expected = naive(found.vgg, data, sweep.spans, snapshots(0, 1), parts)
    same_tables(sweep.tables, expected, exact=False)


def test_by_default_convolutions_are_set_back_with_their_batchnorm(found, data):
    residual = small(model="resnet", width=2, depth=10)
    assert rewinding.convolutions(residual, data) == [f"conv {k}" for k in range(1, 10)]
    with pytest.raises(Mistake, match="layer"):  # of which there are none
        rewind(found.dense, data, [0])
    sweep = rewind(found.vgg, data, [0])
    assert sweep.spans == tuple((layer,) for layer in CONVOLUTIONS)
    expected = naive(found.vgg, data, sweep.spans, snapshots(0), ("weights", "affine"))
    same_tables(sweep.tables, expected, exact=False)


@pytest.mark.parametrize("longest", [2, 3, 99])
def test_consecutive_layers_are_set_back_together(found, data, longest):
    layers = ["conv 2", "conv 5", "conv 7", "conv 8", "linear 1"]
    sweep = rewind(found.vgg, data, [0], layers=layers, longest=longest, examples=9)
    count = len(layers)
    assert {*sweep.spans} == {
        tuple(layers[first:end])
        for first in range(count)
        for end in range(first + 1, min(first + longest, count) + 1)
    }
    assert len({*sweep.spans}) == len(sweep.spans)
    one = found.vgg.where(seed=0)
    some = [k for k, span in enumerate(sweep.spans) if len(span) > 1][-5:]
    spans = [sweep.spans[k] for k in some]
    expected = naive(one, data, spans, snapshots(0))["test"]
    np.testing.assert_allclose(sweep.tables["test"][:1, some], expected, atol=1e-12)


@pytest.mark.parametrize(("which", "layers"), [("vgg", EVERY), ("dense", DENSE)])
def test_set_back_as_a_whole_a_network_is_as_accurate_as_it_was_then(
    found, data, which, layers
):
    """And set back to its last epoch in any part."""
    histories, parts = getattr(found, which), PARTS[:3]
    options = {"layers": layers, "parts": parts, "longest": len(layers)}
    sweep = rewind(histories, data, [0, 1, LAST], **options)
    whole = sweep.spans.index(tuple(layers))
    for name, table in sweep.tables.items():
        for j, epoch in enumerate((0, 1)):
            expected = histories.at(f"{name}_accuracy", epoch)
            np.testing.assert_allclose(table[:, whole, j], expected, atol=1e-12)
        final = histories.final(f"{name}_accuracy")[:, None] + 0 * table[:, :, 2]
        np.testing.assert_allclose(table[:, :, 2], final, atol=1e-12, err_msg=name)
    assert np.ptp(sweep.tables["train"]) > 0.1


@pytest.mark.parametrize("parts", [PARTS[:3], PARTS])
def test_a_network_in_mixed_precision_is_judged_as_training_judged_it(
    data, cores, parts, monkeypatch
):
    run = small(**VGG, precision="bfloat16", epochs=2, snapshots=[0])
    histories, layers = train(Study(data, run, {"seed": [0]}), device="cpu"), FEW
    seen, plain = [], swaps.functional_call

    def heard(part, lent, images):
        found = plain(part, lent, images)
        seen.append(found[0].dtype if isinstance(found, tuple) else found.dtype)
        return found

    monkeypatch.setattr(swaps, "functional_call", heard)
    monkeypatch.setattr("helpers.models.stages.functional_call", heard)
    cores(2)
    sweep = rewind(histories, data, [0, 2], parts=parts, layers=layers)
    assert {*seen} >= {torch.bfloat16}
    if parts == PARTS[:3]:  # with new statistics it is another network
        for name, table in sweep.tables.items():
            final = histories.final(f"{name}_accuracy")
            np.testing.assert_array_equal(table[0, :, 1], final.repeat(len(layers)))
    # what single precision said before is another measurement
    single = settings.Setting(replace(run, precision=None), data, parts=parts)
    mixed = settings.Setting(run, data, parts=parts)
    assert mixed.description == single.description | {"precision": "bfloat16"}


def test_where_a_run_had_ended_before_its_last_network_stands(found, data, loads):
    """Each epoch is swept once, in order; after the last one all are kept as one."""
    sweep = rewind(found.lengths, data, [50, LAST, 1, 0, 1], layers=DENSE)
    assert sweep.sources == (0, 1, LAST, 50)
    assert len(loads) == 2 + 3  # each of their snapshots
    rewind(found.lengths, data, [LAST, 60], layers=DENSE)
    assert len(loads) == 5
    for run, epochs in zip(
        found.lengths.runs, ((0, 1, 1, 1), (0, 1, LAST, LAST)), strict=True
    ):
        one, k = found.lengths.where(epochs=run.epochs), run.epochs == LAST
        expected = naive(one, data, sweep.spans, snapshots(*epochs))
        for name, table in sweep.tables.items():
            np.testing.assert_allclose(table[int(k)], expected[name][0], atol=1e-12)


def test_an_empty_set_has_no_accuracy(found, data):
    tables = rewind(found.shares, data, [0], layers=DENSE).tables
    known = {"unpermuted": [True, False], "permuted": [False, True]}
    known["restored"] = known["permuted"]
    for name, table in tables.items():
        expected = known.get(name, [True, True])
        assert np.isfinite(table).all((1, 2)).tolist() == expected, name
        assert (~np.isnan(table).all((1, 2))).tolist() == expected, name
    np.testing.assert_array_equal(tables["train"][0], tables["unpermuted"][0])
    np.testing.assert_array_equal(tables["train"][1], tables["permuted"][1])


@pytest.mark.parametrize("examples", [0, 60, 161])
def test_some_training_images_are_judged_and_all_test_images(found, data, examples):
    """Those of a random order, the same for both networks."""
    layers = ["conv 2", "conv 7"]
    sweep = rewind(found.vgg, data, [0, 1], layers=layers, examples=examples)
    asked = found.vgg, data, sweep.spans, snapshots(0, 1)
    same_tables(sweep.tables, naive(*asked, examples=examples), exact=False)
    draws = randomise(found.vgg, data, 1, layers=layers, examples=examples)
    asked = found.vgg, data, sweep.spans, drawn(data, 0)
    same_tables(draws.tables, naive(*asked, examples=examples), exact=False)


@pytest.mark.parametrize("parts", [PARTS[:2], PARTS], ids="+".join)
def test_no_accuracy_depends_on_the_number_of_workers(found, data, cores, parts):
    one, each = found.vgg.where(seed=0), []
    for count in (1, 4):
        cores(count)
        tables = [
            rewind(one, data, [0, 1], parts=parts, layers=FEW).tables,
            randomise(one, data, 1, parts=parts, layers=FEW).tables,
        ]
        each.append(tables)
        forget(one)
    for some, other in zip(*each, strict=True):
        same_tables(some, other)


# What is kept beside the run


def test_what_was_measured_is_not_measured_again(found, data, results, monkeypatch):
    """Nor are weights missed."""

    def ask():
        return [
            rewind(found.vgg, data, [0, 1], layers=FEW).tables,
            rewind(found.vgg, data, [0], layers=FEW, parts=PARTS, longest=2).tables,
            randomise(found.vgg, data, 2, layers=FEW).tables,
        ]

    def never(*_, **__):
        raise AssertionError("a network was read or drawn again")

    first = ask()
    assert not np.array_equal(first[0]["train"], first[2]["train"])
    one = randomise(found.vgg, data, 1, layers=FEW).tables["train"]
    np.testing.assert_array_equal(one, first[2]["train"][:, :, :1])
    take_weights(results)
    with pytest.raises(Failure, match="came without its weights"):
        rewind(found.vgg, data, [0], layers=FEW[:1])
    monkeypatch.setattr(RunFolder, "snapshot", never)
    monkeypatch.setattr(settings, "swapped_predictions", never)
    for some, other in zip(ask(), first, strict=True):
        same_tables(some, other)


@pytest.mark.parametrize(
    "change",
    [
        {"parts": ("weights", "affine", "statistics")},
        {"parts": ("weights", "affine", NEW)},
        {"layers": FEW[::-1]},
        {"layers": FEW[:1]},
        {"longest": 2},
        {"examples": 30},
    ],
    ids=str,
)
def test_other_settings_share_nothing_that_was_kept(found, data, loads, change):
    one = found.vgg.where(seed=0)
    rewind(one, data, [0], layers=FEW)
    loads.clear()
    change = {"layers": FEW, **change}
    after = rewind(one, data, [0], **change).tables
    assert sorted(loads) == [(0, 0), (0, LAST)]
    loads.clear()
    same_tables(rewind(one, data, [0], **change).tables, after)
    assert not loads


# Damage


def test_a_damaged_snapshot_is_named_and_left_out_until_it_is_whole(found, data, loads):
    run = found.vgg.runs[0]
    whole = damage(run, 0)
    stops = ("diverged", found.vgg.stops[1])  # a diverged one is not asked
    lost = rewind(replace(found.vgg, stops=stops), data, [0], layers=FEW).tables
    assert {seed for seed, _ in loads} == {1}
    assert all(
        np.isnan(table).all((1, 2)).tolist() == [1, 0] for table in lost.values()
    )
    words = f"{file_of(run, 0).name} is damaged.*what is rewound to 0 is left out"
    with pytest.warns(UserWarning, match=words) as caught:
        some = rewind(found.vgg, data, [0, 1], layers=FEW).tables
    assert len(caught) == 1 and str(file_of(run, 0)) in str(caught[0].message)
    assert caught[0].filename == __file__  # where the sweep was asked for
    with pytest.warns(UserWarning, match=words):  # nothing of it was kept
        same_tables(rewind(found.vgg, data, [0, 1], layers=FEW).tables, some)
    put(file_of(run, 0), whole)
    loads.clear()
    every = rewind(found.vgg, data, [0, 1], layers=FEW).tables
    assert sorted(loads) == [(0, 0), (0, LAST)]
    expected = naive(found.vgg, data, [(c,) for c in FEW], snapshots(0, 1))
    same_tables(every, expected, exact=False)
    for name, table in some.items():
        assert np.isnan(table[0, :, 0]).all()
        for k, j in ((0, 1), (1, 0), (1, 1)):
            np.testing.assert_array_equal(table[k, :, j], every[name][k, :, j])


def test_a_snapshot_that_cannot_be_read_is_not_left_out(found, data, monkeypatch):
    hidden, read = file_of(found.vgg.runs[0], 0), Path.read_bytes

    def refuse(path):
        if path == hidden:
            raise OSError(5, "Input/output error", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(Failure, match=f"cannot read {hidden}: Input/output error; "):
        rewind(found.vgg, data, [0, 1], layers=FEW)


@pytest.mark.parametrize(
    "ask",
    [
        lambda h, d: rewind(h, d, [0, 1]),
        lambda h, d: rewind(h, d, [LAST]),
        lambda h, d: randomise(h, d, 1),
    ],
    ids=["rewind", "to itself", "randomise"],
)
def test_a_damaged_final_network_is_a_failure_that_names_it(found, data, ask):
    run = found.vgg.runs[1]
    damage(run, LAST)
    with pytest.raises(Failure, match="call train, which makes it anew") as caught:
        ask(found.vgg, data)
    assert str(file_of(run, LAST)) in str(caught.value)


# Mistakes


def test_an_epoch_that_was_not_kept_is_a_mistake_that_says_which_are(
    found, data, loads
):
    for epoch in (2, -1):
        with pytest.raises(
            Mistake,
            match=rf"^rewind epoch {epoch}: run \w+ kept no .* 0, 1, 3, or name",
        ):
            rewind(found.vgg, data, [0, epoch])
    assert not loads  # told before any work


def test_the_epochs_of_every_run_are_looked_at(found, data):
    first, second = found.vgg.runs
    some = replace(found.vgg, runs=(first, replace(second, snapshots=[0])))
    name = RunFolder(some.runs[1]).name
    with pytest.raises(Mistake, match=f"^rewind epoch 1: run {name} .*from 0, 3, or"):
        rewind(some, data, [1])


def test_the_best_epoch_can_be_rewound_to_where_it_was_kept(found, data):
    """It is looked up in the history, since an archive has no snapshots to list."""
    best = [each | {"test_accuracy": np.eye(LAST + 1)[2]} for each in found.vgg.arrays]
    keeping = [replace(run, keep_best=True) for run in found.vgg.runs]
    some = replace(found.vgg, runs=tuple(keeping), arrays=tuple(best))
    with pytest.raises(Failure, match=r"^run \w+ has no snapshot of epoch"):
        rewind(some, data, [2])  # asked for, though those runs are not there
    with pytest.raises(Mistake, match=r"^rewind epoch 2: .* from 0, 1, 3, or"):
        rewind(replace(some, runs=found.vgg.runs), data, [2])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layers": ["conv 9"]}, "layer 'conv 9': must be one of conv 1, .*, linear 1"),
        ({"layers": ["conv 1", ""]}, "layer '': must be one of conv 1, "),
        (
            {"parts": ["weight"]},
            "part 'weight': must be one of weights, affine, st.*new",
        ),
        ({"longest": 0}, "longest = 0: must be a whole number, 1 or more"),
        ({"draws": -1}, "draws = -1: must be a whole number, 1 or more"),
        ({"examples": -1}, "examples = -1: "),
        ({"epochs": [0, 2]}, r"rewind epoch 2: run \w+ kept no .* 0, 1, 3, or name"),
        ({"epochs": [-1]}, r"rewind epoch -1: run \w+ kept no"),
    ],
)
def test_what_cannot_be_swept_is_told_before_any_work(
    found, data, loads, change, words
):
    epochs, draws = change.pop("epochs", [0]), change.pop("draws", None)
    with pytest.raises(Mistake, match=f"^{words}"):
        if draws:
            randomise(found.vgg, data, draws)
        rewind(found.vgg, data, epochs, **change)
    assert not loads


# Memory


@pytest.fixture
def held(monkeypatch):
    """How many networks lived each time one more was read or drawn, that one too."""
    networks, counts = [], []

    def alive():
        return sum(any(ref() is not None for ref in each) for each in networks)

    def watched(make):
        def made(*arguments, **options):
            # A worker may still hold its last task. Once in vain is enough of waiting.
            end = time.monotonic() + 60 * (max(counts, default=0) <= 2)
            while alive() > 1 and time.monotonic() < end:
                time.sleep(0.001)
            weights = make(*arguments, **options)
            networks.append([weakref.ref(value) for value in weights.values()])
            counts.append(alive())
            return weights

        return made

    for kind, name in ((RunFolder, "snapshot"), (Modular, "initial")):
        monkeypatch.setattr(kind, name, watched(getattr(kind, name)))
    return counts


@pytest.mark.parametrize(("parts", "count"), [(PARTS[:2], 1), (PARTS, 4)])
def test_two_networks_at_most_are_in_memory(found, data, held, cores, parts, count):
    cores(count)
    rewind(found.vgg, data, [0, 1], parts=parts, layers=FEW)
    assert len(held) == 6 and max(held) == 2
    randomise(found.vgg, data, 2, parts=parts, layers=FEW)
    assert len(held) == 6 + 6 and max(held) == 2


def test_a_snapshot_is_read_once(found, data, loads):
    rewind(found.vgg, data, [0, 1], layers=FEW, longest=2)
    assert sorted(loads) == [(s, e) for s in (0, 1) for e in (0, 1, LAST)]
    loads.clear()
    randomise(found.vgg, data, 3, layers=FEW)
    assert sorted(loads) == [(0, LAST), (1, LAST)]


# Layers drawn anew


def drawn(model_data, *draws):
    def drawn(run):
        model = model_of(run, model_data)
        streams = [stream(run.seed, "layers drawn anew", draw) for draw in draws]
        seeds = [int(each.integers(2**31)) for each in streams]
        return [model.initial(seed=s, init_scale=run.init_scale) for s in seeds]

    return drawn


@pytest.mark.parametrize(
    ("which", "layers", "parts"),
    [("vgg", None, PARTS[:2]), ("vgg", EVERY, PARTS[:3]), ("dense", DENSE, PARTS[:2])],
)
def test_layers_are_drawn_as_a_network_starts(found, data, which, layers, parts):
    """With the scale of the run's own first layer, and of a seed that no run has."""
    histories = getattr(found, which)
    sweep = randomise(histories, data, 2, layers=layers, parts=parts)
    assert sweep.sources == (0, 1)
    assert sweep.spans == tuple((layer,) for layer in layers or CONVOLUTIONS)
    expected = naive(histories, data, sweep.spans, drawn(data, 0, 1), parts)
    same_tables(sweep.tables, expected, exact=False)
    assert not np.array_equal(*sweep.tables["train"].T)
    more = randomise(histories, data, LAST + 2, layers=layers, parts=parts)
    spans, draw = sweep.spans[-1:], drawn(data, LAST)  # a draw is no epoch
    same = naive(histories, data, spans, draw, parts)["train"][:, 0, 0]
    np.testing.assert_allclose(more.tables["train"][:, -1, LAST], same, atol=1e-12)


# Tables, read


def test_a_sweep_knows_its_layers_and_the_best_of_its_sources(found, data):
    layers = ["conv 2", "conv 7", "linear 1"]
    sweep = rewind(found.vgg, data, [0, 1], layers=layers, longest=2)
    assert sweep.layers == tuple(layers)
    unknown = sweep_of(test=[[[0.1, NAN], [0.3, 0.2]]])
    np.testing.assert_array_equal(unknown.best("test"), [[NAN, 0.3]])
    for name, table in sweep.tables.items():
        expected = [[max(row) for row in rows] for rows in table.tolist()]
        np.testing.assert_array_equal(sweep.best(name), expected)


def test_spans_are_laid_out_by_their_first_and_their_last_layer():
    a, b, c = "conv 1", "conv 2", "linear 1"
    sweep = Sweep(((a,), (a, b), (b,), (b, c), (c,)), (0,), {})
    values = np.array([[1, 2, 3, 4, 5], [6, 7, 8, 9, NAN]], float)
    expected = [
        [[1, 2, NAN], [NAN, 3, 4], [NAN, NAN, 5]],
        [[6, 7, NAN], [NAN, 8, 9], [NAN, NAN, NAN]],
    ]
    np.testing.assert_array_equal(sweep.by_ends(values), expected)


# Estimates


def sweep_of(train=None, test=None, sources=None):
    """Tables by hand, (network, layer, source)."""
    tables = {"train": train, "test": test}
    tables = {n: np.array(t, float) for n, t in tables.items() if t is not None}
    _, layers, count = next(iter(tables.values())).shape
    spans = tuple((f"conv {k}",) for k in range(1, layers + 1))
    return Sweep(spans, sources or tuple(range(count)), tables)


@pytest.mark.parametrize(
    ("row", "epoch"),
    [
        ([0.99, 0.99, 0.99, 0.99], 1),  # at once: epoch 0, which counts as 1
        ([0.1, 0.99, 0.99, 0.99], 3),  # from epoch 2 on
        ([0.1, 0.1, 0.1, 0.99], 9),
        ([0.99, 0.1, 0.99, 0.99], 5),  # what comes before does not count
        ([0.99, 0.99, 0.1, 0.99], 9),
        ([0.1, 0.1, 0.1, 0.1], INF),
        ([0.99, 0.99, 0.99, 0.1], INF),
        ([0.9501, 0.9501, 0.9501, 0.9501], 1),
        ([0.9499, 0.9501, 0.9501, 0.9501], 3),
        ([1.0, 1.0, 1.0, 1.0], 1),  # above is no loss
        ([NAN, 0.99, 0.99, 0.99], NAN),
        ([0.1, 0.99, 0.99, NAN], NAN),
        ([0.1, 0.1, NAN, 0.1], NAN),
    ],
)
def test_a_layer_settles_after_the_last_epoch_that_costs_accuracy(row, epoch):
    sweep = sweep_of(train=[[row]], sources=(0, 2, 4, 8))
    found = estimates.settling_epochs(sweep, histories_of(train_accuracy=[[0.0, 1.0]]))
    np.testing.assert_array_equal(found, [[epoch]])
    ends = histories_of(  # each is compared with the end of its own network
        *("fitted", "epochs", "diverged"), train_accuracy=[[1.0], [0.5], [NAN]]
    )
    rows = [[row], [[0.9, 0.44, 0.5, 0.9]], [[NAN] * 4]]  # above is no loss
    found = estimates.settling_epochs(sweep_of(rows, sources=(0, 2, 4, 8)), ends)
    np.testing.assert_array_equal(found, [[epoch], [5], [NAN]])


def settled(*epochs):
    """Rows that settle at sources 0, 1, 2, 3, which are epochs 1, 2, 4, 8."""
    places = [{1: 0, 2: 1, 4: 2, 8: 3, INF: 4}[epoch] for epoch in epochs]
    return [[0.0] * place + [1.0] * (4 - place) for place in places]


def settling(*networks, stops=()):
    sweep = sweep_of(train=[settled(*n) for n in networks], sources=(0, 1, 3, 7))
    ends = histories_of(*stops, train_accuracy=[[1.0]] * len(networks))
    (estimate,) = estimates.settling(sweep, ends).values()
    return estimate


def test_early_layers_settle_so_many_times_later():
    networks = [(8, 4, 1, 1, 2), (4, 4, INF, 1, 1), (8, 8, 1, 4, 4)]
    assert settling(*networks) == mean_interval([6 / 1.5, 4.0, 2.0])
    assert settling((2, 4, 8), (8, 1, 1)) == mean_interval([0.25, 8.0])
    assert settling((8, 1, 1, 4, 2, 4, 1, 1)) == mean_interval([(10 / 3) / 2])
    sweep = sweep_of(train=[settled(1, 1)], sources=(0, 1, 3, 7))
    ends = histories_of(train_accuracy=[[1.0]])
    name = "settling_epoch_early_over_late_layers"
    assert [*estimates.settling(sweep, ends)] == [name]


def test_where_early_or_no_layers_ever_settle_the_ratio_is_undefined():
    assert undefined(settling((INF, 1, 1), (8, 1, 1)))
    assert undefined(settling((INF, 1, INF), (8, 1, 1)))
    assert not undefined(settling((8, 1, 1), (8, 1, 1), stops=("epochs", "diverged")))


def late(test, curves, stops=(), **options):
    sweep = sweep_of(test=test, **options)
    return sweep, histories_of(*stops, test_accuracy=curves)


FIVE = [  # two networks, five layers, two epochs
    [[0.1, 0.50], [0.52, 0.3], [0.9, 0.9], [0.60, 0.7], [0.5, 0.65]],
    [[0.4, 0.45], [0.41, 0.4], [0.9, 0.9], [0.56, 0.5], [0.6, 0.58]],
]
CURVES = [[0.1, 0.8, 0.5], [0.2, 0.75, 0.4]]


def test_the_last_layer_is_judged_and_the_best_late_one_stands_beside():
    best, final = np.array([0.8, 0.75]), np.array([0.5, 0.4])
    high, early, last = np.array([0.7, 0.6]), np.array([0.52, 0.45]), [0.65, 0.6]
    assert estimates.late_rewind(*late(FIVE, CURVES)) == {
        "best_late_rewind_over_best_test": mean_interval(last / best),
        "best_late_rewind_minus_final_test": paired_difference(last, final),
        "early_layers_overshoot": paired_difference(early, final),
        "last_third_over_best_test": mean_interval(high / best),
        "last_third_minus_final_test": paired_difference(high, final),
    }


def test_an_unknown_accuracy_makes_undefined_what_it_would_decide():
    rows = np.array(FIVE)
    rows[1, 3, 0] = NAN  # of a late layer that is not the last
    found = estimates.late_rewind(*late(rows, CURVES))
    assert [*map(undefined, found.values())] == [False, False, False, True, True]
    for place in (0, 1):
        rows = np.array(FIVE)
        rows[0, -1, place] = NAN  # of the last one: nothing is regained
        found = estimates.regained(*late(rows, CURVES), layers=1)
        assert all(map(undefined, found.values())) and counts(found) == {2}


def test_the_share_regained_is_of_what_was_lost():
    best, final = np.array([0.8, 0.75]), np.array([0.5, 0.4])
    for layers, high in ((1, [0.65, 0.6]), (2, [0.7, 0.6]), (3, [0.9, 0.9])):
        found = estimates.regained(*late(FIVE, CURVES, sources=(4, 9)), layers=layers)
        share = ratio_interval(np.array(high) - final, best - final)
        at = mean_interval([9, 4])  # of the last layer alone, the first of equals
        names = "share_of_lost_accuracy_regained", "best_rewind_epoch_of_last_layer"
        assert found == dict(zip(names, (share, at), strict=True))
    nothing = estimates.regained(*late(FIVE, [[0.5, 0.8], [0.4, 0.75]]), layers=1)
    assert undefined(nothing["share_of_lost_accuracy_regained"])
    early, late_ones = estimates.by_thirds(*late(FIVE, CURVES))
    np.testing.assert_allclose(early, [0.52 / 0.8, 0.45 / 0.75])
    np.testing.assert_allclose(late_ones, [0.7 / 0.8, 0.6 / 0.75])
    for layers, third in ((1, 1), (2, 1), (4, 1), (5, 2), (8, 3), (13, 4)):
        early, late_ones = estimates.thirds(sweep_of(np.zeros((1, layers, 1))))
        assert [*range(layers)][early] == [*range(third)]
        assert [*range(layers)][late_ones] == [*range(layers - third, layers)]


def swept(tests, permuted, test_curve, permuted_final):
    """A sweep and its histories: (network, layer, epoch) and what networks kept."""
    sweep = sweep_of(test=tests)
    sweep.tables["permuted"] = np.array(permuted, dtype=float)
    curves = {"test_accuracy": test_curve}
    curves["permuted_accuracy"] = [[0.0] * 2 + [v] for v in permuted_final]
    return sweep, histories_of(**curves)


TWO = [[0.1, 0.8, 0.4], [0.1, 0.7, 0.3]]  # 0.4 was lost by each


def test_what_a_late_layer_brings_back_is_a_share_of_what_was_lost():
    """Three layers, two epochs; the permuted accuracy is that of the best rewind."""
    tests = [
        [[0.1, 0.45], [0.9, 0.9], [0.3, 0.6]],
        [[0.35, 0.1], [0.9, 0.9], [0.6, 0.2]],
    ]
    permuted = [[[0, 0.9], [0, 0], [0.9, 0.25]], [[0.9, 0], [0, 0], [0.5, 0.9]]]
    found = estimates.undone(*swept(tests, permuted, TWO, [0.5, 1.0]))
    regained = {"late": [0.2, 0.3], "early": [0.05, 0.05]}
    for name, gain in regained.items():
        share = ratio_interval(np.array(gain), np.array([0.4, 0.4]))
        place = f"share_of_lost_accuracy_regained_by_{name}_layer"
        assert found[place] == pytest.approx(share)
    assert found["permuted_accuracy_rewound_over_final"] == mean_interval([0.5, 0.5])
    little = [[0.1, 0.8, 0.75], [0.1, 0.7, 0.66]]
    found = estimates.undone(*swept(tests, permuted, little, [0.5, 1.0]))
    assert [*map(undefined, found.values())] == [True, True, False]


def test_a_loss_is_localised_where_a_late_layer_alone_undoes_it():
    high, low, forgot, kept = [0.61, 0.1], [0.5, 0.1], [0.4, 1], [0.6, 1]
    cases = [
        (1, [low, low, high], [kept, kept, forgot]),
        (0, [low, low, high], [kept, kept, kept]),  # as accurate, and forgot nothing
        (0, [high, low, high], [forgot, kept, forgot]),
        (1, [high, low, high], [kept, kept, forgot]),
        (0, [low, high, low], [kept, forgot, forgot]),
    ]
    for expected, tests, permuted in cases:
        asked = swept([tests], [permuted], [[0.1, 0.8, 0.4]], [1.0])
        assert estimates.localised_loss(*asked).tolist() == [expected]
        little = swept([tests], [permuted], [[0.1, 0.8, 0.73]], [1.0])
        assert np.isnan(estimates.localised_loss(*little)).all()


def test_settings_that_lost_nothing_are_in_no_share_of_settings():
    found = estimates.share_of_settings(
        [np.array(each) for each in ([1, 0], [NAN, NAN], [1, 1])]
    )
    assert found == mean_interval([0.5, 1.0])._replace(low=0, high=1)
    assert undefined(estimates.share_of_settings([np.array([NAN])]))


def test_memorization_is_localised_where_only_a_late_layer_regains_the_best():
    """Best test accuracy 0.8: the goal is 0.72; three layers, two epochs."""
    low, high, none = [0.1, 0.7], [0.73, 0.1], [NAN, NAN]
    cases = {
        True: [[low, low, high], [low, high, high[::-1]]],
        False: [
            [high, low, high],
            [low, high, low],
            [low, low, low],
            [high, high, low],
        ],
        None: [[low, low, none], [none, low, high], [low, low, high]],  # last: diverged
    }
    rows = [row for some in cases.values() for row in some]
    stops = ["epochs"] * (len(rows) - 1) + ["diverged"]
    found = estimates.localised(*late(rows, [[0.8, 0.5]] * len(rows), stops))
    assert found.dtype == bool and found.tolist() == [True] * 2 + [False] * 7
    rows = [[[0.0], [0.0], [0.45]], [[0.45], [0.0], [0.45]]]  # exactly, of 0.5
    found = estimates.localised(*late(rows, [[0.5, 0.1]] * 2))
    assert found.tolist() == [True, False]
    some = [np.array([True, False, True]), np.array([True]), np.array([False])]
    assert estimates.share_localised(iter(some)) == proportion_interval(3, 5)


def test_the_best_span_is_the_one_that_is_best_on_average():
    """Not of each network for itself; of one layer alone, or of any number."""
    spans = (("conv 1",), ("conv 1", "conv 2"), ("conv 2",))
    tests = [[[0.4, 0.1], [0.2, 0.6], [0.3, 0.5]], [[0.6, 0.3], [0.5, 0.5], [0.2, 0.1]]]
    sweep = Sweep(spans, (0, 1), {"test": np.array(tests)})
    ends = histories_of(test_accuracy=[[0.8, 0.1], [0.5, 0.4]])
    best = np.array([0.8, 0.5])
    together = estimates.best_spans(sweep, ends, single=False)
    joint = mean_interval([0.6, 0.5] / best, confidence=1 - 0.05 / 3)  # of three spans
    assert together.value == joint.value and together.high >= joint.high
    single = estimates.best_spans(sweep, ends, single=True)
    assert single.value == mean_interval([0.4, 0.6] / best).value
    alone = Sweep(spans[::2], (0, 1), {"test": sweep.tables["test"][:, ::2]})
    one = estimates.best_spans(alone, ends, single=True)
    assert estimates.best_spans(alone, ends, single=False) == one


def test_all_estimates_of_a_diverged_network_are_undefined():
    rows = np.array(FIVE)
    rows[0] = NAN
    sweep, ends = late(rows, CURVES, ("diverged", "epochs"))
    found = estimates.late_rewind(sweep, ends) | estimates.regained(
        sweep, ends, layers=2
    )
    assert len(found) == 7 and all(map(undefined, found.values()))


def test_networks_are_grids_with_seeds_of_their_own():
    grids = rewinding.networks([2, 3], first_seed=100, model=["a", "b"], width=[4, 5])
    assert [grid["seed"] for grid in grids] == [range(100, 102), range(100, 103)]
    assert [(grid["model"], grid["width"]) for grid in grids] == [
        *[(["a"], [4]), (["b"], [5])]
    ]


def test_fields_of_another_number_of_networks_are_named():
    with pytest.raises(Mistake, match="2 of model, 3 of width, 2 of seeds; give"):
        rewinding.networks([1, 1], first_seed=0, model=["a", "b"], width=[1, 2, 3])
