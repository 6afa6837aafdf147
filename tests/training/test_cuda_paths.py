"""CUDA's own ways without a CUDA device: steps on tensors that only say they lie there.

A fake tensor has a device, a shape and no values: two devices in one operation raise,
and so does every look at a value, for which a real device would have to be waited for.
Graphs are played by calls. What is computed is told by the same ways on the CPU, and
on a device by the tests that are marked `cuda`.
"""

from copy import deepcopy

import pytest
import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensorMode,
)

from helpers.models import Modular, build
from helpers.models.identity import FAMILIES
from helpers.runs.identity import OPTIMIZERS
from helpers.training import graphs, trainees
from helpers.training.identity_stacks import IdentityStack
from helpers.training.losses import LOSSES
from helpers.training.modules import Single
from helpers.training.optimizers import StackedAdam
from helpers.training.stacks import Stack
from helpers.training.trainees import place

EXAMPLES, CLASSES, BATCH = 20, 10, 8
FCN, CONVNET = FAMILIES


@pytest.fixture
def fake():
    """In here a tensor has no values, and may say that it lies on CUDA."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield


def there(*shape, dtype=torch.float32):
    return torch.zeros(shape, dtype=dtype, device="cuda")


def sent(value):
    """What a thing is whose tensors lie on CUDA."""
    if isinstance(value, torch.Tensor):
        return there(*value.shape, dtype=value.dtype)
    if isinstance(value, torch.device):
        return torch.device("cuda")
    if isinstance(value, dict):
        return {name: sent(each) for name, each in value.items()}
    if type(value) in (tuple, list):
        return type(value)(map(sent, value))
    if isinstance(value, graphs.Graphs):
        return graphs.Graphs(torch.device("cuda"), "")
    if isinstance(value, graphs.Seats | StackedAdam):
        return moved(value)
    return value


def moved(thing):
    """The same thing, on CUDA."""
    for name, value in vars(thing).items():
        setattr(thing, name, sent(value))
    return thing


def test_a_look_at_a_value_and_a_mix_of_devices_are_noticed(fake):
    with pytest.raises(DataDependentOutputException):
        there(1).item()
    with pytest.raises(RuntimeError, match="device"):
        there(2) + torch.zeros(2)


@pytest.mark.parametrize(
    ("loss", "optimizer"), [*((loss, None) for loss in LOSSES), ("hinge", "adam")]
)
def test_a_stack_waits_for_nothing(request, played, loss, optimizer):
    shape = {"width": 6, "depth": 2, "activation": "sin", "biases": True}
    model = build("mlp", image_shape=(1, 2, 3), classes=CLASSES, **shape)
    stack = Stack(
        model,
        LOSSES[loss],
        {name: torch.zeros(5, *shape) for name, shape in model.shapes.items()},
        dict.fromkeys(model.names, 0.1 * torch.ones(5)),
        images=torch.zeros(EXAMPLES, 1, 2, 3),
        labels=torch.zeros(5, EXAMPLES, dtype=torch.int64),
        loss_scales=torch.ones(5),
        optimizer=optimizer,
        counted=True,
    )
    request.getfixturevalue("fake")
    stack = moved(stack)
    for networks in (range(5), [0, 1, 3, 4], [0, 1]):  # one leaves, and then two
        stack.keep([*networks])
        for _ in range(2):
            order = there(len(stack), EXAMPLES, dtype=torch.int64)
            stack.train_epoch(order, BATCH)
    found = stack.evaluate(stack.images, stack.labels)
    assert {each.device.type for each in found} == {"cuda"}
    assert stack.pass_accuracy().shape == found.loss.shape == (2,)
    # Two batches of 8 and one of 4; for five places, of which one is empty, and for 2.
    sizes = [shape for (shape,) in played]
    assert sizes == [(5, 8), (5, 4), (2, 8), (2, 4)] and not stack.fallbacks


def there_all(module):
    """A module with its weights on CUDA, without the conversions of real ones."""
    for part in module.modules():
        for name, value in part._parameters.items():
            if value is not None:
                part._parameters[name] = torch.nn.Parameter(there(*value.shape))
        for name, value in part._buffers.items():
            if value is not None:
                part._buffers[name] = there(*value.shape)
    return module


@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("family", ["convnet", "resnet"])
def test_a_module_waits_for_nothing(request, played, monkeypatch, family, optimizer):
    depth = {"convnet": 4, "resnet": 10}[family]
    shape = {"image_shape": (1, 8, 8), "width": 4, "depth": depth}
    model = build(family, classes=CLASSES, activation="relu", **shape)
    shapes = {n: tuple(w.shape) for n, w in model.skeleton.state_dict().items()}
    module, names = deepcopy(model.skeleton), model.names
    request.getfixturevalue("fake")
    monkeypatch.setattr(Modular, "module", lambda model: there_all(module))
    monkeypatch.setattr(torch.nn.Module, "to", lambda module, *_, **__: module)
    single = Single(
        model,
        LOSSES["cross_entropy"],
        {name: there(1, *shape) for name, shape in shapes.items()},
        dict.fromkeys(names, 0.1),
        images=there(EXAMPLES, 1, 8, 8),
        labels=there(1, EXAMPLES, dtype=torch.int64),
        loss_scales=1.0,
        optimizer=optimizer,
        counted=True,
    )

    def backward(logits, delta):  # the engine wants a device that is there
        assert logits.shape == delta.shape and delta.is_cuda
        for parameter in single.module.parameters():
            parameter.grad = torch.zeros_like(parameter)

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    for _ in range(2):
        single.train_epoch(there(1, EXAMPLES, dtype=torch.int64), BATCH)
        found = single.evaluate(single.images, single.labels)
    assert found.loss.is_cuda and single.pass_accuracy().is_cuda
    assert [shape for (shape,) in played] == [(8,), (4,)] and not single.fallbacks
    assert all(value.is_cuda for value in single.network(0).values())


@pytest.mark.parametrize(
    ("family", "optimizer"), [*((FCN, rule) for rule in OPTIMIZERS), (CONVNET, "adam")]
)
def test_identity_nets_take_a_block_of_steps_and_wait_for_nothing(
    fake, played, monkeypatch, family, optimizer
):
    model = FAMILIES[family](image_shape=(1, 4, 4), width=3, depth=2)

    def gradients(stack):
        found = {n: (torch.zeros_like(stack.weights[n]), None) for n in stack.trained}
        return there(len(stack.images)), found

    monkeypatch.setattr(IdentityStack, "_differentiate", gradients)
    stack = IdentityStack(
        model,
        {name: there(5, *shape) for name, shape in model.shapes.items()},
        there(5, 1, 1, 4, 4),
        trained=model.names,
        optimizer=optimizer,
        learning_rate=0.1,
    )
    for networks in (range(5), [0, 1, 3, 4], [0, 1]):
        stack.keep([*networks])
        errors = stack.take(8, [0.1] * len(stack))  # twice three, and two
        assert errors.is_cuda and errors.shape == (8, len(stack))
    assert len(played) == 2 * 2 and not stack.fallbacks  # graphs, before and after


def test_data_on_cuda_are_standardised_there_and_lie_as_convolutions_want_them(fake):
    class Data:
        classes, features, name, digest = CLASSES, 12, "mine", "0" * 12
        train_images = torch.zeros(6, 3, 2, 2, dtype=torch.uint8)
        test_images, train_labels, test_labels = train_images, *2 * [torch.zeros(6)]

    placed = place(Data, torch.device("cuda"))
    assert place(Data, torch.device("cuda")) is placed
    last = [
        i.is_contiguous(memory_format=torch.channels_last) for i in placed.channels_last
    ]
    assert all(last) and placed.train_images.is_cuda
    trainees._placed.clear()
