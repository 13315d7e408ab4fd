"""Autoencoders whose code is a row of numbers: linear, fully connected, convolutional, denoising, sparse."""

from typing import Annotated, Any, Literal

from sparring.recipe import DataChoice, Facts, Part, Recipe
from sparring.recipes.autoencode.base import rebuilder, usual_code, usual_widths
from sparring.recipes.base import recipes

COURSE = {"symmetric": (8, 4, 2, 2, 4, 8), "asymmetric": (16, 8, 4, 6, 12, 16)}
"""Widths from left to right: as narrow behind the code as before it, and not."""


@recipes("linear-autoencoder", paper="Baldi and Hornik 1989 (Neural Networks 2)")
def linear_autoencoder(data: DataChoice, facts: Facts) -> Recipe:
    """One matrix to the code and one back, without an activation: it finds the subspace of PCA.

    Command: sparring train digits --recipe linear-autoencoder --set autoencoder.code=6
    """
    model = Part(name="linear", settings={"code": usual_code(facts)})
    return rebuilder("linear-autoencoder", data, facts, model=model, player={"lr": 3e-3})


@recipes("autoencoder", paper="Hinton and Salakhutdinov 2006 (Science 313)")
def autoencoder(
    data: DataChoice,
    facts: Facts,
    *,
    preset: Annotated[
        Literal["usual", "symmetric", "asymmetric"], "widths: usual; (8, 4, 2, 2, 4, 8); (16, 8, 4, 6, 12, 16)"
    ] = "usual",
) -> Recipe:
    """Fully connected down to a few numbers and up again: the default of --task rebuild.

    Command: sparring train digits --task rebuild --set preset=asymmetric
    """
    widths = COURSE.get(preset, usual_widths(facts))
    settings: dict[str, Any] = {"widths": widths}
    if preset != "usual":
        # Of two units that are 0 below 0 one is soon 0 for all examples, and the code is a line.
        settings["activation"] = "elu"
    return rebuilder("autoencoder", data, facts, model=Part(name="mlp", settings=settings))


@recipes("conv-autoencoder")
def conv_autoencoder(data: DataChoice, facts: Facts) -> Recipe:
    """Strided convolutions to a code of 32 numbers, transposed ones back.

    Command: sparring train photos/ --recipe conv-autoencoder --set autoencoder.code=128
    """
    return rebuilder("conv-autoencoder", data, facts, model=Part(name="conv"))


@recipes("denoising-autoencoder", paper="Vincent et al. 2008 (ICML)")
def denoising_autoencoder(
    data: DataChoice,
    facts: Facts,
    *,
    spoilt_by: Annotated[Literal["noise", "masking"], "Gaussian noise, or places that are hidden"] = "noise",
) -> Recipe:
    """Shown spoilt examples, it is to give the clean ones.

    Command: sparring train digits --recipe denoising-autoencoder --set spoilt_by=masking --set augment.share=0.3
    """
    settings = {"sd": 0.1} if facts.columns and spoilt_by == "noise" else {}
    return rebuilder(
        "denoising-autoencoder",
        data,
        facts,
        model=Part(name="mlp", settings={"widths": usual_widths(facts)}),
        augment=Part(name=spoilt_by, settings=settings),
    )


@recipes("sparse-autoencoder", paper="Ng 2011, CS294A lecture notes")
def sparse_autoencoder(data: DataChoice, facts: Facts) -> Recipe:
    """One hidden layer of many units, of which each is to be on for few examples.

    Command: sparring train digits --recipe sparse-autoencoder --set objective.sparsity=0.03
    """
    return rebuilder(
        "sparse-autoencoder",
        data,
        facts,
        model=Part(name="mlp", settings={"widths": (256,), "code_activation": "sigmoid"}),
        settings={"sparsity": 0.01},
    )
