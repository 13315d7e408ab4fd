"""The loop: rounds until the budget is spent, a look at log points, and no synchronisation with the device between."""

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from sparring.engine.distributed import average, by_first
from sparring.engine.game import Game, play_round
from sparring.engine.whole import in_one_piece


class Window:
    """Running sums of the rounds' scalars since the last log point, kept on the device."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self.rounds = 0

    def add(self, scalars: Mapping[str, Tensor]) -> None:
        """Add one round's scalars; a name may be absent in some rounds."""
        self.rounds += 1
        for name, value in scalars.items():
            if name in self._sums:
                self._sums[name] += value
            else:
                wide = torch.float64 if value.device.type == "cpu" else torch.float32
                self._sums[name] = value.detach().to(wide, copy=True)
            self._counts[name] = self._counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """Means over the rounds in which each name was present; this waits for the device."""
        return {name: value.item() / self._counts[name] for name, value in self._sums.items()}

    def level(self) -> None:
        """Let all ranks have the mean of their sums: what one process has that sees whole batches."""
        average(list(self._sums.values()))

    def clear(self) -> None:
        """Begin a new window."""
        self._sums.clear()
        self._counts.clear()
        self.rounds = 0

    def state(self) -> tuple[dict[str, Tensor], dict[str, int]]:
        """Sums and counts, for a checkpoint between two log points."""
        return dict(self._sums), {**self._counts, "rounds": self.rounds}

    def load_state(self, sums: Mapping[str, Tensor], counts: Mapping[str, int], device: torch.device) -> None:
        """Take back what `state` gave."""
        self._sums = {name: value.to(device) for name, value in sums.items()}
        self._counts = {name: count for name, count in counts.items() if name != "rounds"}
        self.rounds = counts["rounds"]


class Watcher(Protocol):
    """Looks at the game at its log points.

    Attributes:
        ended: whether the game is to end before its budget is spent.
    """

    ended: bool

    def look(self, game: Game, window: Window, *, done: bool) -> None:
        """Called at each log point, and with `done` at the end of the budget."""
        ...


class SharedWatcher:
    """Rank 0's watcher looks, and the others wait for what it says.

    Args:
        own: rank 0's; the others have none.
    """

    def __init__(self, own: Watcher | None) -> None:
        self._own = own
        self.ended = own is not None and own.ended

    def look(self, game: Game, window: Window, *, done: bool) -> None:
        """See `Watcher.look`."""

        def looked() -> bool:
            assert self._own is not None, "rank 0 has one"
            self._own.look(seen, window, done=done)
            return self._own.ended

        with in_one_piece(game) as seen:
            self.ended = by_first(looked)
        window.clear()


def train(
    game: Game,
    window: Window,
    watcher: Watcher,
    *,
    until: int,
    log_every: int,
    stop: Callable[[], bool],
    play: Callable[[Game], Mapping[str, Tensor]] = play_round,
) -> bool:
    """Play rounds until `until` examples were counted.

    Args:
        log_every: examples between two log points. They lie where a multiple of it is passed, whatever `until` is.
        stop: asked before each round; when it says yes the loop ends between two rounds.
        play: plays one.

    Returns:
        Whether the game came to its end (False: stopped).
    """
    while game.images < until and not watcher.ended:
        if stop():
            window.level()
            return False
        before = game.images
        window.add(play(game))
        done = game.images >= until
        if done or before // log_every != game.images // log_every:
            window.level()
            watcher.look(game, window, done=done)
    return True
