"""Adversarial losses: what each player wants the logits to be."""

import math
from typing import Annotated, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from sparring.losses.base import adversarial_losses
from sparring.registry import Range


@adversarial_losses("nonsaturating", paper="arXiv:1406.2661, section 3")
class NonSaturating:
    """Logistic loss; the generator maximises log D(G(z)) instead of minimising log(1 - D(G(z))).

    With D the sigmoid of the logit: d_loss = -log D(x) - log(1 - D(G(z))), g_loss = -log D(G(z)). Where D sees no
    difference it answers 1/2, d_loss is 2 ln 2 = 1.386 and g_loss ln 2 = 0.693.

    One-sided smoothing s (Salimans et al., arXiv:1606.03498, section 3.4) wants 1 - s of reals and still 0 of fakes.
    D's best answer then is 1 - s times the probability, so the sigmoid is none any more.
    """

    paired: ClassVar[bool] = False

    def __init__(
        self, *, smoothing: Annotated[float, "what reals are to be called less than 1", Range(0.0, below=1.0)] = 0.0
    ) -> None:
        self.smoothing = smoothing
        self.probability = smoothing == 0
        blind = torch.logit(torch.tensor((1 - smoothing) / 2, dtype=torch.float64))
        self.no_difference = (self.d_loss(blind, blind).item(), self.g_loss(None, blind).item())

    def d_loss(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        """Cross-entropy of calling reals 1 (less `smoothing`) and fakes 0, [B]."""
        # (1 - s) softplus(-l) + s softplus(l) is softplus(-l) + s l.
        return softplus(-real_B) + self.smoothing * real_B + softplus(fake_B)

    def g_loss(self, real_B: Tensor | None, fake_B: Tensor) -> Tensor:
        """Cross-entropy of calling fakes 1, [B]."""
        return softplus(-fake_B)


@adversarial_losses("minimax", paper="arXiv:1406.2661, eq. 1")
class Minimax(NonSaturating):
    """The game as it was first written: the generator minimises log(1 - D(G(z))).

    D's side is that of `nonsaturating`, smoothing as well. What G minimises is what D maximises, and its slope vanishes
    where D is sure. Where D sees no difference d_loss is 2 ln 2 = 1.386 and g_loss -ln 2 = -0.693.
    """

    def g_loss(self, real_B: Tensor | None, fake_B: Tensor) -> Tensor:
        """log(1 - D(G(z))), [B], at most 0."""
        return -softplus(fake_B)


@adversarial_losses("least-squares", paper="arXiv:1611.04076, eq. 9")
class LeastSquares:
    """LSGAN: D's output itself is to be 1 for reals and 0 for fakes, and G wants 1; squared errors, halved.

    The paper's a = 0, b = c = 1. A fake beyond 1 is pulled back, so it stays among the reals. Where D sees no
    difference it answers 1/2, d_loss is 1/4 and g_loss 1/8.
    """

    paired: ClassVar[bool] = False
    no_difference: ClassVar[tuple[float, float]] = (1 / 4, 1 / 8)
    probability: ClassVar[bool] = False

    def d_loss(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        """(D(x) - 1)^2 / 2 + D(G(z))^2 / 2, [B]."""
        return ((real_B - 1).square() + fake_B.square()) / 2

    def g_loss(self, real_B: Tensor | None, fake_B: Tensor) -> Tensor:
        """(D(G(z)) - 1)^2 / 2, [B]."""
        return (fake_B - 1).square() / 2


@adversarial_losses("wasserstein", paper="arXiv:1701.07875, algorithm 1")
class Wasserstein:
    """D is a critic whose mean is to differ between reals and fakes; G raises it at its fakes.

    -d_loss estimates the earth mover's distance, up to the critic's slope, as long as something bounds that: with
    `weight-clipping` or `gradient-penalty`; alone D grows without end. At no difference both losses are 0, for a critic
    near 0.
    """

    paired: ClassVar[bool] = False
    no_difference: ClassVar[tuple[float, float]] = (0.0, 0.0)
    probability: ClassVar[bool] = False

    def d_loss(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        """D(G(z)) - D(x), [B]."""
        return fake_B - real_B

    def g_loss(self, real_B: Tensor | None, fake_B: Tensor) -> Tensor:
        """-D(G(z)), [B]."""
        return -fake_B


@adversarial_losses("hinge", paper="arXiv:1705.02894, arXiv:1802.05957")
class Hinge:
    """D pushes reals above +1 and fakes below -1 and no further; G raises the logit of its fakes.

    Where D sees no difference and is near 0, d_loss is 2 and g_loss 0.
    """

    paired: ClassVar[bool] = False
    no_difference: ClassVar[tuple[float, float]] = (2.0, 0.0)
    probability: ClassVar[bool] = False

    def d_loss(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        """max(0, 1 - D(x)) + max(0, 1 + D(G(z))), [B]."""
        return relu(1 - real_B) + relu(1 + fake_B)

    def g_loss(self, real_B: Tensor | None, fake_B: Tensor) -> Tensor:
        """-D(G(z)), [B]."""
        return -fake_B


@adversarial_losses("relativistic", paper="arXiv:1807.00734, arXiv:2501.05441")
class Relativistic:
    """Each fake is compared with a real one (RpGAN): only differences of logits count.

    Pairing is element by element, and pairs share their class. At no difference both losses are ln 2 = 0.693.
    """

    paired: ClassVar[bool] = True
    no_difference: ClassVar[tuple[float, float]] = (math.log(2), math.log(2))
    probability: ClassVar[bool] = False

    def d_loss(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        """softplus(-(D(x) - D(G(z)))), [B]."""
        return softplus(fake_B - real_B)

    def g_loss(self, real_B: Tensor | None, fake_B: Tensor) -> Tensor:
        """softplus(-(D(G(z)) - D(x))), [B]."""
        assert real_B is not None, "a paired loss is dealt reals in the generator's turn"
        return softplus(real_B - fake_B)
