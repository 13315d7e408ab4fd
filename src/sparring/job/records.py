"""What a run writes beside its checkpoints: columns, pictures of one fixed noise, the judge's measures, facts."""

import dataclasses
import platform
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from sparring import __version__
from sparring.data import Data, Part
from sparring.data.spec import ImageSpec, OpenedSpec, TableSpec
from sparring.diagnose.facts import picture_facts
from sparring.engine import sampling
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.errors import UsageError
from sparring.job.dealing import class_shares
from sparring.losses.base import DISCRIMINATOR, GENERATOR
from sparring.models.gan.base import Generator
from sparring.nn import ranks
from sparring.pictures import COLUMNS, MOST_ROWS, grid, in_turn, padded, sample_name, save_png
from sparring.recipe import Recipe
from sparring.runfolder import RunFolder

ROWS = 8
SHOWN_ROWS = 4
_IN_TURN = ("source", "target", "made")
Pixels = npt.NDArray[np.uint8]


def columns(game: Game) -> dict[str, str]:
    """The columns of metrics.csv that playing fills, with their meanings."""
    note = "mean since the row before"
    found = {"kimg": f"thousands of training examples that the {game.counted} has seen"}
    for player in game.players:
        found |= {name: text for name, text in game.objective.columns.items() if name.startswith(f"{player.name}_")}
        if player.name == DISCRIMINATOR:
            ranked = "share of (real, fake) pairs it ranks right, 0.5 fooled, 1 perfect"
            found[f"{player.name}_accuracy"] = f"{ranked}; {note}"
        found[f"{player.name}_grad_norm"] = f"length of the gradient of its loss; {note}"
        found[f"{player.name}_skipped"] = "steps left out so far because the gradient was not finite"
    return found


class FixedPictures:
    """Saves the generator's answers to one fixed noise; a row is a class where it can be asked for one.

    Where it translates, rows of held-out sources, of their targets and of what it makes of them take turns.

    Args:
        folder: None: they are made, and not saved.
        held: held-out pictures.
    """

    every_row = False

    def __init__(
        self,
        folder: RunFolder | None,
        spec: ImageSpec,
        recipe: Recipe,
        held: Part,
        *,
        conditional: bool,
        translates: bool,
    ) -> None:
        self._folder = folder
        self._held = held
        self._translates = translates
        self._conditional = conditional
        self._spec = spec
        self._recipe = recipe

    def __call__(self, game: Game) -> None:
        """Save the picture of the present generator under the present count."""
        name = sample_name(game.images) if game.images else "init.png"
        pictures = draw_fixed(game, self._spec, self._held, seed=self._recipe.seed)
        captions = self._captions()
        if self._translates:
            captions = [*_IN_TURN] * (len(pictures) // COLUMNS // len(_IN_TURN))
        self._save(name, pictures, captions, kimg=game.kimg)

    def reals(self, data: Data) -> None:
        """Save the same grid of training pictures, as real.png."""
        part, rows = data.parts["train"], _rows(self._spec, conditional=self._conditional)
        # Drawn at random: data often come sorted, by class or by who made them.
        drawn = np.random.Generator(np.random.Philox(key=self._recipe.seed)).permutation(len(part))
        if part.y is None or not self._conditional:
            pictures = np.asarray(part.x[np.sort(drawn[: rows * COLUMNS])])
        else:
            members = [drawn[part.y[drawn] == c][:COLUMNS] for c in range(rows)]
            pictures = np.concatenate([padded(part.x[np.sort(chosen)], COLUMNS) for chosen in members])
        self._save("real.png", pictures, self._captions(), kimg=0.0)

    def _captions(self) -> list[str] | None:
        return list(self._spec.classes[:MOST_ROWS]) if self._conditional else None

    def _save(self, name: str, pictures: Pixels, captions: list[str] | None, *, kimg: float) -> None:
        save_sheet(self._folder, name, pictures, captions, recipe=self._recipe, kimg=kimg)


def save_sheet(
    folder: RunFolder | None, name: str, pictures: Pixels, captions: list[str] | None, *, recipe: Recipe, kimg: float
) -> None:
    """Write pictures uint8 [N, H, W, C] as a grid of `COLUMNS` to the run's samples; without a folder nothing."""
    if folder is None:
        return
    image = grid(pictures, columns=COLUMNS, captions=captions)
    save_png(image, folder.samples / name, provenance(folder, recipe, kimg))


def provenance(folder: RunFolder, recipe: Recipe, kimg: float) -> dict[str, str | int | float]:
    """What a picture says of where it came from."""
    return {"run": folder.path.name, "recipe": recipe.name, "kimg": kimg, "seed": recipe.seed}


def draw_fixed(game: Game, spec: ImageSpec, held: Part, *, seed: int) -> Pixels:
    """Pictures uint8 [rows * COLUMNS, H, W, C] of the noise that `seed` fixes; with classes, row r is class r.

    Of pairs: the first held-out sources, their targets and what is made of them, a row of each in turn.
    """
    module = averaged_generator(game)
    if module.source_channels:
        assert held.source is not None, "its data are pairs"
        sources, targets = (np.array(pictures[: SHOWN_ROWS * COLUMNS]) for pictures in (held.source, held.x))
        z_NZ = sampling.noise(len(sources), module.z_dim, seed=seed, stream="fixed", kind=module.noise)
        made = sampling.generate(module, z_NZ, sources, game.precision)
        return in_turn(sources, targets, made, columns=COLUMNS)
    rows = _rows(spec, conditional=module.conditional)
    z_NZ = sampling.noise(rows * COLUMNS, module.z_dim, seed=seed, stream="fixed", kind=module.noise)
    labels = np.arange(rows, dtype=np.int64).repeat(COLUMNS) if module.conditional else None
    return sampling.generate(module, z_NZ, labels, game.precision)


def _rows(spec: ImageSpec, *, conditional: bool) -> int:
    return len(spec.classes[:MOST_ROWS]) if conditional else ROWS


def averaged_generator(game: Game) -> Generator:
    """The generator that is judged and drawn, in evaluation mode: its average, or a copy where it has none."""
    module = game.player(GENERATOR).averaged()
    assert isinstance(module, Generator)
    return module


def environment(precision: Precision) -> dict[str, Any]:
    """What a result depends on beside the recipe: versions, processor, threads."""
    return {
        "sparring": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "device": _device_name(precision.device),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "processes": ranks.processes(),
    }


def data_record(data: Data) -> dict[str, Any]:
    """data.json: the report, the spec, the shares of the classes that labels are drawn by, and how pictures look."""
    labels = data.parts["train"].y
    shares = None if labels is None else class_shares(labels, len(data.spec.classes)).tolist()
    return {
        **data.report.to_json(),
        "spec": dataclasses.asdict(data.spec),
        "class_shares": shares,
        "pictures": picture_facts(data.parts["train"].x) if isinstance(data.spec, ImageSpec) else None,
    }


# -- what a run folder tells, checked, for people edit files -----------------------------------------------------------


def read_recipe(folder: RunFolder) -> Recipe:
    """The run's recipe.

    Raises:
        UsageError: recipe.json is absent, broken, or made by a newer version.
    """
    value = folder.read_json("recipe.json")
    if not isinstance(value, dict) or not isinstance(value.get("format", 1), int):
        raise UsageError(f"{folder.path / 'recipe.json'}: not a recipe. Put the file back as it was written.")
    try:
        return Recipe.from_json(value)
    except UsageError as error:
        raise UsageError(f"{folder.path / 'recipe.json'}: {error}") from None


def read_spec(folder: RunFolder) -> OpenedSpec:
    """What the run's examples are.

    Raises:
        UsageError: data.json is absent or broken.
    """
    try:
        found = {name: _plain(value) for name, value in folder.read_json("data.json")["spec"].items()}
        return TableSpec(**found) if "columns" in found else ImageSpec(**found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _broken(folder, "data.json", error) from error


def read_hashes(folder: RunFolder) -> dict[str, str]:
    """The hash of each part, as the run began.

    Raises:
        UsageError: data.json is absent or broken.
    """
    try:
        return {name: str(part["hash"]) for name, part in folder.read_json("data.json")["parts"].items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise _broken(folder, "data.json", error) from error


def read_shares(folder: RunFolder) -> list[float]:
    """The shares of the classes among the training labels.

    Raises:
        UsageError: data.json is absent or broken.
    """
    try:
        return [float(share) for share in folder.read_json("data.json")["class_shares"]]
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(folder, "data.json", error) from error


def read_counts(folder: RunFolder) -> list[int]:
    """Training examples of each class, in the order of the classes.

    Raises:
        UsageError: data.json is absent or broken.
    """
    try:
        return [int(count) for count in folder.read_json("data.json")["parts"]["train"]["classes"].values()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _broken(folder, "data.json", error) from error


def read_layout(folder: RunFolder) -> str:
    """How the data were understood, in words.

    Raises:
        UsageError: data.json is absent or broken.
    """
    try:
        return str(folder.read_json("data.json")["layout"])
    except (KeyError, TypeError) as error:
        raise _broken(folder, "data.json", error) from error


def read_environment(folder: RunFolder) -> dict[str, Any]:
    """What the run began in, see `environment`.

    Raises:
        UsageError: environment.json is absent or broken.
    """
    found = folder.read_json("environment.json")
    if not isinstance(found, dict) or "device" not in found:
        raise _broken(folder, "environment.json", KeyError("device"))
    return found


def device_kind(folder: RunFolder) -> str:
    """The kind of device that the run began on: cpu, cuda or mps."""
    name = str(read_environment(folder)["device"])
    return name if name in ("cpu", "mps") else "cuda"


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _broken(folder: RunFolder, name: str, error: Exception) -> UsageError:
    if isinstance(error, UsageError):
        return error
    return UsageError(f"{folder.path / name}: lacks something ({error}). Put the file back as it was written.")


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
