"""Networks on subsets: they see their part of the examples and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.datasets.labels import permute_labels, subset
from helpers.errors import Mistake
from helpers.runs import Run, Study
from helpers.runs.run import fingerprint
from helpers.runs.store import RunFolder
from helpers.training import train

BASE = Run(
    activation="relu", init_scale=None, width=8, depth=2, epochs=3, batch_size=16,
    learning_rate=0.1, subset_fraction=0.6, permuted_fraction=0.2, label_seed=4,
)  # fmt: skip


def final(run):
    return RunFolder(run).snapshot(3)


def test_what_a_network_does_not_see_changes_nothing(digits):
    study = Study(digits, BASE, {"seed": [0, 1, 2]})
    first = train(study, device="cpu")
    for run in study.runs():
        changed = digits.train_images.clone()
        seen = subset(len(changed), 0.6, seed=run.seed)
        unseen = np.setdiff1d(np.arange(len(changed)), seen)
        assert len(seen) == round(0.6 * len(changed))
        changed[unseen] = 0
        other = replace(digits, train_images=changed, digest="f" * 12)
        (again,) = Study(other, replace(BASE, seed=run.seed)).runs()
        alone = train(Study(other, replace(BASE, seed=run.seed)), device="cpu")
        for name, weight in final(run).items():
            assert torch.allclose(weight, final(again)[name], atol=1e-5)
        for name in ("train_accuracy", "train_loss", "permuted_accuracy"):
            at = first.where(seed=run.seed).final(name)
            assert alone.final(name) == pytest.approx(at, abs=1e-4)


def test_labels_of_one_seed_are_shared_and_others_are_not():
    labels = torch.arange(50) % 5
    drawn = {
        run.seed: permute_labels(labels, 0.5, classes=5, seed=run.permuted_by).labels
        for run in (replace(BASE, seed=1), replace(BASE, seed=2))
    }
    assert torch.equal(drawn[1], drawn[2])
    own = replace(BASE, label_seed=None, seed=7)
    assert own.permuted_by == 7 and replace(BASE, seed=7).permuted_by == 4


def test_runs_without_a_subset_keep_their_names():
    assert "subset_fraction" not in Run().description()
    assert "label_seed" not in Run().description()
    assert fingerprint(BASE) != fingerprint(replace(BASE, subset_fraction=None))


@pytest.mark.parametrize("fraction", [0.0, 1.0, 1.2])
def test_a_share_that_is_none_is_refused(fraction):
    with pytest.raises(Mistake, match=r"^subset_fraction = .*: must be above 0 and"):
        replace(BASE, subset_fraction=fraction)


def test_a_share_too_small_for_the_data_is_refused(digits):
    study = Study(digits, replace(BASE, subset_fraction=0.0001))
    with pytest.raises(Mistake, match=r"leaves some of them in and some out"):
        train(study, device="cpu")


def test_modules_are_not_trained_on_subsets(digits):
    study = Study(digits, replace(BASE, model="small_vgg", depth=8, width=2))
    with pytest.raises(Mistake, match=r"a small_vgg sees all examples"):
        train(study, device="cpu")
