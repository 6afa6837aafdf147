"""Identity nets as benchmarks.gpu compares them: our stack, and one after another."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.gpu_training import COPY, TF32, Case
from helpers.models.identity import build_identity
from helpers.training.identity_stacks import IdentityStack


def identity(size: dict, device: str, *, family: str) -> Case:
    """Steps of identity nets with momentum; work: steps of all of them together."""
    convolutional = family == "identity_convnet"
    kind = "conv" if convolutional else "fcn"
    width, depth, steps = (
        size[f"{kind}_{what}"] for what in ("width", "depth", "steps")
    )
    side, count = size["canvas"], size["identities"]
    model = build_identity(
        family, image_shape=(1, side, side), width=width, depth=depth
    )
    image = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    images = image.expand(count, 1, 1, side, side).contiguous().to(device)
    each = [model.initial(seed=k, scheme="pytorch") for k in range(count)]
    weights = {n: torch.stack([w[n] for w in each]).to(device) for n in model.names}
    how = {"trained": model.names, "optimizer": "momentum", "learning_rate": 1e-3}
    stack = IdentityStack(
        model, {n: w.clone() for n, w in weights.items()}, images, **how
    )

    def ours():
        for done in range(0, steps, 200):
            stack.take(min(200, steps - done), [0.0] * count).cpu()

    def plain():
        for k in range(count):
            network = _as_sequential(model, each[k]).to(device)
            optimizer = torch.optim.SGD(network.parameters(), 1e-3, momentum=0.9)
            for _ in range(steps):
                error = F.mse_loss(network(images[k]), images[k])
                error.item()  # which tells when to stop
                optimizer.zero_grad()
                error.backward()
                optimizer.step()

    parameters = sum(weight[0].numel() for weight in weights.values())
    products = 6 * parameters * (side**2 if convolutional else 1)
    a_step = max(products / TF32, 6 * 4 * parameters / COPY)  # six passes at the least
    return Case(ours, plain, count * steps * a_step, steps)


def _as_sequential(model, weights: dict[str, Tensor]) -> nn.Sequential:
    """PyTorch's own layers with the same weights."""
    layers: list[nn.Module] = [] if model.area else [nn.Flatten()]
    for layer in range(1, model.depth + 1):
        outputs, inputs, *area = model.shapes[f"W{layer}"]
        one = nn.Conv2d(inputs, outputs, area, padding="same") if area else None
        layers += [one or nn.Linear(inputs, outputs), nn.ReLU()]
    layers.pop()
    if not model.area:
        layers.append(nn.Unflatten(1, model.image_shape))
    network = nn.Sequential(*layers)
    with torch.no_grad():
        for parameter, weight in zip(
            network.parameters(), weights.values(), strict=True
        ):
            parameter.copy_(weight)
    return network
