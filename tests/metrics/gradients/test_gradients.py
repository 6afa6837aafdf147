"""The two parts of the gradient: by definition, in closed form, and in any company."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from helpers.errors import Mistake
from helpers.metrics.gradients.blocks import BLOCKS
from helpers.metrics.gradients.gradient_growth import Growth, dependent_growth
from helpers.metrics.gradients.label_parts import (
    class_centred_gradients,
    feature_form,
    label_gradients,
)
from helpers.models.mlp import MLP

EXAMPLES, CLASSES = 41, 3
NET = MLP(features=6, classes=CLASSES, width=7, depth=3, activation="sin", biases=True)
BOTH = [label_gradients, class_centred_gradients]


def logits_of(weights, images):
    return NET.forward(weights, images).logits


def drawn(scale=0.7):
    """Weights with biases, images with a mean, labels of uneven classes, in float64."""
    weights = NET.initial(seed=0, init_scale=None)
    weights = {n: scale * torch.randn(v.shape).double() for n, v in weights.items()}
    images = torch.randn(EXAMPLES, 1, 2, 3).double() + 0.4
    return weights, images, torch.arange(EXAMPLES).square() % CLASSES


def masks():
    """Two disjoint groups that leave examples out, one across, and all."""
    order = torch.arange(EXAMPLES)
    return {
        "all": order >= 0,
        "unpermuted": order % 3 == 0,
        "permuted": order % 3 == 1,
        "across": order < 20,
    }


def jacobian(weights, images):
    """grad N_c of each example, name -> (example, class, *shape), one at a time."""
    values = {n: v.clone().requires_grad_() for n, v in weights.items()}
    rows = [logits_of(values, image[None])[0] for image in images]
    each = [
        [
            torch.autograd.grad(n_c, list(values.values()), retain_graph=True)
            for n_c in r
        ]
        for r in rows
    ]
    return {
        name: torch.stack([torch.stack([g[k] for g in row]) for row in each])
        for k, name in enumerate(values)
    }


def by_definition(weights, images, labels, mask, *, by_class):
    """Equation 15 as it is written, with a centre a class or one of them all.

    mask: bool (n,), or indices.
    """
    model = logits_of(weights, images).softmax(-1)
    found = []
    for sign, distribution in ((-1, one_hot(labels, CLASSES).double()), (1, model)):
        part = {}
        for name, g in jacobian(weights, images).items():
            centre = g.mean(0) if by_class else g.mean((0, 1))[None]
            part[name] = sign * torch.einsum(
                "nc,nc...->...",
                distribution[mask] / len(labels[mask]),
                (g - centre)[mask],
            )
        found.append(part)
    return found


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize("group", masks())
def test_parts_are_those_of_the_definition_and_full_that_of_the_mean_loss(form, group):
    (weights, images, labels), mask = drawn(), masks()[group]
    before = {name: value.clone() for name, value in weights.items()}
    parts = form(logits_of, weights, images, labels, groups=masks(), chunk=8)[group]
    by_class = form is class_centred_gradients
    dependent, independent = by_definition(
        weights, images, labels, mask, by_class=by_class
    )
    assert_close(parts.dependent, dependent)
    assert_close(parts.independent, independent)
    values = {n: v.clone().requires_grad_() for n, v in weights.items()}
    loss = cross_entropy(logits_of(values, images[mask]), labels[mask])
    gradients = torch.autograd.grad(loss, list(values.values()))
    assert_close(parts.full, dict(zip(values, gradients, strict=True)))
    norms = torch.stack([parts.independent[name].norm() for name in NET.names])
    torch.testing.assert_close(parts.norms().independent, norms)
    if by_class:
        assert parts.dependent["b3"].abs().max() < 1e-15
    else:
        assert parts.norms().error.max() < 1e-12
    assert all(torch.equal(weights[name], before[name]) for name in before)
    assert not any(value.requires_grad for value in weights.values())


def test_what_class_centred_parts_lack_is_the_shift_of_the_mean_outputs():
    weights, images, labels = drawn()
    parts = class_centred_gradients(logits_of, weights, images, labels, groups=masks())[
        "unpermuted"
    ]
    mask = masks()["unpermuted"]
    model = logits_of(weights, images).softmax(-1)
    gap = (model - one_hot(labels, CLASSES))[mask].mean(0)
    lacking = {
        name: torch.einsum("c,c...->...", gap, g.mean(0))
        for name, g in jacobian(weights, images).items()
    }
    found = {
        name: value - parts.dependent[name] - parts.independent[name]
        for name, value in parts.full.items()
    }
    assert_close(found, lacking)
    norms = {name: value.norm() for name, value in lacking.items()}
    expected = [norms[name] / value.norm() for name, value in parts.full.items()]
    torch.testing.assert_close(parts.norms().error, torch.stack(expected))


@pytest.mark.parametrize("group", masks())
def test_the_last_layer_is_the_average_of_its_centred_inputs(group):
    weights, images, labels = drawn()
    passed, mask = NET.forward(weights, images), masks()[group]
    features, model = passed.hidden, passed.logits.softmax(-1)
    dependent, independent = feature_form(features, model, labels, group=mask)
    data = (logits_of, weights, images, labels)
    parts = class_centred_gradients(*data, groups=masks())[group]
    if group == "all":
        both = feature_form(features, model, labels)
        assert torch.equal(torch.stack(both), torch.stack([dependent, independent]))
    assert_close({"W3": dependent}, {"W3": parts.dependent["W3"]})
    assert_close({"W3": independent}, {"W3": parts.independent["W3"]})

    # with one centre for all classes: apart from it by so much of the mean features
    parts, mean = label_gradients(*data, groups=masks())[group], features.mean(0)
    seen = one_hot(labels, CLASSES)[mask].double().mean(0)
    predicted = model[mask].mean(0)
    dependent = dependent + torch.outer(1 / CLASSES - seen, mean)
    independent = independent + torch.outer(predicted - 1 / CLASSES, mean)
    assert_close({"W3": parts.dependent["W3"]}, {"W3": dependent})
    assert_close({"W3": parts.independent["W3"]}, {"W3": independent})


@pytest.mark.parametrize("form", BOTH)
def test_chunks_and_other_groups_change_nothing(form):
    data, groups = drawn(), masks()
    expected = form(logits_of, *data, groups=groups, chunk=EXAMPLES)
    alone = {"permuted": groups["permuted"]}
    for chunk in (1, 5):
        found = form(logits_of, *data, groups=alone, chunk=chunk)["permuted"]
        for part, same in zip(found[:3], expected["permuted"][:3], strict=True):
            assert_close(part, same)
        one = form(logits_of, *data, groups=alone)["permuted"].squares
        torch.testing.assert_close(found.squares, one)


def test_squares_are_the_mean_product_of_two_blocks():
    (weights, images, labels), mask = drawn(), masks()["permuted"]
    parts = label_gradients(logits_of, weights, images, labels, groups={"some": mask})
    members = mask.nonzero()[:, 0]
    blocks = [
        by_definition(weights, images, labels, members[k::BLOCKS], by_class=False)
        for k in range(BLOCKS)
    ]
    sizes = torch.tensor([len(members[k::BLOCKS]) for k in range(BLOCKS)]).double()
    for kind in range(2):
        for place, name in enumerate(NET.names):
            each = torch.stack([block[kind][name].flatten() for block in blocks])
            products = (each @ each.mT) * sizes[:, None] * sizes
            pairs = (sizes[:, None] * sizes).fill_diagonal_(0)
            expected = products.fill_diagonal_(0).sum() / pairs.sum()
            torch.testing.assert_close(parts["some"].squares[kind, place], expected)


def test_squares_of_what_averages_out_are_near_zero_where_norms_are_not():
    torch.manual_seed(1)
    weights = {"w": torch.zeros(30, 6, dtype=torch.float64)}
    features = torch.randn(40, 6).double()
    squares, norms = [], []
    for _ in range(200):
        data = weights, features, torch.randint(30, (40,))
        groups = {"all": torch.ones(40, dtype=torch.bool)}
        parts = label_gradients(lambda w, x: x @ w["w"].mT, *data, groups=groups)["all"]
        squares.append(float(parts.squares[0]))
        norms.append(float(parts.norms().dependent) ** 2)
    # That the centre is of the same examples takes 1 / 29 of the norm from the square.
    error = np.std(squares) / len(squares) ** 0.5
    assert error < 0.02 * np.mean(norms)
    assert abs(np.mean(squares) + np.mean(norms) / 30) < 4 * error


def test_one_example_has_no_unbiased_square():
    alone = {"one": torch.arange(EXAMPLES) == 3}
    parts = label_gradients(logits_of, *drawn(), groups=alone)["one"]
    assert parts.squares.isnan().all() and parts.norms().full.isfinite().all()


@pytest.mark.parametrize("form", BOTH)
def test_an_empty_group_is_undefined_and_harms_no_other(form):
    data = drawn()
    groups = {"all": masks()["all"], "none": torch.zeros(EXAMPLES, dtype=torch.bool)}
    parts = form(logits_of, *data, groups=groups)
    assert all(norm.isnan().all() for norm in parts["none"].norms())
    assert list(parts["none"].full) == NET.names
    assert all(norm.isfinite().all() for norm in parts["all"].norms())
    only = form(logits_of, *data, groups={"none": groups["none"]})["none"]
    assert only.norms().full.isnan().all()


def test_an_unused_weight_has_a_gradient_of_zero():
    weights, images, labels = drawn()
    weights["spare"] = torch.ones(2).double()
    parts = label_gradients(logits_of, weights, images, labels, groups=masks())["all"]
    norms = parts.norms()
    assert norms.full[-1] == norms.dependent[-1] == 0 and norms.error[-1].isnan()
    weights["W2"][0, 0] = torch.nan
    parts = label_gradients(logits_of, weights, images, labels, groups=masks())["all"]
    assert parts.norms().full.isnan().any()


# Growth


def test_growth_is_the_root_mean_square_over_disjoint_subsets():
    weights, images, labels = drawn()
    group = torch.arange(EXAMPLES) < 14  # three are left over
    growth = dependent_growth(
        *(logits_of, weights, images, labels),
        group=group,
        generator=np.random.default_rng(3),
        halvings=2,
    )
    order = torch.from_numpy(np.random.default_rng(3).permutation(14))
    for size, found in zip((3, 6, 12), growth.norms, strict=True):
        groups = {}
        for start in range(0, 12, size):
            mask = torch.zeros(EXAMPLES, dtype=torch.bool)
            mask[order[start : start + size]] = True
            groups[str(start)] = mask
        parts = label_gradients(logits_of, weights, images, labels, groups=groups)
        squares = [part.norms().dependent.square() for part in parts.values()]
        torch.testing.assert_close(found, torch.stack(squares).mean(0).sqrt())
    # of labels that know nothing it falls as one over the root of the size
    images, labels = (
        torch.randn(1024, 1, 2, 3).double() + 0.4,
        torch.randint(3, (1024,)),
    )
    given = {
        "group": torch.arange(1024) % 2 == 0,
        "generator": np.random.default_rng(0),
    }
    growth = dependent_growth(logits_of, weights, images, labels, **given)
    assert growth.sizes.tolist() == [32, 64, 128, 256, 512]
    assert (growth.slopes[::2] + 0.5).abs().max() < 0.3  # weights; biases are few
    for halvings in (0, -1, 10):
        with pytest.raises(Mistake, match="halvings"):
            dependent_growth(
                logits_of, weights, images, labels, **given, halvings=halvings
            )


def test_the_slope_is_that_of_the_power_law():
    sizes = torch.tensor([10, 20, 40, 80])
    powers = torch.tensor([-0.5, 0.25]).double()
    growth = Growth(sizes, 3 * sizes[:, None].double() ** powers)
    torch.testing.assert_close(growth.slopes, powers)


# Bad input


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": torch.zeros(EXAMPLES)}, "labels are torch.float32"),
        ({"labels": torch.zeros(3, dtype=torch.long)}, "one int64 label"),
        ({"labels": torch.full((EXAMPLES,), CLASSES)}, "they lie in 0..2"),
        ({"labels": torch.full((EXAMPLES,), -1)}, "they lie in 0..2"),
        ({"images": torch.zeros(0, 1, 2, 3), "labels": torch.zeros(0).long()}, "least"),
        ({"groups": {}}, "no groups"),
        ({"groups": {"odd": torch.ones(EXAMPLES)}}, "group 'odd' is torch.float32"),
        ({"groups": {"odd": torch.ones(2, dtype=torch.bool)}}, "must be bool"),
        ({"chunk": 0}, "chunk = 0"),
        ({"weights": {}}, "weights are none"),
        ({"weights": {"W": torch.ones(2, dtype=torch.long)}}, "weights W: give"),
        ({"logits_of": torch.no_grad()(logits_of)}, "no_grad"),
        ({"logits_of": lambda w, x: logits_of(w, x).sum(-1)}, "(example, class)"),
    ],
)
@pytest.mark.parametrize("form", BOTH)
def test_bad_input_is_told_in_one_line(form, change, words):
    weights, images, labels = drawn()
    given = {"logits_of": logits_of, "weights": weights, "images": images}
    given |= {"labels": labels, "groups": masks()} | change
    with pytest.raises(Mistake) as told:
        form(**given)
    assert words in str(told.value) and "\n" not in str(told.value)
