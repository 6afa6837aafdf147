"""Identity nets as a reader would write them, of torch.nn's own layers."""

from torch import Tensor, nn


def as_module(model, weights: dict[str, Tensor]) -> nn.Sequential:
    """The network of a model with these weights, those of one network.

    Its parameters are copies, in the order of the model's names.
    """
    layers = []
    for layer in range(1, model.depth + 1):
        weight, bias = weights[f"W{layer}"].clone(), weights.get(f"b{layer}")
        layers.append(_layer(weight, biased=bias is not None))
        layers[-1].weight.data = weight
        if bias is not None:
            layers[-1].bias.data = bias.clone()
        if model.activation == "relu" and layer < model.depth:
            layers.append(nn.ReLU())
    if weights["W1"].ndim == 2:
        layers = [nn.Flatten(), *layers, nn.Unflatten(1, model.image_shape)]
    return nn.Sequential(*layers)


def _layer(weight: Tensor, *, biased: bool) -> nn.Module:
    outputs, inputs, *area = weight.shape
    if area:
        return nn.Conv2d(inputs, outputs, area[0], padding="same", bias=biased)
    return nn.Linear(inputs, outputs, bias=biased)
