"""What a recipe of the task of rebuilding names: its loss, and what its examples are spoilt by."""

from sparring.data import TableSpec
from sparring.data.spec import OpenedSpec
from sparring.engine.corruptions.base import corruptions
from sparring.engine.corruptions.patches import HiddenPatches
from sparring.engine.distortions.base import Distortion
from sparring.errors import UsageError
from sparring.losses.m2 import SemiSupervisedELBO
from sparring.losses.rebuilding import RebuildingObjective
from sparring.losses.reconstruction_error import ReconstructionLoss, reconstruction_losses
from sparring.models.autoencode.base import Autoencoder
from sparring.models.autoencode.m2 import M2
from sparring.models.autoencode.masked import MaskedAutoencoder
from sparring.recipe import Recipe


def loss_of(recipe: Recipe) -> ReconstructionLoss:
    """The loss of what is rebuilt."""
    return reconstruction_losses.build(recipe.loss.name, settings=recipe.loss.settings)


def corruption_of(recipe: Recipe) -> Distortion | None:
    """What examples are spoilt by."""
    return None if recipe.augment is None else corruptions.build(recipe.augment.name, settings=recipe.augment.settings)


def hidden_share(recipe: Recipe) -> float:
    """What share of an example is hidden from the network, which guesses it; 0: nothing."""
    corruption = corruption_of(recipe)
    return corruption.share if isinstance(corruption, HiddenPatches) else 0.0


def refuse_other_patches(recipe: Recipe, module: Autoencoder) -> None:
    """Refuse hidden patches that are not those of the network, and a network of patches of which none is hidden.

    Raises:
        UsageError: names the settings.
    """
    corruption = corruption_of(recipe)
    hides = corruption.side if isinstance(corruption, HiddenPatches) else None
    reads = module.places.side if isinstance(module, MaskedAutoencoder) else None
    if hides == reads:
        return
    if reads is None:
        raise UsageError("--set augment=patches is for --recipe masked-autoencoder: take --set augment=masking.")
    if hides is None:
        raise UsageError("a masked autoencoder guesses what is hidden: give --set augment=patches.")
    raise UsageError(
        f"patches of {hides}x{hides} are hidden and ones of {reads}x{reads} read: give --set patch=SIDE, which sets "
        "both."
    )


def refuse_unused_guesses(module: Autoencoder, objective: RebuildingObjective) -> None:
    """Refuse a network that guesses classes where nothing teaches it to.

    Raises:
        UsageError: names the recipe.
    """
    if isinstance(module, M2) and not isinstance(objective, SemiSupervisedELBO):
        raise UsageError("network m2 learns to guess classes by its own objective alone: take --recipe m2.")


def refuse_rows(recipe: Recipe, spec: OpenedSpec) -> None:
    """Refuse what is of points between black and white, for rows of numbers.

    Raises:
        UsageError: names the setting.
    """
    if not isinstance(spec, TableSpec):
        return
    for setting, part, name in (("loss", recipe.loss, "bernoulli"), ("augment", recipe.augment, "binarised")):
        if part is not None and part.name == name:
            raise UsageError(
                f"--set {setting}={name} is of points between black and white, and these data are rows: take "
                f"--set {setting}={'gaussian' if setting == 'loss' else 'none'}."
            )
