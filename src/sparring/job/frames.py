"""Frames of a game in a plane: what D and G are at one moment, from one fixed noise, drawn by `planes`."""

import numpy as np
import torch
from torch import Tensor

from sparring.data import Data
from sparring.engine import sampling
from sparring.engine.deal import to_device, to_stored
from sparring.engine.game import Game
from sparring.job.records import averaged_generator, provenance
from sparring.losses.base import DISCRIMINATOR
from sparring.losses.gan import AdversarialObjective
from sparring.metrics.players import still
from sparring.models.gan.base import Discriminator, Generator
from sparring.pictures import sample_name, save_png
from sparring.planes import Moment, Points, Window, frame, picture_of_reals
from sparring.recipe import Recipe
from sparring.runfolder import RunFolder

SHOWN = 1_000
PUSHED = 48
SIDE = 80
LINES, STEPS = 25, 120
REACH = 2.5
"""Standard deviations of normal z that a net is shown to; of uniform z all is shown."""


class PlaneFrames:
    """Draws the game, see `records.Drawer`: D's surface, reals, fakes, pushes, and the sheet that G lays.

    Args:
        folder: None: nothing is saved.
    """

    every_row = True

    def __init__(self, folder: RunFolder | None, data: Data, recipe: Recipe) -> None:
        self._folder = folder
        self._recipe = recipe
        self._name = data.name
        x = data.parts["train"].x
        drawn = np.random.Generator(np.random.Philox(key=recipe.seed)).permutation(len(x))[:SHOWN]
        self._reals: Points = np.asarray(x[np.sort(drawn)])
        self._window = Window.around(np.asarray(x))

    def __call__(self, game: Game) -> None:
        """Draw the present game, and save the frame under the present count."""
        image = frame(self._moment(game), self._window)
        if self._folder is not None:
            name = sample_name(game.images) if game.images else "init.png"
            save_png(
                image, self._folder.samples / name, provenance(self._folder, self._recipe, game.kimg), durable=False
            )

    def reals(self, data: Data) -> None:
        """Save the training points as real.png."""
        assert self._folder is not None
        image = picture_of_reals(f"{self._name}, real", self._reals, self._window)
        save_png(image, self._folder.samples / "real.png", provenance(self._folder, self._recipe, 0.0))

    def _moment(self, game: Game) -> Moment:
        module = averaged_generator(game)
        player = game.player(DISCRIMINATOR)
        discriminator, objective = player.module, game.objective
        assert isinstance(discriminator, Discriminator) and isinstance(objective, AdversarialObjective)
        z_NZ = self._noise(module, SHOWN, "fixed")
        fakes = sampling.generate(module, z_NZ, None, game.precision)
        with still(discriminator), game.precision.autocast():
            reals_NF, fakes_NF = (_placed(points, game) for points in (self._reals, fakes))
            real_N, fake_N = discriminator(reals_NF).float(), discriminator(fakes_NF).float()
            lattice_LF = _placed(self._window.lattice(SIDE), game)
            surface_L = discriminator(lattice_LF).float()
            pushes_PF = _pushes(objective, discriminator, fakes_NF[:PUSHED], real_N[:PUSHED])
        seen, told = _seen(surface_L, real_N, fake_N, probability=objective.loss.probability)
        return Moment(
            title=f"{self._name}, {self._recipe.name}, {game.kimg:,.1f} kimg",
            reals=self._reals,
            fakes=fakes,
            surface=to_stored(seen.reshape(SIDE, SIDE)),
            surface_is=told,
            starts=fakes[:PUSHED],
            pushes=to_stored(pushes_PF),
            curves=self._curves(module, game),
            curves_are=f"G: a net of {LINES} x {LINES} lines of z" if module.z_dim == 2 else f"G: {LINES} circles of z",
        )

    def _curves(self, module: Generator, game: Game) -> list[Points]:
        lines = _net(module) if module.z_dim == 2 else self._circles(module)
        made = sampling.generate(module, lines.flatten(0, 1), None, game.precision)
        return list(made.reshape(len(lines), STEPS, 2))

    def _circles(self, module: Generator) -> Tensor:
        """Closed curves [LINES, STEPS, Z], each through two samples of z."""
        ends = self._noise(module, 2 * LINES, "circles").reshape(LINES, 2, 1, -1)
        turn = torch.linspace(0, 2 * torch.pi, STEPS)[None, :, None]
        return torch.cos(turn) * ends[:, 0] + torch.sin(turn) * ends[:, 1]

    def _noise(self, module: Generator, count: int, stream: str) -> Tensor:
        return sampling.noise(count, module.z_dim, seed=self._recipe.seed, stream=stream, kind=module.noise)


def _net(module: Generator) -> Tensor:
    """Lines of z along both axes, [2 * LINES, STEPS, 2]."""
    reach = 1.0 if module.noise == "uniform" else REACH
    along, across = torch.linspace(-reach, reach, STEPS), torch.linspace(-reach, reach, LINES)
    lines = torch.stack([along.expand(LINES, STEPS), across[:, None].expand(LINES, STEPS)], -1)
    return torch.cat([lines, lines.flip(-1)])


def _placed(points: Points, game: Game) -> Tensor:
    return to_device(torch.from_numpy(points).to(game.precision.weights), game.precision.device)


def _pushes(objective: AdversarialObjective, discriminator: Discriminator, fakes_PF: Tensor, real_P: Tensor) -> Tensor:
    """The negative gradient of the generator's loss by each fake, [P, 2]."""
    leaf_PF = fakes_PF.detach().requires_grad_()
    with torch.enable_grad():
        loss = objective.loss.g_loss(real_P if objective.loss.paired else None, discriminator(leaf_PF)).sum()
        (slope_PF,) = torch.autograd.grad(loss, leaf_PF)
    return -slope_PF


def _seen(surface_L: Tensor, real_N: Tensor, fake_N: Tensor, *, probability: bool) -> tuple[Tensor, str]:
    """The surface from 0 (fake) to 1 (real), and what it is."""
    if probability:
        return surface_L.sigmoid(), "D: probability of being real; line: 1/2"
    # Only differences of such logits mean something: the middle is halfway between reals and fakes.
    middle = 0.5 * (real_N.mean() + fake_N.mean())
    spread = (surface_L - middle).abs().quantile(0.98).clamp_min(1e-12)
    return (0.5 + 0.5 * (surface_L - middle) / spread).clamp(0, 1), "D: logit; line: halfway from fake to real"
