"""What a chunk may take."""

import pytest
import torch

from helpers.system.memory import chunk_memory


@pytest.mark.parametrize(("free", "expected"), [(2**40, 2**34), (2**30, 2**28)])
def test_a_chunk_takes_a_quarter_of_what_a_gpu_has_free_at_most(
    free, expected, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 2**41))
    sizes = {"cpu": 2**30, "cuda": 2**34}
    assert chunk_memory(torch.device("cuda"), **sizes) == expected
    assert chunk_memory(torch.device("cpu"), **sizes) == 2**30
