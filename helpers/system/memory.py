"""How much memory the work of a chunk may take, by the device."""

import torch


def chunk_memory(device: torch.device, *, cpu: int, cuda: int) -> int:
    """Bytes that a chunk may take: on CUDA a quarter of what is free at most."""
    if device.type == "cpu":
        return cpu
    return min(cuda, torch.cuda.mem_get_info(device)[0] // 4)
