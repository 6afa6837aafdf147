"""Networks asked on a GPU that is not there: no tensor of the CPU among its own.

Fake tensors know their device and no value: whoever mixes devices or waits for a value
is told. Families with BatchNorm cannot be copied among them.
"""

import pytest
import torch
from torch._subclasses import FakeTensorMode

from helpers.models import build
from helpers.models.layers import layer_features
from helpers.papers.geometry.rewinding.swaps import swapped_predictions

SHAPES = {"mlp": (8, 3), "alexnet": (8, 6)}


@pytest.fixture(params=SHAPES)
def model(request):
    width, depth = SHAPES[request.param]
    shape = {"image_shape": (3, 32, 32), "classes": 10, "activation": "relu"}
    return build(request.param, width=width, depth=depth, **shape)


@pytest.fixture
def fake():
    """Function that makes a tensor of that shape on the GPU."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield lambda *shape: torch.empty(shape, device="cuda")


def test_mixed_networks_and_features_stay_on_the_gpu(model, fake):
    own, other = (
        {name: fake(*shape) for name, shape in model.shapes.items()} for _ in range(2)
    )
    images, swaps = fake(5, 3, 32, 32), [frozenset(), frozenset(model.names[:2])]
    predicted = swapped_predictions(model, own, other, swaps, images)
    assert predicted.device.type == "cuda" and predicted.shape == (2, 5)
    for _, features in layer_features(model, own, images):
        assert features.device.type == "cuda"
    with pytest.raises(RuntimeError, match="device"):
        swapped_predictions(model, own, other, swaps, torch.empty(5, 3, 32, 32))
