"""Variational autoencoders, and VQ-VAE."""

from collections.abc import Mapping
from typing import Any

from sparring.recipe import DataChoice, Facts, Part, Recipe
from sparring.recipes.autoencode.base import rebuilder
from sparring.recipes.base import needs_labels, recipes

SMALL = 16
"""Sides below which a grey picture's points are shades, not ink."""


def likelihood(facts: Facts) -> tuple[Part, str]:
    """Of grey pictures Bernoulli, of colours, of rows and of very small pictures Gaussian; and why."""
    if facts.channels == 1 and min(facts.height, facts.width) >= SMALL:
        why = (
            "each point is black or white with its value as the probability; of 28x28 digits gaussian samples were far "
        )
        return Part(name="bernoulli"), f"bernoulli: {why}worse (fd_judge 431 against 68 after 120 kimg)"
    why = "shades count as they are, the standard deviation is learned; of 8x8 digits bernoulli rebuilds worse at like "
    return Part(name="gaussian"), f"gaussian: {why}samples (squared error 0.029 against 0.007 after 100 kimg)"


def _variational(
    name: str,
    data: DataChoice,
    facts: Facts,
    *,
    model: Part,
    objective: str = "elbo",
    reasons: Mapping[str, str] | None = None,
) -> Recipe:
    loss, why = likelihood(facts)
    reasons = {"loss": why, **(reasons or {})}
    return rebuilder(name, data, facts, model=model, objective=objective, loss=loss, reasons=reasons)


def _dense(facts: Facts, *, conditional: bool) -> Part:
    settings: dict[str, Any] = {"conditional": True} if conditional else {}
    return Part(name="vae", settings={**settings, **_sizes(facts)})


def _sizes(facts: Facts) -> dict[str, Any]:
    """Of fully connected networks for rows; for pictures they are the networks' own."""
    return {"z_dim": max(2, facts.columns), "hidden": (128, 128)} if facts.columns else {}


@recipes("vae", paper="arXiv:1312.6114")
def vae(data: DataChoice, facts: Facts) -> Recipe:
    """Variational, fully connected: rebuilds, makes samples, and bounds log p(x).

    Command: sparring train digits --recipe vae --set objective.beta=2
    """
    return _variational("vae", data, facts, model=_dense(facts, conditional=False))


@recipes("cvae", paper="Sohn, Lee, Yan 2015 (NeurIPS)")
def cvae(data: DataChoice, facts: Facts) -> Recipe:
    """`vae`, its encoder and its decoder told the class: samples of a class that is asked for.

    Command: sparring train digits --recipe cvae
    """
    needs_labels("cvae", facts)
    return _variational("cvae", data, facts, model=_dense(facts, conditional=True))


@recipes("m2", paper="arXiv:1406.5298")
def m2(data: DataChoice, facts: Facts) -> Recipe:
    """`cvae` from few labels: it guesses the class where nobody tells it, and names classes by that guess.

    Command: sparring train mnist.npz --recipe m2 --labels 100
    """
    needs_labels("m2", facts)
    return _variational(
        "m2",
        data,
        facts,
        model=Part(name="m2", settings=_sizes(facts)),
        objective="m2",
        reasons={
            "objective.alpha": "50: MNIST's validation error (100 labels, 40 kimg) was 25 % with it, 27 % with 10, "
            "55 % with 1",
        },
    )


@recipes("conv-vae", paper="arXiv:1312.6114")
def conv_vae(data: DataChoice, facts: Facts) -> Recipe:
    """Variational, with strided and transposed convolutions.

    Command: sparring train photos/ --recipe conv-vae
    """
    return _variational("conv-vae", data, facts, model=Part(name="conv-vae"))


@recipes("vq-vae", paper="arXiv:1711.00937")
def vq_vae(data: DataChoice, facts: Facts) -> Recipe:
    """A map of codebook vectors as the code: discrete, and without a prior to sample from.

    Command: sparring train photos/ --recipe vq-vae
    """
    return rebuilder("vq-vae", data, facts, model=Part(name="vq"), objective="vector-quantisation")
