"""Identity nets that learn from all training images, a batch a step."""

import numpy as np
import pytest
import torch

from helpers.datasets.canvases import prepare
from helpers.errors import Mistake
from helpers.models.of import identity_model
from helpers.runs import IdentityRun, Study
from helpers.training import train
from helpers.training.identity_batches import Batches

CPU = torch.device("cpu")


def run_of(**fields):
    small = {"model": "identity_fcn", "canvas": 8, "width": 16, "depth": 2, "batch": 40}
    small |= {"optimizer": "descent", "learning_rate": 0.5, "stop_error": 1e-30}
    return IdentityRun(**small | {"steps": 3} | fields)


def some_of(digits):
    return digits.sample(train_examples=100, test_examples=20)


def test_a_pass_shows_every_image_once_in_an_order_of_its_own(digits):
    """Of 100 images two batches of 40; resized ones are shown at that size."""
    data = some_of(digits)
    batches = Batches(run_of(), data, CPU)
    images = prepare(data.train_images, canvas=8).flatten(1)
    places = {tuple(image.tolist()): k for k, image in enumerate(images)}

    def shown(step, seeds):
        rows = batches.of(step, seeds).flatten(2)
        return [[places[tuple(x.tolist())] for x in row] for row in rows]

    first, second = shown(0, [3, 5]), shown(1, [3, 5])
    for before, after in zip(first, second, strict=True):
        assert len({*before, *after}) >= 79  # but for equal images
    assert first[0] != first[1]
    assert shown(2, [3])[0] != first[0] and shown(0, [5]) == first[1:]
    assert Batches(run_of(size=5), data, CPU).of(0, [3]).shape == (1, 40, 1, 5, 5)


@pytest.mark.parametrize("model", ["identity_fcn", "identity_convnet"])
def test_a_step_follows_the_mean_gradient_of_its_batch(digits, model):
    """Against plain descent in float64, before and after the first has ended."""
    data, fields = some_of(digits), {"model": model, "learning_rate": 0.05}
    grid = {("seed", "stop_error"): [(0, 1.0), (1, 1e-30), (2, 1e-30)]}
    study = Study(data, run_of(**fields), grid)
    histories = train(study, device="cpu")
    assert histories.stops == ("fitted", "epochs", "epochs")
    for run, arrays in zip(histories.runs, histories.arrays, strict=True):
        net, batches = identity_model(run, data), Batches(run, data, CPU)
        weights = net.initial(seed=run.seed, scheme=run.scheme)
        weights = {n: w[None].double().requires_grad_() for n, w in weights.items()}
        expected = []
        for step in range(len(arrays["train_error"])):
            shown = batches.of(step, [run.seed]).double()
            error = (net.forward(weights, shown)[-1] - shown).square().mean()
            expected.append(error.item())
            slopes = torch.autograd.grad(error, [*weights.values()])
            with torch.no_grad():
                for weight, slope in zip(weights.values(), slopes, strict=True):
                    weight -= run.learning_rate * slope
        assert len(expected) == (1 if run.seed == 0 else run.steps + 1)
        np.testing.assert_allclose(arrays["train_error"], expected, rtol=1e-4)


def test_a_batch_larger_than_the_data_is_told_before_training(digits):
    with pytest.raises(Mistake, match="batch = 101: digits has 100 training images"):
        train(Study(some_of(digits), run_of(batch=101)), device="cpu")
