"""How far two right results in single precision may lie apart."""

from math import sqrt

import torch

EPSILON = torch.finfo(torch.float32).eps
SAFE = 8  # standard deviations


def tolerance(train, weights, *, terms, steps):
    """Relative difference of trained weights that rounding explains.

    train(weights) trains in the precision of the weights that it is given and returns
    them. A sum of n terms is off by sqrt(n) roundings, one standard deviation (Higham
    and Mary 2019), and so does every step; how much is made of one rounding is tried
    in double precision, where nothing else is off.
    """
    draws = torch.Generator().manual_seed(0)
    exact = {name: weight.double() for name, weight in weights.items()}
    moved = {
        name: weight * (1 + EPSILON * torch.randn(weight.shape, generator=draws).sign())
        for name, weight in exact.items()
    }
    grown = distance(train(moved), train(exact))
    found = SAFE * sqrt(terms * steps) * max(grown, EPSILON)
    assert found < 1e-3, "a tolerance that lets mistakes pass"
    return found


def distance(some, others):
    """How far two networks lie apart, relative to the size of the other one."""
    assert some.keys() == others.keys()
    apart = [(some[n].double() - others[n].double()).norm() for n in some]
    size = [others[n].double().norm() for n in others]
    return (torch.stack(apart).norm() / torch.stack(size).norm()).item()
