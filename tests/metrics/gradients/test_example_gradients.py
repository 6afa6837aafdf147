"""Per-example gradients of modules: those of autograd, one example at a time."""

import subprocess
import sys
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from helpers.metrics.gradients import example_gradients, products
from helpers.metrics.gradients.example_gradients import (
    class_gradient_sums,
    per_example_gradients,
)
from helpers.metrics.gradients.layer_gradients import layer_products, own_layers
from helpers.metrics.gradients.products import square_norms
from helpers.models import build
from helpers.system.roots import project_root
from helpers.training.losses import LOSSES

NUMBERS = ("count", "norms", "squares", "total", "nonzero", "directions")


class Logits(NamedTuple):
    logits: Tensor


class Named(nn.Module):
    """A module whose output has a name, as the metrics want it."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return Logits(self.layers(x))


class Twice(nn.Module):
    """One layer that is called twice."""

    def __init__(self):
        super().__init__()
        self.first, self.head = nn.Linear(48, 48), nn.Linear(48, 3)

    def forward(self, x):
        return Logits(self.head(self.first(self.first(x.flatten(1)).relu())))


class Unused(nn.Module):
    """A layer that is not called, and one that is called to no effect."""

    def __init__(self):
        super().__init__()
        self.head, self.spare, self.idle = (nn.Linear(48, 3) for _ in range(3))

    def forward(self, x):
        self.idle(x.flatten(1))
        return Logits(self.head(x.flatten(1)))


class Tied(nn.Module):
    """Two layers of one weight."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(48, 48), nn.Linear(48, 48)
        self.second.weight = self.first.weight

    def forward(self, x):
        return Logits(self.second(self.first(x.flatten(1)).relu())[:, :3])


def convolutions():
    """Stride, dilation, an oblong kernel, no bias, ReLU in place, one position."""
    return Named(
        nn.Conv2d(3, 4, (3, 2), stride=(1, 2), padding=(2, 1)),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 5, 2, dilation=(2, 1), bias=False),
        nn.BatchNorm2d(5),
        nn.ReLU(inplace=True),
        nn.Conv2d(5, 40, (4, 2)),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(40, 3),
    )


def on_tokens():
    """Linear layers at few positions (kept as products) and at many (formed)."""
    few = (nn.Flatten(2), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 2))
    many = (nn.Unflatten(1, (6, 1)), nn.Linear(1, 4), nn.ReLU())
    return Named(*few, nn.Flatten(), *many, nn.Flatten(), nn.Linear(24, 3))


def of_family(family, **shape):
    model = build(family, image_shape=(3, 4, 4), classes=3, activation="relu", **shape)
    module = model.module()
    model.load(module, model.initial(seed=0))
    return module


PLAIN = {
    "linear": lambda: Named(nn.Flatten(), nn.Linear(48, 7), nn.ReLU(), nn.Linear(7, 3)),
    "convolutions": convolutions,
    "tokens": on_tokens,
    "convnet": lambda: of_family("convnet", width=9, depth=4),
    "resnet": lambda: of_family("resnet", width=4, depth=10),
}
OTHERS = {
    "group norm": lambda: Named(nn.GroupNorm(1, 3), nn.Flatten(), nn.Linear(48, 3)),
    "grouped": lambda: Named(nn.Conv2d(3, 3, 4, groups=3), nn.Flatten()),
    "same": lambda: Named(
        nn.Conv2d(3, 1, 3, padding="same"), nn.Flatten(), nn.Linear(16, 3)
    ),
    "reflected": lambda: Named(
        nn.Conv2d(3, 3, 6, padding=1, padding_mode="reflect"), nn.Flatten()
    ),
    "twice": Twice,
    "unused": Unused,
    "tied": Tied,
}


def prepared(module):
    """The module in float64, in training mode, with statistics as after training."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.3)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.normal_(part.weight, mean=1, std=0.2)
            nn.init.normal_(part.bias, std=0.2)
    return module.double().train()


def examples(count=14):
    """Images with something in common, in three classes of different size."""
    images = torch.randn(count, 3, 4, 4).double() + 0.5
    return images, torch.arange(count).square() % 3


def by_loop(module, images, labels, loss="cross_entropy"):
    """Name -> (example, *shape): one call of autograd an example."""
    training, module = module.training, module.eval()
    names, parameters = zip(*module.named_parameters(), strict=True)
    rows = []
    for image, label in zip(images, labels, strict=True):
        value = LOSSES[loss].value(module(image[None]).logits, label[None]).sum()
        options = {"allow_unused": True, "materialize_grads": True}
        rows.append(torch.autograd.grad(value, parameters, **options))
    module.train(training)
    columns = map(torch.stack, zip(*rows, strict=True))
    each = dict(zip(names, columns, strict=True))
    return each | {"all": torch.cat([g.flatten(1) for g in each.values()], 1)}


def sums_by_definition(gradients):
    """The numbers of VectorSums from formed vectors (example, ...)."""
    flat = gradients.flatten(1)
    norms = flat.norm(dim=1)
    directions = flat[norms > 0] / norms[norms > 0, None]
    values = (
        *(len(flat), norms.sum(), norms.square().sum()),
        *(flat.sum(0).square().sum(), (norms > 0).sum()),
        directions.sum(0).square().sum(),
    )
    return dict(zip(NUMBERS, map(float, values), strict=True))


def assert_sums(result, gradients, labels, *, rel):
    assert list(result) == list(gradients)
    for name, sums in result.items():
        for label, found in enumerate(sums):
            expected = sums_by_definition(gradients[name][labels == label])
            found = {number: float(getattr(found, number)) for number in NUMBERS}
            assert found == pytest.approx(expected, rel=rel, abs=1e-300), (name, label)


def sums_of(module, images, labels, *, loss="cross_entropy", classes=3, **options):
    gradient = LOSSES[loss].gradient
    return class_gradient_sums(
        module, images, labels, classes=classes, gradient=gradient, **options
    )


# The sums are those of a loop over the examples


@pytest.mark.parametrize("name", PLAIN)
def test_plain_layers_have_the_gradients_of_autograd(name):
    module, (images, labels) = prepared(PLAIN[name]()), examples()
    assert own_layers(module) is not None
    result, expected = sums_of(module, images, labels), by_loop(module, images, labels)
    assert_sums(result, expected, labels, rel=1e-9)
    single = sums_of(module.float(), images.float(), labels)
    assert_sums(single, expected, labels, rel=1e-5)


@pytest.mark.parametrize("name", OTHERS)
def test_other_modules_have_them_too(name):
    module, (images, labels) = prepared(OTHERS[name]()), examples()
    gradient, layers = LOSSES["cross_entropy"].gradient, own_layers(module)
    assert layers is None or not layer_products(
        module, layers, images, labels, gradient
    )
    result = sums_of(module, images, labels)
    assert_sums(result, by_loop(module, images, labels), labels, rel=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_will_do_and_any_memory(loss):
    """Less than an example takes is one example at a time."""
    module, (images, labels) = prepared(convolutions()), examples()
    expected = by_loop(module, images, labels, loss)
    for memory in (2**30, 1):
        found = sums_of(module, images, labels, loss=loss, memory=memory)
        assert_sums(found, expected, labels, rel=1e-9)
    gradients = per_example_gradients(
        lambda weights, image, label: LOSSES[loss].value(
            functional_call(module.eval(), weights, (image[None],)).logits, label[None]
        )[0],
        dict(module.named_parameters()),
        images,
        labels,
    )
    for name, each in gradients.items():
        torch.testing.assert_close(each, expected[name])


def test_long_vectors_keep_their_digits():
    # A plain norm of four million float32 values errs by 3e-4 here.
    vectors = torch.rand(2, 4_000_001).pow(4)
    expected = vectors.double().square().sum(1)
    torch.testing.assert_close(square_norms(vectors), expected, rtol=1e-6, atol=0)


# Chunks, classes, states


@pytest.mark.parametrize("name", ["convolutions", "tokens", "twice"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_size_of_a_chunk_does_not_matter(name, size, monkeypatch):
    module, (images, labels) = prepared({**PLAIN, **OTHERS}[name]()), examples()
    expected = by_loop(module, images, labels)
    _, each = example_gradients._choose(
        module.eval(), LOSSES["cross_entropy"].gradient, images[:1], labels[:1]
    )
    seen, squares_of = [], products._squares

    def counted(chunk):
        squares = squares_of(chunk)
        seen.append(len(squares["all"]))
        return squares

    monkeypatch.setattr(products, "_squares", counted)
    parts = sums_of(module, images, labels, memory=size * each)
    assert max(seen) == size
    assert_sums(parts, expected, labels, rel=1e-9)


def test_gradients_of_zero_are_no_directions():
    # The hinge is inactive on one example of two: its logits are far apart.
    module = Named(nn.Flatten(), nn.Linear(1, 2, bias=False)).double()
    module.layers[1].weight.data = torch.tensor([[1.0], [-1.0]]).double()
    images = torch.tensor([9.0, -1.0]).double().reshape(2, 1, 1, 1)
    labels = torch.zeros(2, dtype=torch.long)
    sums = sums_of(module, images, labels, loss="hinge", classes=2)["all"][0]
    assert (sums.count, int(sums.nonzero)) == (2, 1)
    assert float(sums.directions) == pytest.approx(1)
    assert float(sums.alignment) == 0 and sums.stiffness.isnan()


def test_a_diverged_network_is_undefined():
    module, (images, labels) = prepared(convolutions()), examples()
    nn.init.constant_(module.layers[0].weight, torch.nan)
    for sums in sums_of(module, images, labels).values():
        for each in sums:
            measures = (each.alignment, each.stiffness, each.diversity)
            assert all(measure.isnan() for measure in measures)


def test_the_module_is_left_as_it_was():
    module, (images, labels) = prepared(convolutions()), examples()
    module.layers[3].eval()
    module.layers[0].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    with torch.no_grad():
        sums_of(module, images, labels)
    assert modes == [part.training for part in module.modules()]
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(value.grad is None for value in module.parameters())
    assert not module.layers[0].weight.requires_grad
    assert not any(part._forward_hooks for part in module.modules())


# Memory

BIG = """
import resource, sys
import torch
from helpers.training.losses import LOSSES
from helpers.metrics.gradients.example_gradients import class_gradient_sums
from helpers.models import build

torch.set_num_threads(1)
shape = {"image_shape": (3, 32, 32), "classes": 10, "width": 0, "depth": 0}
model = build("resnet50", activation="relu", **shape)
module = model.module()
model.load(module, model.initial(seed=0))
images, labels = torch.randn(64, 3, 32, 32), torch.arange(64) % 2
gradient = LOSSES["cross_entropy"].gradient
sums = class_gradient_sums(module, images, labels, classes=2, gradient=gradient)
assert all(each.alignment.isfinite() for each in sums["all"])
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""


def test_resnet_50_is_never_held_for_each_example():
    # 32 gradients of 94 MB each, those of one class, would be 3 GB. Measured: 1.3 GB.
    command = [sys.executable, "-c", BIG]
    done = subprocess.run(
        command, cwd=project_root(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 2.5e9
