"""One job from its first round, or its last checkpoint, to its end: everything is in the run folder at every moment."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import torch

from sparring.data import Data
from sparring.diagnose.hints import diagnose, exit_code
from sparring.diagnose.records import Records
from sparring.diagnose.watch import Watch
from sparring.engine.allocator import reused_memory
from sparring.engine.distributed import SharedStop, by_first, same_as_first
from sparring.engine.game import Game, play_round
from sparring.engine.precision import Precision
from sparring.engine.profile import Profile
from sparring.engine.record import Recorder
from sparring.engine.state import capture, restore
from sparring.engine.threads import threads_for
from sparring.engine.train import SharedWatcher, Window, train
from sparring.engine.whole import in_one_piece
from sparring.errors import CollapsedError, InterruptedRunError, UsageError
from sparring.job.aims import Drawer, Fitted
from sparring.job.build import build_game
from sparring.job.listeners import Listeners
from sparring.job.profile import write_profile
from sparring.job.records import columns
from sparring.job.tasks import TASKS
from sparring.job.together import survived
from sparring.nn import ranks
from sparring.recipe import Recipe
from sparring.report import build_report
from sparring.runfolder import Checkpoint, RunFolder

TIMING = "timing.json"


@dataclass(kw_only=True)
class Job:
    """What one run is made of, ready to be played.

    Args:
        recipe: complete: every value that the run depends on.
        data: its parts.
        fitted: what it is judged with.
        profile: whether to look where the time goes.
    """

    recipe: Recipe
    data: Data
    fitted: Fitted
    precision: Precision
    listeners: Listeners
    profile: bool = False
    window: Window = field(default_factory=Window)

    def __post_init__(self) -> None:
        # The caller's own random numbers stay as they are: players are initialised, and play, from the recipe's seed.
        with torch.random.fork_rng():
            self.game: Game = build_game(self.recipe, self.data.spec, self.data.parts, self.precision)
        leads = ranks.world().rank == 0
        observers = TASKS[self.recipe.task].observers
        self.observers = observers(self.data, self.recipe, self.fitted.extractor) if leads else []

    @property
    def until(self) -> int:
        """Examples at which the run ends."""
        return round(self.recipe.kimg * 1000)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Within it examples are dealt; afterwards nothing reads on in the background."""
        try:
            yield
        finally:
            for part in self.data.parts.values():
                if part.stream is not None:
                    part.stream.close()

    def drawer(self, folder: RunFolder) -> Drawer:
        """Who draws how far the players are."""
        return TASKS[self.recipe.task].drawer(folder, self.data, self.recipe)

    def take_up(self, checkpoint: Checkpoint) -> None:
        """Put a checkpoint's weights, moments and counters into the players.

        Raises:
            UsageError: it does not fit the recipe.
        """
        try:
            restore(self.game, checkpoint.tensors, checkpoint.state["game"])
            sums = checkpoint.tensors.get("window", {})
            self.window.load_state(sums, checkpoint.state["window"], self.precision.device)
        except (KeyError, RuntimeError) as error:
            said = str(error).splitlines()[0]
            raise UsageError(
                f"{checkpoint.path}: does not fit the run's recipe.json ({said}). "
                "Put recipe.json back as it was written."
            ) from error


def play(job: Job, folder: RunFolder, *, checkpoint: Checkpoint | None = None) -> Path:
    """Train until the budget is spent or a signal comes, and write the report.

    Where several processes train together, rank 0 alone writes, judges and draws, and the others wait meanwhile.

    Args:
        folder: locked by the caller.
        checkpoint: what the players took up; None on a new run.

    Raises:
        InterruptedRunError: a signal came; the state was saved.
        DivergedError: numbers stopped being finite; the last good checkpoint is kept.
        CollapsedError: the run came to its end without variety; everything was written.
        LostProcessError: another process is gone; the last checkpoint is kept.
    """
    desk = _desk(job, folder) if ranks.world().rank == 0 else None
    profile = Profile() if job.profile and desk is not None else None
    started = time.perf_counter()
    with (
        job.reading(),
        survived(folder),
        _signals() as arrived,
        torch.random.fork_rng(),
        reused_memory(),
        threads_for(job.data.spec.places),
        closing(profile) if profile else nullcontext(),
    ):
        same_as_first(capture(job.game)[0])
        with in_one_piece(job.game) as seen:
            by_first(lambda: _begin(job, seen, desk, checkpoint))
        spent = train(
            job.game,
            job.window,
            SharedWatcher(None if desk is None else desk.recorder),
            until=job.until,
            log_every=round(job.recipe.log_kimg * 1000),
            stop=SharedStop(lambda: bool(arrived)),
            play=profile or play_round,
        )
        stopped = None if spent else arrived
        with in_one_piece(job.game) as seen:
            by_first(lambda: _end(job, seen, folder, desk, stopped, started=started, profile=profile))
    return folder.path


def add_timing(folder: RunFolder, *, training: float = 0.0, judging: float = 0.0, fitting: float = 0.0) -> None:
    """Add seconds to timing.json: apart from the tables, because a clock is not to reach those.

    Args:
        training: of all that was played and judged.
        judging: of observing and drawing, a part of it.
        fitting: of making the judge, which is done once for a data set and is not a part of it.
    """
    before = folder.read_json(TIMING) if (folder.path / TIMING).exists() else {}
    new = {"training_seconds": training, "judging_seconds": judging, "judge_training_seconds": fitting}
    folder.write_json(TIMING, {name: round(before.get(name, 0.0) + value, 3) for name, value in new.items()})


def _refuse_collapsed(folder: RunFolder) -> None:
    hints = diagnose(Records.read(folder))
    if exit_code(hints) != CollapsedError.exit_code:
        return
    worst = next(hint for hint in hints if hint.severity == "error" and hint.failure == "collapse")
    raise CollapsedError(f"{folder.path}: finished, but the generator lost its variety. {worst.sentence}")


@dataclass(frozen=True)
class _Desk:
    """Who draws and who writes; rank 0 has it."""

    drawer: Drawer
    recorder: Recorder


def _desk(job: Job, folder: RunFolder) -> _Desk:
    drawer = job.drawer(folder)
    recorder = Recorder(
        folder,
        job.window,
        columns=columns(job.game),
        observers=job.observers,
        picture=drawer,
        every_row=drawer.every_row,
        judged_by=job.fitted.judged_by,
        until=job.until,
        adviser=Watch(job.recipe.to_json(), folder.read_json("data.json"), folder.read_json("judge.json")),
        until_converged=job.recipe.until_converged,
        on_event=job.listeners.hint,
        on_progress=job.listeners.progress,
    )
    return _Desk(drawer, recorder)


def _begin(job: Job, game: Game, desk: _Desk | None, checkpoint: Checkpoint | None) -> None:
    assert desk is not None
    if checkpoint is not None:
        desk.recorder.begin(game, checkpoint.state["recorder"])
        desk.recorder.ended = False  # whoever asks for more gets more, also where nothing seemed to be gained
        return
    desk.recorder.begin(game)
    desk.drawer.reals(job.data)
    desk.drawer(game)
    desk.recorder.save(game)


def _end(
    job: Job,
    game: Game,
    folder: RunFolder,
    desk: _Desk | None,
    stopped: list[int] | None,
    *,
    started: float,
    profile: Profile | None,
) -> None:
    """Write what is left to be written.

    Args:
        stopped: the signals that came before the budget was spent, of which another process may have had the first;
            None: it was spent.
    """
    assert desk is not None
    if stopped is not None:
        desk.recorder.save(game)
    spent, training = desk.recorder.seconds, time.perf_counter() - started
    add_timing(folder, training=training, judging=spent["judging"] + spent["drawing"])
    if profile is not None:
        write_profile(job, folder, profile, spent, training=training)
    if stopped is not None:
        raise InterruptedRunError(
            f"stopped at {job.game.kimg:g} of {job.recipe.kimg:g} kimg, and saved. "
            f"Go on with: sparring train --resume {folder.path}",
            signal_number=stopped[0] if stopped else signal.SIGTERM,
        )
    TASKS[job.recipe.task].finish(folder.path, job.precision.device)
    build_report(folder)
    _refuse_collapsed(folder)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Numbers of the signals that asked to stop; a second one is obeyed at once, by the system itself, where this
    process trains alone."""
    arrived: list[int] = []
    # torchrun passes on what the terminal has sent already, and itself ends whoever takes too long.
    patient = ranks.world().ranks > 1
    if threading.current_thread() is not threading.main_thread():
        yield arrived
        return
    asking = (signal.SIGINT, signal.SIGTERM)

    def note(number: int, frame: FrameType | None) -> None:
        arrived.append(number)
        for each in () if patient else asking:
            signal.signal(each, signal.SIG_DFL)

    before = {number: signal.signal(number, note) for number in asking}
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
