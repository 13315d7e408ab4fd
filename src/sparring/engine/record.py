"""What is written while a game is played: rows, pictures of one fixed noise, events and checkpoints.

Everything but the moment of a checkpoint is a pure function of the examples counted, so that a run that was killed and
resumed writes the same bytes as one that was not.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from sparring.engine.game import Game
from sparring.engine.state import all_finite, capture
from sparring.engine.train import Window
from sparring.errors import DivergedError
from sparring.runfolder import RunFolder


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something to be told: a line of events.jsonl but for its moment, see `RunFolder.append_event`."""

    kind: str
    severity: str
    values: Mapping[str, Any]
    text: str


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What an observer saw: values by column, and what does not fit into a table."""

    values: Mapping[str, float]
    events: Sequence[Event] = ()


class Observer(Protocol):
    """Measures the game at rising intervals.

    Attributes:
        columns: the columns that it fills in metrics.csv, each with its meaning in a line.
    """

    columns: Mapping[str, str]

    def observe(self, game: Game) -> Observed:
        """What there is to see now; a pure function of the game."""
        ...


class Adviser(Protocol):
    """Reads the table after each milestone and says what it means.

    What it says is a pure function of the rows so far, so that a resumed run says the same.
    """

    converged: bool
    """Whether nothing is to be gained any more."""

    def replay(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take up a resumed run: what these rows had to say was said."""
        ...

    def look(self, row: Mapping[str, Any]) -> Sequence[Event]:
        """One row more; what is to be said now. Only a row of a milestone gives anything."""
        ...


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a terminal shows at a log point; times are in seconds and never reach the tables."""

    kimg: float
    until_kimg: float
    images_per_second: float
    seconds_left: float
    row: Mapping[str, Any]


def milestone(images: int) -> int:
    """Largest of 1000 * (1, 1.5, 2, 3, 4, 6, 8, 12, ...) that is not above `images`; 0 below the first.

    >>> [milestone(n) for n in (999, 1499, 2999, 100_000)]
    [0, 1000, 2000, 96000]
    """
    if images < 1000:
        return 0
    power: int = 1000 * 2 ** ((images // 1000).bit_length() - 1)
    return power * 3 // 2 if images >= power * 3 // 2 else power


def looks(images: int) -> int:
    """How often a run of so many examples is judged: at each milestone and at the end.

    >>> looks(500), looks(3_500)
    (1, 5)
    """
    last = milestone(images)
    if not last:
        return 1
    doublings = (last // 1000).bit_length() - 1
    return 2 * doublings + (last > 1000 << doublings) + 1 + (images > last)


class Recorder:
    """Writes a game's records into its run folder, see `train.Watcher`.

    Args:
        columns: of metrics.csv, `kimg` first, with their meanings; those of the observers are added.
        observers: asked at milestones.
        picture: makes the picture of the present generator and saves it under the given count of examples.
        every_row: draw at every row, not at milestones alone.
        judged_by: the column whose least value marks the best checkpoint.
        until: examples at which the run ends.
        adviser: shown every row; what it says becomes events.
        until_converged: end as well when the adviser sees nothing to be gained any more.
        save_seconds: seconds between two checkpoints; more where saving takes long, so that it costs 3 % at most.
        on_progress: told at each log point.
        on_event: told what the adviser says.

    Attributes:
        ended: whether the run is at its end before its budget is.
        seconds: what was not training took so far, in this process: `judging` (by the observers), `drawing`, `saving`,
            and `telling`, by rows, events and hints.
    """

    def __init__(
        self,
        folder: RunFolder,
        window: Window,
        *,
        columns: Mapping[str, str],
        observers: Sequence[Observer],
        picture: Callable[[Game], None],
        judged_by: str | None,
        until: int,
        every_row: bool = False,
        adviser: Adviser | None = None,
        until_converged: bool = False,
        save_seconds: float = 30.0,
        on_progress: Callable[[Progress], None] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._folder = folder
        self._window = window
        self._observers = tuple(observers)
        self._columns = dict(columns)
        for observer in self._observers:
            self._columns |= observer.columns
        self._picture = picture
        self._every_row = every_row
        self._judged_by = judged_by
        self._until = until
        self._save_seconds = save_seconds
        self._adviser = adviser
        self._until_converged = until_converged
        self.ended = False
        self._on_progress = on_progress
        self._on_event = on_event
        self.seconds = dict.fromkeys(("judging", "drawing", "saving", "telling"), 0.0)
        self._best: float | None = None
        self._looked_at = 0
        self._skipped: dict[str, float] = {}

    def begin(self, game: Game, state: Mapping[str, Any] | None = None) -> None:
        """Open the table; `state` is what `state()` gave before, on a resumed run."""
        self._folder.start_table(self._columns)
        if state is not None:
            self._best, self._looked_at = state["best"], state["looked_at"]
            self._skipped = dict(state["skipped"])
            self.ended = state["ended"]
            if self._adviser is not None:
                self._adviser.replay(self._folder.rows())
        self._clock = self._saved_clock = time.perf_counter()
        self._clock_images = game.images
        self._save_cost = 0.0

    def state(self) -> dict[str, Any]:
        """What the recorder must remember over a restart."""
        return {"best": self._best, "looked_at": self._looked_at, "skipped": self._skipped, "ended": self.ended}

    def look(self, game: Game, window: Window, *, done: bool) -> None:
        """Write a row; at a milestone measure, draw and compare as well; save where it is time."""
        row: dict[str, Any] = {"kimg": game.kimg, **window.means(), **self._skipped_steps(game, window)}
        rounds = window.rounds
        window.clear()
        self._stop_if_stuck(game, row, rounds)
        at_milestone = done or milestone(game.images) > self._looked_at
        events: list[Event] = []
        if at_milestone or self._every_row:
            self._draw(game)
        if at_milestone:
            self._looked_at = milestone(game.images)
            row |= self._observed(game, events)
        better = at_milestone and self._is_better(row)
        with self._clocked("telling"):
            self._folder.append_row(row)
            if better:
                events.append(self._best_event(row))
            for event in events:
                self._note(game, event)
            self._tell(game, row)
            self._take_advice(game, row, at_milestone)
        if done or better or self.ended or self._due():
            self.save(game, best=better)

    def save(self, game: Game, *, best: bool = False) -> None:
        """Write a checkpoint now.

        Raises:
            DivergedError: a weight, an average or a moment is not finite; the earlier checkpoints stay.
        """
        started = time.perf_counter()
        tensors, counters = capture(game)
        if not all_finite(tensors):
            raise self._diverged(game, "weights or statistics that are not finite")
        sums, counts = self._window.state()
        if sums:
            tensors["window"] = sums
        state = {"game": counters, "window": counts, "recorder": self.state()}
        self._folder.save_checkpoint(images=game.images, tensors=tensors, state=state, best=best)
        self._saved_clock = time.perf_counter()
        self._save_cost = self._saved_clock - started
        self.seconds["saving"] += self._save_cost

    def _due(self) -> bool:
        return time.perf_counter() - self._saved_clock > max(self._save_seconds, 30 * self._save_cost)

    def _is_better(self, row: Mapping[str, Any]) -> bool:
        value = row.get(self._judged_by) if self._judged_by else None
        # A measure that is not a number is no better than any, and nothing would be better than it.
        if value is None or math.isnan(value) or (self._best is not None and value >= self._best):
            return False
        self._best = value
        return True

    def _observed(self, game: Game, events: list[Event]) -> dict[str, float]:
        values: dict[str, float] = {}
        with self._clocked("judging"):
            for observer in self._observers:
                observed = observer.observe(game)
                values |= observed.values
                events += observed.events
        return values

    def _draw(self, game: Game) -> None:
        with self._clocked("drawing"):
            self._picture(game)

    @contextmanager
    def _clocked(self, part: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[part] += time.perf_counter() - started

    def _best_event(self, row: Mapping[str, Any]) -> Event:
        assert self._judged_by is not None
        values = {name: row[name] for name in (self._judged_by, f"{self._judged_by}_floor") if name in row}
        told = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        return Event(kind="best", severity="info", values=values, text=f"best checkpoint so far: {told}")

    def _take_advice(self, game: Game, row: Mapping[str, Any], at_milestone: bool) -> None:
        if self._adviser is None:
            return
        for event in self._adviser.look(row):
            self._note(game, event)
            if self._on_event is not None:
                self._on_event(event)
        self.ended = self._until_converged and at_milestone and self._adviser.converged

    def _note(self, game: Game, event: Event) -> None:
        self._folder.append_event(
            kimg=game.kimg, kind=event.kind, severity=event.severity, values=event.values, text=event.text
        )

    def _skipped_steps(self, game: Game, window: Window) -> dict[str, float]:
        return {f"{player.name}_skipped": player.skipped.item() for player in game.players}

    def _stop_if_stuck(self, game: Game, row: Mapping[str, Any], rounds: int) -> None:
        """End the run when a player took not one step since the last log point; tell of single skipped ones."""
        for player in game.players:
            name = f"{player.name}_skipped"
            new = row[name] - self._skipped.get(name, 0.0)
            self._skipped[name] = row[name]
            if new >= rounds * player.updates:
                what = f"a gradient of the {player.name} that is not finite, at every step"
                raise self._diverged(game, what)
            if new:
                text = f"{new:.0f} step(s) of the {player.name} were left out: the gradient was not finite."
                values = {"player": player.name, "steps": new}
                self._note(game, Event(kind="skipped-steps", severity="warning", values=values, text=text))

    def _diverged(self, game: Game, what: str) -> DivergedError:
        """The error to end with; its first sentence stays in the run, for whoever reads the records."""
        happened = f"diverged at {game.kimg:g} kimg: {what}."
        self._note(game, Event(kind="diverged", severity="error", values={}, text=happened))
        return DivergedError(
            f"{happened} The checkpoints before it are kept. Try half the rates "
            "(--set generator.lr=..., --set discriminator.lr=...), a stronger penalty, or --precision fp32."
        )

    def _tell(self, game: Game, row: Mapping[str, Any]) -> None:
        if self._on_progress is None:
            return
        now = time.perf_counter()
        speed = (game.images - self._clock_images) / max(1e-9, now - self._clock)
        left = max(0, self._until - game.images) / max(1e-9, speed)
        self._clock, self._clock_images = now, game.images
        self._on_progress(
            Progress(kimg=game.kimg, until_kimg=self._until / 1000, images_per_second=speed, seconds_left=left, row=row)
        )
