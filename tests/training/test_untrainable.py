"""What cannot be trained is told before anything is."""

from pathlib import Path
from unittest import mock

import matplotlib
import pytest
import torch

from helpers.chapters.book import Edition
from helpers.chapters.plans import plan_edition
from helpers.datasets import Dataset
from helpers.errors import Mistake
from helpers.models import FAMILIES
from helpers.runs import IdentityRun, Run, Study
from helpers.training.tasks import check_studies

ROOT = Path(__file__).resolve().parents[2]
MODULE = {"activation": "relu", "init_scale": None}
DEPTHS = {"vgg16": 16, "small_vgg": 9, "alexnet": 6, "convnet": 4, "mlp": 2}


def images(channels, height, width, *, count=12):
    draws = torch.Generator().manual_seed(0)
    parts = {}
    for split in ("train", "test"):
        shape = (count, channels, height, width)
        values = torch.randint(256, shape, generator=draws, dtype=torch.uint8)
        parts |= {f"{split}_images": values, f"{split}_labels": torch.arange(count) % 2}
    return Dataset(name="mine", classes=2, **parts)


def study(data, family, **fields):
    start = 1.0 if family == "mlp" else None
    depth = DEPTHS.get(family, 10)
    run = Run(model=family, width=2, depth=depth, activation="relu", init_scale=start)
    return Study(data, run, {name: [value] for name, value in fields.items()})


@pytest.mark.parametrize("family", [f for f in FAMILIES if "121" not in f])
def test_colour_images_that_are_not_square_go_with_every_network(family):
    check_studies([study(images(3, 9, 12), family)])


@pytest.mark.parametrize(
    ("family", "shape", "words"),
    [
        ("convnet", (1, 3, 9), "images of 3 x 9 are too small"),
        ("resnet50", (1, 32, 32), "takes 3 channels"),
        ("densenet121", (3, 9, 12), "at least 29 pixels a side"),
    ],
)
def test_images_that_a_network_cannot_take_are_refused(family, shape, words):
    with pytest.raises(Mistake, match=words):
        check_studies([study(images(*shape), family)])


def test_every_network_of_a_study_is_asked():
    grid = {("model", "depth"): [("resnet", 10), ("convnet", 4)]}
    both = Study(images(1, 3, 3), study(images(1, 3, 3), "resnet").base, grid)
    with pytest.raises(Mistake, match="convnet"):
        check_studies([both])
    data, few = images(1, 8, 8), IdentityRun(canvas=8, width=2, depth=1, steps=1)
    data.train_images[3] = 0
    check_studies([Study(data, few, {"example": [0, 1]})])
    with pytest.raises(Mistake, match="training image 3 of mine is 0 everywhere"):
        check_studies([Study(data, few, {"example": [0, 3]})])
    with pytest.raises(Mistake, match="kernel = 19: must be at most 17"):
        check_studies([Study(data, few, {"kernel": [5, 19]})])


@pytest.mark.parametrize("batch", [1, 3, 4, 12])
def test_a_batch_of_one_is_refused_where_batchnorm_cannot_take_it(batch):
    data = images(1, 2, 2, count=13)
    with pytest.raises(Mistake, match=f"batch_size = {batch}: must not divide 12"):
        check_studies([study(data, "resnet", batch_size=batch)])
    check_studies([study(data, "resnet", batch_size=5)])
    check_studies([study(data, "mlp", batch_size=batch)])
    check_studies([study(images(1, 32, 32, count=13), "resnet", batch_size=batch)])


@pytest.mark.parametrize(
    ("run", "complaint"),
    [
        (Run(model="small_vgg", depth=7, **MODULE), r"depth = 7: must be .* small_vgg"),
        (Run(model="resnet50", **MODULE), r"model = 'resnet50': takes 3 channels"),
        (Run(model="vgg"), r"model = 'vgg': must be one of mlp, "),
        (Run(model="resnet"), "activation = 'sin': must be relu for a resnet"),
        (Run(model="resnet", depth=11, **MODULE), "depth = 11: must be 10, 18, 26, "),
        (
            Run(model="resnet", depth=10, activation="relu"),
            r"init_scale = 1.0: must be left out \(None\) for a resnet",
        ),
        (Run(activation="step"), r"activation = 'step': must be one of"),
        (IdentityRun(model="identity_net"), r"model = 'identity_net': must be one of"),
    ],
)
def test_a_network_that_cannot_be_built_is_a_mistake(digits, run, complaint):
    fine = Study(digits, Run(width=16), {"seed": range(2)})
    with pytest.raises(Mistake, match=complaint):
        check_studies([fine, Study(digits, run)])


def test_each_shape_is_built_once_whatever_the_number_of_runs(digits):
    study = Study(digits, Run(), {"width": [16, 32], "seed": range(50)})
    with mock.patch("helpers.training.classification.model_of") as build:
        check_studies([study, study])
    assert [call.args[0].width for call in build.call_args_list] == [16, 32]


def test_a_chapters_plan_tells_it():
    edition = Edition("mftma_layers", "smoke", "main")
    with matplotlib.rc_context(), pytest.raises(Mistake, match=r"depth = 7: must be"):
        plan_edition(ROOT, edition, {"depth": "7"})
