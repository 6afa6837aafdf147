"""What cannot be trained is told before anything is."""

from pathlib import Path
from unittest import mock

import matplotlib
import pytest

from helpers.chapters.book import Edition
from helpers.chapters.plans import plan_edition
from helpers.errors import Mistake
from helpers.runs import IdentityRun, Run, Study
from helpers.training.work import check_studies

ROOT = Path(__file__).resolve().parents[2]
MODULE = {"activation": "relu", "init_scale": None}


@pytest.mark.parametrize(
    ("run", "complaint"),
    [
        (Run(model="small_vgg", depth=7, **MODULE), r"depth = 7: must be .* small_vgg"),
        (Run(model="resnet50", **MODULE), r"model = 'resnet50': takes 3 channels"),
        (Run(model="vgg"), r"model = 'vgg': must be one of mlp, "),
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
