"""Measures as benchmarks.gpu compares them: our side, the plain loop, and the floor."""

import os
import tempfile
from functools import partial

import numpy as np
import torch
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F

from benchmarks import rewinding
from benchmarks.gpu_training import COPY, CROSS, TF32, Case, images_of
from benchmarks.manifolds import random_points
from benchmarks.peaks import flops
from helpers.datasets.contents import Dataset
from helpers.metrics.gradients.example_gradients import class_gradient_sums
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.models import Modular
from helpers.papers.geometry.rewinding import convolutions
from helpers.runs import Run, Study
from helpers.training import train


def example_gradients(size: dict, device: str) -> Case:
    """Sums over per-example gradients of a ResNet-50; work: images."""
    family = "resnet50" if size["steps"] > 2 else "convnet"  # tiny sizes
    count = size["gradient_examples"]
    model = Modular(family, (3, size["side"], size["side"]), 100, 4, 4)
    images, labels = images_of(size | {"examples": count}, device)
    network = model.module()
    model.load(network, model.initial(seed=0))
    network = network.to(device).eval()
    named = {name: p.detach() for name, p in network.named_parameters()}

    def loss(weights, image, label):
        return F.cross_entropy(
            functional_call(network, weights, (image[None],)).logits, label[None]
        )

    def plain():
        for some in torch.arange(count).split(16):
            found = vmap(grad(loss), in_dims=(None, 0, 0))(
                named, images[some], labels[some]
            )
            for gradients in found.values():
                flat = gradients.flatten(1)
                flat.norm(dim=1), flat.sum(0)

    def ours():
        gradient = partial(CROSS.gradient, scale=1.0)
        return class_gradient_sums(
            network, images, labels, classes=100, gradient=gradient
        )

    parameters = sum(p.numel() for p in named.values())
    a_image = max(flops(model)[0] / TF32, 2 * 4 * parameters / COPY)
    return Case(ours, plain, count * a_image, count, 1)


def rewinds(size: dict, device: str) -> Case:
    """A rewind sweep of a network; work: layers times epochs times 1,000 images."""
    count, tiny = size["rewound_examples"], size["steps"] <= 2
    images, labels = images_of(size | {"examples": 2 * count}, "cpu", classes=10)
    images = (images * 40 + 128).clamp(0, 255).byte()
    parts = (images[:count], labels[:count], images[count:], labels[count:])
    data = Dataset("noise", *parts, classes=10)
    shape = ("small_vgg", 4, 9) if tiny else ("vgg16", 32, 16)
    fields = dict(zip(("model", "width", "depth"), shape, strict=True))
    run = Run(
        **rewinding.LEARNING | fields,
        activation="relu",
        init_scale=None,
        permuted_fraction=0.5,
        epochs=2,
        stop_accuracy=None,
        snapshots=(0, 1, 2),
    )
    rewinding.EPOCHS = range(3)
    kept = tempfile.TemporaryDirectory()  # gone with the last side that names it
    os.environ["MEMORIZATION_RESULTS"] = kept.name
    histories = train(Study(data, run), device=device)
    sides = [
        lambda kept=kept, side=side: side(histories, data)
        for side in (rewinding.ours, rewinding.one_pass)
    ]
    passes = len(convolutions(histories.runs[0], data)) * 3
    model = Modular(shape[0], tuple(images[0].shape), 10, *shape[1:])
    floor = passes * 2 * count * flops(model)[1] / TF32
    return Case(*sides, floor, passes * 2 * count / 1000, 1)


def manifolds(size: dict, device: str) -> Case:
    """Analyses of one layer on all cores, and one after another; work: analyses."""
    from helpers.system.workers import submit

    count, how = size["analyses"], {"gaussians": size["gaussians"], "restarts": 1}
    rng = np.random.default_rng(0)
    points = [random_points(size["manifolds"], 200, 20) for _ in range(count)]
    points = [each + rng.standard_normal((1, 200, 1)) for each in points]

    def ours(some=points):
        asked = [submit(manifold_geometry, each, **how) for each in some]
        return [answer.result() for answer in asked]

    ours([each[:12] for each in points])  # processes start and compile
    manifold_geometry(points[0][:12], **how)
    return Case(
        ours, lambda: [manifold_geometry(p, **how) for p in points], 0, count, 1
    )
