"""A network's training and evaluation as a user would write them: DataLoader, Adam."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader


def train(loader: DataLoader, module: nn.Module, rate: float, device: str) -> float:
    """One pass; the mean loss of its batches. rate: of learning."""
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)
    module.train()
    total = 0.0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        loss = F.cross_entropy(module(images).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


@torch.no_grad()
def evaluate(loader: DataLoader, module: nn.Module, device: str) -> tuple[float, float]:
    """Mean loss, and the share of images that are classified correctly."""
    module.eval()
    total, right, count = 0.0, 0, len(loader.dataset)
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        logits = module(images).logits
        total += F.cross_entropy(logits, labels, reduction="sum").item()
        right += (logits.argmax(1) == labels).sum().item()
    return total / count, right / count
