"""The sweep as a user would write it: nn.Module, DataLoader, SGD, one by one."""

import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.utils.data import DataLoader, TensorDataset


class SinNetwork(nn.Module):
    """Two layers with sin between them, without biases."""

    def __init__(self, features: int, width: int, classes: int):
        super().__init__()
        self.first = nn.Linear(features, width, bias=False)
        self.second = nn.Linear(width, classes, bias=False)

    def forward(self, x):
        return self.second(torch.sin(self.first(x.flatten(1))))


class GivenOrder:
    """A sampler whose next order is set beforehand, so that both sides see the same."""

    def __init__(self, count: int):
        self.order = range(count)

    def __iter__(self):
        return iter(self.order)

    def __len__(self):
        return len(self.order)


@torch.no_grad()
def accuracy(network, loader, device) -> float:
    """Share of the images in a loader that a network classifies correctly."""
    network.eval()
    right = count = 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        right += (network(images).argmax(1) == labels).sum().item()
        count += len(labels)
    return right / count


def gradient_alignment(network, train_set, classes, device) -> float:
    """In-class alignment of per-example gradients of the first layer, by torch.func."""

    def loss(weights, image, label):
        logits = functional_call(network, weights, (image[None],))
        return nn.functional.cross_entropy(logits, label[None])

    weights = {name: w.detach() for name, w in network.named_parameters()}
    gradients_of, values = vmap(grad(loss), in_dims=(None, 0, 0)), []
    images, labels = (part.to(device) for part in train_set.tensors)
    for label in range(classes):
        chosen = labels == label
        gradients = gradients_of(weights, images[chosen], labels[chosen])
        flat = gradients["first.weight"].flatten(1)
        count, norms = len(flat), flat.norm(dim=1)
        pairs = flat.sum(0).square().sum() - norms.square().sum()
        values.append(count * pairs / ((count - 1) * norms.sum().square()))
    return torch.stack(values).mean().item()


def train_one(
    network, train_set, test_set, *, run, orders, device, measured, classes, seen
) -> tuple:
    """Epochs, accuracies and mean alignment of a network trained to its stop.

    measured: epochs at which alignment is taken, as it is at the last; none: never.
    seen: images evaluated at once.
    """
    sampler = GivenOrder(len(train_set))
    loader = DataLoader(train_set, batch_size=run.batch_size, sampler=sampler)
    whole = DataLoader(train_set, batch_size=seen)
    tests = DataLoader(test_set, batch_size=seen)
    optimizer = torch.optim.SGD(network.parameters(), lr=run.learning_rate)
    align = (network, train_set, classes, device)
    aligned = [gradient_alignment(*align)] if measured else []
    for epoch in range(1, run.epochs + 1):
        sampler.order = orders(epoch).tolist()
        network.train()
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            loss = nn.functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        fitted = accuracy(network, whole, device)
        tested = accuracy(network, tests, device)
        stop = fitted >= run.stop_accuracy or epoch == run.epochs
        if measured and (epoch in measured or stop):
            aligned.append(gradient_alignment(*align))
        if stop:
            break
    return epoch, fitted, tested, sum(aligned) / max(len(aligned), 1)


def datasets_of(data, standardise) -> tuple[TensorDataset, TensorDataset]:
    """Training and test set as a user would hold them."""
    return (
        TensorDataset(standardise(data.train_images), data.train_labels),
        TensorDataset(standardise(data.test_images), data.test_labels),
    )
