"""From a study to finished runs."""

from helpers.training.study import load, train, train_all, train_until
