"""What a recipe of the task of rebuilding names: its loss, and what its examples are spoilt by."""

from sparring.data import TableSpec
from sparring.data.spec import OpenedSpec
from sparring.engine.corruptions.base import corruptions
from sparring.engine.distortions.base import Distortion
from sparring.errors import UsageError
from sparring.losses.reconstruction_error import ReconstructionLoss, reconstruction_losses
from sparring.recipe import Recipe


def loss_of(recipe: Recipe) -> ReconstructionLoss:
    """The loss of what is rebuilt."""
    return reconstruction_losses.build(recipe.loss.name, settings=recipe.loss.settings)


def corruption_of(recipe: Recipe) -> Distortion | None:
    """What examples are spoilt by."""
    return None if recipe.augment is None else corruptions.build(recipe.augment.name, settings=recipe.augment.settings)


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
