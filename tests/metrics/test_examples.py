"""Measures of single examples: against autograd, loops and refits."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from helpers.errors import Mistake
from helpers.metrics import examples
from helpers.models import build

CLASSES, COUNT, FEATURES = 3, 24, 6


@pytest.fixture
def points():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(COUNT, FEATURES, generator=generator, dtype=torch.float64)
    labels = torch.arange(COUNT) % CLASSES
    return features + labels[:, None] * 0.4, labels


def net(depth=3):
    model = build(
        "mlp", image_shape=(1, 1, FEATURES), classes=CLASSES, width=7, depth=depth,
        activation="relu",
    )  # fmt: skip
    weights = model.initial(seed=3, init_scale=None)
    return model, {name: value.double() for name, value in weights.items()}


def test_curvature_is_the_trace_of_the_hessian(points):
    model, weights = net()
    images = points[0][:, None, None]
    passed = model.forward(weights, images)
    slopes = model.input_slopes(weights, passed)
    found = examples.input_curvature(passed.logits, slopes)

    def loss(image):
        logits = model.forward(weights, image[None]).logits
        return torch.nn.functional.cross_entropy(logits, torch.tensor([1]))

    for image, value in zip(images[:6], found, strict=False):
        hessian = torch.autograd.functional.hessian(loss, image)
        trace = hessian.reshape(FEATURES, FEATURES).trace()
        assert value == pytest.approx(trace.item(), rel=1e-9)


def test_slopes_are_those_of_autograd(points):
    model, weights = net(4)
    image = points[0][:1, None, None]
    slopes = model.input_slopes(weights, model.forward(weights, image))
    expected = torch.autograd.functional.jacobian(
        lambda x: model.forward(weights, x).logits[0], image
    )
    assert torch.allclose(slopes[0], expected.reshape(CLASSES, FEATURES))


def test_agreement_is_the_cosine_with_the_mean_of_the_others(points):
    features, labels = points
    model, weights = net()
    passed = model.forward(weights, features[:, None, None])
    delta = torch.softmax(passed.logits, -1)
    delta = delta - torch.nn.functional.one_hot(labels, CLASSES)
    factors = list(model.gradient_factors(weights, passed, delta).values())
    found = examples.gradient_agreement(labels, factors)
    flat = torch.cat([(u[:, :, None] * a[:, None]).flatten(1) for a, u in factors], 1)
    there = (flat.norm(dim=1) > 0).nonzero().flatten().tolist()
    assert len(there) > COUNT / 2
    for i in there:
        others = (labels == labels[i]) & (torch.arange(COUNT) != i)
        cosine = torch.cosine_similarity(flat[i], flat[others].mean(0), dim=0)
        assert found[i].item() == pytest.approx(cosine.item(), abs=1e-5)


def test_a_gradient_that_vanishes_has_no_direction():
    a, u = torch.ones(4, 3), torch.ones(4, 2)
    u[0] = 0
    found = examples.gradient_agreement(torch.tensor([0, 0, 0, 1]), [(a, u)])
    assert found.isnan().tolist() == [True, False, False, True]
    assert found[1:3].tolist() == pytest.approx([1.0, 1.0])


def test_distances_leave_the_example_out_of_its_own_mean(points):
    features, labels = points
    found = examples.class_distance(features, labels, CLASSES)
    for i in range(COUNT):
        rest = torch.arange(COUNT) != i
        to = [
            (features[i] - features[rest & (labels == c)].mean(0)).norm().item()
            for c in range(CLASSES)
        ]
        own = to.pop(int(labels[i]))
        # The other means do not hold the example, left out or not.
        assert found[i].item() == pytest.approx(own / min(to))


def test_the_only_one_of_a_class_has_no_distance_to_it(points):
    features, labels = points[0], torch.cat([torch.tensor([2]), torch.ones(COUNT - 1)])
    found = examples.class_distance(features, labels.long(), CLASSES)
    assert found.isnan().tolist() == [True] + [False] * (COUNT - 1)


def test_neighbours_are_those_of_scikit_learn(points):
    features, labels = points
    found = examples.neighbour_agreement(features, labels)
    near = NearestNeighbors(n_neighbors=6).fit(features).kneighbors(features)[1][:, 1:]
    expected = (labels.numpy()[near] == labels.numpy()[:, None]).mean(1)
    assert np.allclose(found, expected)
    with pytest.raises(Mistake, match=r"^4 examples have no 5 neighbours"):
        examples.neighbour_agreement(features[:4], labels[:4])


def test_a_probe_never_saw_the_example_it_is_asked_about(points):
    features, labels = points
    found = examples.probe_margin(features, labels, CLASSES)
    with_one = torch.cat([features, torch.ones(COUNT, 1)], 1)
    ridge = examples.RIDGE * with_one.square().sum(1).mean()
    targets = torch.nn.functional.one_hot(labels, CLASSES).double()
    for i in range(COUNT):
        rest = torch.arange(COUNT) != i
        some = with_one[rest]
        inner = some.mT @ some + ridge * torch.eye(FEATURES + 1)
        fitted = torch.linalg.solve(inner, some.mT @ targets[rest])
        output = (with_one[i] @ fitted).tolist()
        own = output.pop(int(labels[i]))
        assert found[i].item() == pytest.approx(own - max(output), rel=1e-6)
