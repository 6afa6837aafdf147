"""How exactly float32 is multiplied: chosen, and put back as it was."""

import os

import pytest
import torch
from conftest import hide_devices

from helpers.runs.provenance import provenance
from helpers.system.devices import (
    choose_device,
    exact_products,
    fast_products,
    products_on,
    searched_kernels,
)

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def flags():
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


def test_products_are_fast_or_exact_and_then_as_before():
    before = flags()
    with fast_products(CUDA):
        assert flags() == (True, True) and products_on(CUDA) == "tf32"
        with exact_products(CUDA):
            assert flags() == (False, False) and products_on(CUDA) == "float32"
        assert flags() == (True, True) and products_on(CPU) == "float32"
        with pytest.raises(ValueError, match="out of it"), exact_products(CUDA):
            raise ValueError("out of it")
        assert flags() == (True, True)
    assert flags() == before


def test_a_cpu_is_not_touched():
    before = flags()
    for context in (fast_products(), exact_products(), fast_products(CPU)):
        with context:
            assert flags() == before
    assert provenance(CPU)["products"] == "float32"


def test_kernels_are_searched_for_a_while():
    before = torch.backends.cudnn.benchmark
    with searched_kernels(CPU):
        assert torch.backends.cudnn.benchmark == before
    with searched_kernels(CUDA):
        assert torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.benchmark == before


def test_the_tests_see_no_device():
    assert not torch.cuda.is_available() and not os.environ["CUDA_VISIBLE_DEVICES"]


@pytest.mark.parametrize(("marks", "seen"), [([], "cpu"), (["cuda"], "cuda")])
def test_on_a_gpu_machine_only_tests_marked_cuda_see_the_device(
    request, monkeypatch, marks, seen
):
    """The device is a fake one, and so is the item that pytest would collect."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    here, name = request.node.parent, request.function.__name__
    item = pytest.Function.from_parent(here, name=name)
    for mark in marks:
        item.add_marker(mark)
    with pytest.MonkeyPatch.context() as patch:
        hide_devices(item, patch)
        assert choose_device("auto").type == seen
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ("0" if marks else "")
    assert choose_device("auto").type == "cuda"  # as it was
