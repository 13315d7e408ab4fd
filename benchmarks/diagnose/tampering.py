"""What is done to data and to games; all else of a sabotage is a setting."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt
import torch

from sparring.engine.game import Game, Player
from sparring.losses.base import Batch

Source = Literal["digits", "mnist"]
DataName = Literal["as-is", "one-class", "noise", "few", "labels-shuffled"]
GameName = Literal["as-is", "freeze-generator", "freeze-discriminator", "not-finite"]
Arrays = dict[str, npt.NDArray[Any]]
Change = Callable[[Arrays, np.random.Generator], None]

HELD = 500
TRAIN = 5_000
FEW = 20
BREAKS_AFTER = 100


def sound_data(source: Source, mnist: Path) -> Arrays:
    """Pictures and labels of both parts; the digits' 1,797 are cut 1,497 to 300, MNIST is 5,000 to 500 of its train."""
    if source == "digits":
        from sklearn.datasets import load_digits

        found = load_digits()
        pictures, labels, held = (found.images * 255 / 16).round().astype(np.uint8), found.target, 300
    else:
        with np.load(mnist) as file:
            pictures, labels = file["train_images"], file["train_labels"]
        held = HELD
    # Drawn at random: data often come sorted by class.
    order = np.random.default_rng(0).permutation(len(pictures))[: TRAIN + HELD]
    pictures, labels = pictures[order], labels[order].astype(np.int64)
    pictures = _halved(pictures) if source == "mnist" else pictures
    return {
        "train_images": pictures[held:],
        "train_labels": labels[held:],
        "val_images": pictures[:held],
        "val_labels": labels[:held],
    }


def write_data(arrays: Arrays, change: DataName, path: Path, *, seed: int) -> Path:
    """Write the data of a run as .npz, changed as asked."""
    arrays = dict(arrays)
    if change != "as-is":
        DATA[change](arrays, np.random.default_rng(seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    # numpy's stubs take the names of arrays for its own options.
    np.savez(path, **cast(Any, arrays))
    return path


def tamper(game: Game, change: GameName) -> Game:
    """Change a game that was just built."""
    if change != "as-is":
        GAMES[change](game)
    return game


def _halved(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """28x28 to 14x14, means of four."""
    count, height, width = pictures.shape
    means = pictures.reshape(count, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
    halved: npt.NDArray[np.uint8] = means.round().astype(np.uint8)
    return halved


def _one_class(arrays: Arrays, draw: np.random.Generator) -> None:
    """The pictures of one class, as after a filter that is wrong."""
    chosen = draw.integers(10)
    for part in ("train", "val"):
        kept = arrays[f"{part}_labels"] == chosen
        arrays[f"{part}_images"] = arrays[f"{part}_images"][kept]
        arrays[f"{part}_labels"] = arrays[f"{part}_labels"][kept]


def _noise(arrays: Arrays, draw: np.random.Generator) -> None:
    for part in ("train", "val"):
        shape = arrays[f"{part}_images"].shape
        arrays[f"{part}_images"] = draw.integers(0, 256, shape, np.uint8)


def _few(arrays: Arrays, draw: np.random.Generator) -> None:
    kept = draw.permutation(len(arrays["train_images"]))[:FEW]
    arrays["train_images"], arrays["train_labels"] = arrays["train_images"][kept], arrays["train_labels"][kept]


def _shuffled(arrays: Arrays, draw: np.random.Generator) -> None:
    for part in ("train", "val"):
        arrays[f"{part}_labels"] = draw.permutation(arrays[f"{part}_labels"])


DATA: Mapping[DataName, Change] = {
    "one-class": _one_class,
    "noise": _noise,
    "few": _few,
    "labels-shuffled": _shuffled,
}


def _player(game: Game, name: str) -> Player:
    return next(player for player in game.players if player.name == name)


def _freeze(game: Game, name: str) -> None:
    """The player's rate becomes next to nothing, whatever its recipe says."""
    for group in _player(game, name).optimizer.param_groups:
        group["lr"] = 1e-12
    # The player remembers the rates that it was made with.
    _player(game, name).__post_init__()


def _break(game: Game) -> None:
    """From one update on the discriminator's pictures hold a value that is no number."""
    deal = game.deal

    def broken(player: str, count: int) -> Batch:
        batch = deal(player, count)
        if count < BREAKS_AFTER or "x" not in batch:
            return batch
        x_BCHW = batch["x"].clone()
        x_BCHW[0, 0, 0, 0] = torch.nan
        return {**batch, "x": x_BCHW}

    game.deal = broken


GAMES: Mapping[GameName, Callable[[Game], None]] = {
    "freeze-generator": lambda game: _freeze(game, "generator"),
    "freeze-discriminator": lambda game: _freeze(game, "discriminator"),
    "not-finite": _break,
}
SOURCES: tuple[Source, ...] = get_args(Source)
