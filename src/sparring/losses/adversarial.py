"""Adversarial losses: what each player wants the logits to be."""

import math
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import relu, softplus

from sparring.losses.base import adversarial_losses


@adversarial_losses("nonsaturating", paper="arXiv:1406.2661, section 3")
class NonSaturating:
    """Logistic loss; the generator maximises log D(G(z)) instead of minimising log(1 - D(G(z))).

    With D the sigmoid of the logit: d_loss = -log D(x) - log(1 - D(G(z))), g_loss = -log D(G(z)). Where D sees no
    difference d_loss is 2 ln 2 = 1.386 and g_loss ln 2 = 0.693.
    """

    paired: ClassVar[bool] = False
    no_difference: ClassVar[tuple[float, float]] = (2 * math.log(2), math.log(2))
    probability: ClassVar[bool] = True

    def d_loss(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        """Cross-entropy of calling reals 1 and fakes 0, [B]."""
        return softplus(-real_B) + softplus(fake_B)

    def g_loss(self, real_B: Tensor | None, fake_B: Tensor) -> Tensor:
        """Cross-entropy of calling fakes 1, [B]."""
        return softplus(-fake_B)


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
