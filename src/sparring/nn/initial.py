"""Initial weights for layers that a ReLU follows."""

from torch import nn


def he_init(module: nn.Module) -> None:
    """Normal weights of variance 2 / fan-in and biases of zero, for `network.apply(he_init)`; other layers keep theirs.

    Source: He et al. 2015, arXiv:1502.01852, eq. 10: signals keep their variance from layer to layer.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
