"""What a game writes: the same rows, pictures and events whenever it was stopped, and an end when numbers run away."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from small_games import gan_game, gan_recipe, table_game

from sparring.engine.game import Game
from sparring.engine.record import Event, Observed, Progress, Recorder, milestone
from sparring.engine.state import restore
from sparring.engine.train import Window, train
from sparring.errors import DivergedError
from sparring.runfolder import RunFolder, sample_name

COLUMNS = {"kimg": "thousands", "model_squared": "loss", "model_grad_norm": "norm", "model_skipped": "left out"}
GAN_COLUMNS = {
    "kimg": "thousands",
    **{f"discriminator_{name}": name for name in ("adversarial", "r1", "accuracy", "grad_norm", "skipped")},
    **{f"generator_{name}": name for name in ("adversarial", "grad_norm", "skipped")},
}


class Weight:
    """An observer whose measure is a function of the game alone."""

    def __init__(self) -> None:
        self.columns: Mapping[str, str] = {"weight": "mean of the first weight"}

    def observe(self, game: Game) -> Observed:
        return Observed(values={"weight": game.players[-1].parameters[0].double().abs().mean().item()})


class Series:
    """An observer that tells given values in turn."""

    def __init__(self, *values: float) -> None:
        self.columns: Mapping[str, str] = {"weight": "given"}
        self.values = iter(values)

    def observe(self, game: Game) -> Observed:
        return Observed(values={"weight": next(self.values)})


class Counting:
    """An adviser that speaks at each third measure it is shown, and sees the end at a given one."""

    def __init__(self, *, ends_after: int = 99) -> None:
        self.seen: list[float] = []
        self.ends_after = ends_after
        self.converged = False

    def replay(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            self.look(row)

    def look(self, row: Mapping[str, Any]) -> Sequence[Event]:
        if row.get("weight") is None:
            return []
        self.seen.append(row["kimg"])
        self.converged = len(self.seen) >= self.ends_after
        event = Event(kind="hint", severity="info", values={"rule": "count"}, text=f"{len(self.seen)} seen")
        return [event] if len(self.seen) % 3 == 0 else []


class Session:
    """A game with its recorder and folder: begun anew, or taken up from the last checkpoint."""

    def __init__(
        self, game: Game, folder: RunFolder, *, until: int, columns: Mapping[str, str], **choices: Any
    ) -> None:
        self.game, self.folder, self.until, self.window = game, folder, until, Window()
        choices = {"observers": [Weight()], "judged_by": "weight", "save_seconds": 1e9, **choices}
        self.recorder = Recorder(folder, self.window, columns=columns, picture=self.draw, until=until, **choices)

    def draw(self, game: Game) -> None:
        weights = game.players[-1].parameters[0].detach().contiguous().numpy().tobytes()
        (self.folder.samples / sample_name(game.images)).write_bytes(weights)

    def begin(self) -> "Session":
        self.recorder.begin(self.game)
        return self

    def take_up(self) -> "Session":
        checkpoint = self.folder.load_checkpoint("last")
        restore(self.game, checkpoint.tensors, checkpoint.state["game"])
        self.window.load_state(checkpoint.tensors.get("window", {}), checkpoint.state["window"], torch.device("cpu"))
        self.folder.cut_back(checkpoint)
        self.recorder.begin(self.game, checkpoint.state["recorder"])
        return self

    def play(self, *, log_every: int, rounds: int | None = None) -> bool:
        """Go on; after `rounds` rounds stop and save."""
        left = itertools.count() if rounds is None else iter(range(rounds + 1))
        spent = train(
            self.game,
            self.window,
            self.recorder,
            until=self.until,
            log_every=log_every,
            stop=lambda: rounds is not None and next(left) == rounds,
        )
        if not spent:
            self.recorder.save(self.game)
        return spent


def records(folder: RunFolder) -> dict[str, bytes]:
    """Tables, pictures and the last checkpoint, by name."""
    kept = [folder.path / "metrics.csv", folder.path / "METRICS.md", *sorted(folder.samples.iterdir())]
    last = max(path for path in folder.checkpoints.iterdir() if path.is_dir() and path.name.isdigit())
    return {path.name: path.read_bytes() for path in [*kept, *sorted(last.glob("*.safetensors")), last / "state.json"]}


def gan_session(path: Path, *, resumed: bool = False) -> Session:
    folder = RunFolder.open(path) if resumed else RunFolder.create(path, name="unused")
    recipe = gan_recipe("gan", "r1.every=3", batch=64)
    return Session(gan_game(recipe), folder, until=2048, columns=GAN_COLUMNS)


def test_rows_and_pictures_do_not_depend_on_where_a_run_was_stopped(tmp_path: Path) -> None:
    straight = gan_session(tmp_path / "straight").begin()
    assert straight.play(log_every=256)
    expected = records(straight.folder)
    assert len(straight.folder.rows()) == 8
    assert {sample_name(images) for images in (1024, 1536, 2048)} <= set(expected)
    for rounds in (1, 4, 11, 16, 18, 31):
        first = gan_session(tmp_path / f"cut-{rounds}").begin()
        assert not first.play(log_every=256, rounds=rounds)
        first.folder.unlock()
        second = gan_session(first.folder.path, resumed=True).take_up()
        assert second.play(log_every=256)
        assert records(second.folder) == expected, f"stopped after {rounds} rounds"
        second.folder.unlock()


def table_session(path: Path, **choices: Any) -> Session:
    folder = RunFolder.create(path, name="unused")
    until = choices.pop("until", 4096)
    return Session(table_game(batch=64), folder, until=until, columns=COLUMNS, **choices).begin()


def test_it_measures_and_draws_at_rising_intervals_and_at_the_end(tmp_path: Path) -> None:
    session = table_session(tmp_path / "run", until=5000)
    session.play(log_every=256)
    rows = session.folder.rows()
    assert [row["kimg"] for row in rows if row["weight"] is not None] == [1.024, 1.536, 2.048, 3.072, 4.096, 5.056]
    assert sorted(path.name for path in session.folder.samples.iterdir()) == [
        sample_name(images) for images in (1024, 1536, 2048, 3072, 4096, 5056)
    ]
    assert [row["kimg"] for row in rows] == [256 * n / 1000 for n in range(1, 20)] + [5.056]


def test_the_best_checkpoint_is_the_one_of_the_least_measure(tmp_path: Path) -> None:
    session = table_session(tmp_path / "run", observers=[Series(3.0, float("nan"), 2.0, 2.5, 2.0)])
    session.play(log_every=512)
    assert session.folder.load_checkpoint("best").images == 2048
    noted = [(event["kind"], event["severity"], event["kimg"]) for event in session.folder.events()]
    assert noted == [("best", "info", kimg) for kimg in (1.024, 2.048)], "each new best is told, and no other"
    assert session.folder.load_checkpoint("last").images == 4096


def test_a_measure_that_is_no_number_is_never_best(tmp_path: Path) -> None:
    session = table_session(tmp_path / "run", observers=[Series(float("nan"), 3.0, float("nan"), 4.0, float("nan"))])
    session.play(log_every=512)
    assert session.folder.load_checkpoint("best").images == 1536


def test_what_an_adviser_says_becomes_events_also_over_a_resume(tmp_path: Path) -> None:
    told: list[Event] = []
    first = table_session(tmp_path / "run", adviser=Counting(), on_event=told.append)
    first.play(log_every=512, rounds=40)
    first.folder.unlock()
    second = Session(
        table_game(batch=64), RunFolder.open(tmp_path / "run"), until=4096, columns=COLUMNS, adviser=Counting()
    ).take_up()
    second.play(log_every=512)
    hints = [(event["kimg"], event["text"]) for event in second.folder.events() if event["kind"] == "hint"]
    assert hints == [(2.048, "3 seen")], "the sixth measure is not reached, and the third is not told twice"
    assert [event.text for event in told] == ["3 seen"]


def test_a_converged_run_ends_saved_and_stays_ended(tmp_path: Path) -> None:
    session = table_session(tmp_path / "run", adviser=Counting(ends_after=2), until_converged=True)
    assert session.play(log_every=512)
    assert session.folder.load_checkpoint("last").images == session.game.images == 1536
    session.folder.unlock()
    again = Session(
        table_game(batch=64),
        RunFolder.open(tmp_path / "run"),
        until=4096,
        columns=COLUMNS,
        adviser=Counting(ends_after=2),
        until_converged=True,
    ).take_up()
    assert again.play(log_every=512)
    assert again.game.images == 1536


def test_a_run_that_is_not_asked_to_goes_on_after_it_converged(tmp_path: Path) -> None:
    session = table_session(tmp_path / "run", adviser=Counting(ends_after=2))
    session.play(log_every=512)
    assert session.game.images == 4096


def test_it_saves_in_between_when_it_is_time(tmp_path: Path) -> None:
    session = table_session(tmp_path / "run", save_seconds=0.0, judged_by=None, until=1024)
    saved: list[int] = []
    plain = session.folder.save_checkpoint
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sparring.engine.record.time.perf_counter", itertools.count(step=10).__next__)
        patch.setattr(session.folder, "save_checkpoint", lambda **kept: saved.append(kept["images"]) or plain(**kept))
        session.recorder.begin(session.game)
        session.play(log_every=128)
    assert saved[-1] == 1024
    assert 2 <= len(saved) < 8, "a save that takes long must not come at every log point"


def test_progress_tells_how_far_it_is(tmp_path: Path) -> None:
    told: list[Progress] = []
    session = table_session(tmp_path / "run", on_progress=told.append, until=1024)
    session.play(log_every=256)
    assert [progress.kimg for progress in told] == [0.256, 0.512, 0.768, 1.024]
    assert told[-1].seconds_left == 0
    assert all(progress.until_kimg == 1.024 and progress.images_per_second > 0 for progress in told)
    assert all("seconds" not in column and "second" not in column for column in session.folder.rows()[0])


def broken(session: Session, *, rounds: range) -> None:
    """Make the targets of these rounds infinite, so that gradients are not finite."""
    plain = session.game.deal

    def deal(player: str, counter: int) -> Mapping[str, torch.Tensor]:
        batch = dict(plain(player, counter))
        if counter in rounds:
            batch["target"] = torch.full_like(batch["target"], float("inf"))
        return batch

    session.game.deal = deal


def test_a_single_bad_step_is_left_out_counted_and_told(tmp_path: Path) -> None:
    session = table_session(tmp_path / "run", until=1024)
    broken(session, rounds=range(5, 7))
    session.play(log_every=256)
    rows, events = session.folder.rows(), session.folder.events()
    assert [row["model_skipped"] for row in rows] == [0.0, 2.0, 2.0, 2.0]
    told = [(event["kind"], event["severity"], event["values"]) for event in events]
    assert [event for event in told if event[0] != "best"] == [
        ("skipped-steps", "warning", {"player": "model", "steps": 2.0})
    ]
    assert torch.isfinite(session.game.players[0].parameters[0]).all()


def test_a_run_whose_every_step_is_bad_ends_and_keeps_what_it_had(tmp_path: Path) -> None:
    session = table_session(tmp_path / "run")
    broken(session, rounds=range(16, 99))
    with pytest.raises(DivergedError, match=r"diverged at 1\.28 kimg: a gradient of the model.*lr") as caught:
        session.play(log_every=256)
    assert caught.value.exit_code == 4
    assert session.folder.load_checkpoint("last").images == 1024
    last = session.folder.events()[-1]
    assert (last["kind"], last["severity"]) == ("diverged", "error") and "1.28 kimg" in last["text"]


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path) -> None:
    session = table_session(tmp_path / "run")
    session.recorder.save(session.game)
    with torch.no_grad():
        session.game.players[0].parameters[0][0, 0] = float("nan")
    session.game.images = 512
    with pytest.raises(DivergedError, match="not finite"):
        session.recorder.save(session.game)
    assert session.folder.load_checkpoint("last").images == 0


def test_milestones_rise_by_half_and_by_a_third() -> None:
    found = sorted({milestone(images) for images in range(0, 100_000, 100)})
    assert found == [0, *(1000 * n for n in (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96))]
    assert [milestone(images) for images in (0, 999, 1000, 1499, 1500, 1999, 2000, 10**7)] == [
        *(0, 0, 1000, 1000, 1500, 1500, 2000),
        8_192_000,
    ]
