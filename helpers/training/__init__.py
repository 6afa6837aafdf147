"""From a study to finished runs."""

from helpers.training.study import load, train, train_all

__all__ = ["load", "train", "train_all"]
