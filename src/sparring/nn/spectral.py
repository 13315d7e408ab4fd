"""Spectral normalisation of whole networks: no layer stretches its input by more than its bias and 1.

Paper: Miyato, Kataoka, Koyama, Yoshida, "Spectral normalization for generative adversarial networks",
arXiv:1802.05957. One power iteration a pass, in training alone; its vectors are buffers, so a run goes on exactly.
"""

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm


def normalise_spectrum(module: nn.Module) -> None:
    """Divide the weight of every linear map inside, convolutions and embeddings too, by its largest singular value.

    Weights have their first values before, from which the power iteration begins; embeddings are drawn anew, as one
    that starts at zero has no singular vector.
    """
    for part in list(module.modules()):
        if isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight)
        if isinstance(part, nn.Linear | nn.Conv2d | nn.Embedding):
            spectral_norm(part)
