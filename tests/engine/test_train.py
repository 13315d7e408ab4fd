"""The loop and its window: where it looks, where it ends, and what it averages."""

import pytest
import torch
from small_games import table_game

from sparring.engine.game import Game
from sparring.engine.train import Window, train


class Notes:
    """A watcher that notes where it was asked to look."""

    def __init__(self, *, ends_at: int = 1 << 60) -> None:
        self.ended = False
        self.ends_at = ends_at
        self.at: list[tuple[int, bool]] = []
        self.rounds: list[int] = []

    def look(self, game: Game, window: Window, *, done: bool) -> None:
        self.at.append((game.images, done))
        self.ended = game.images >= self.ends_at
        self.rounds.append(window.rounds)
        window.clear()


def looked(*, until: int, log_every: int, batch: int = 16) -> Notes:
    notes = Notes()
    assert train(table_game(batch=batch), Window(), notes, until=until, log_every=log_every, stop=lambda: False)
    return notes


def test_it_looks_where_a_multiple_is_passed_and_at_the_end() -> None:
    notes = looked(until=200, log_every=64)
    assert notes.at == [(64, False), (128, False), (192, False), (208, True)]
    assert notes.rounds == [4, 4, 4, 1]


def test_it_ends_where_its_watcher_says_so() -> None:
    notes = Notes(ends_at=100)
    assert train(table_game(batch=16), Window(), notes, until=320, log_every=64, stop=lambda: False)
    assert notes.at == [(64, False), (128, False)]


def test_log_points_do_not_depend_on_the_end() -> None:
    short, long = looked(until=320, log_every=50), looked(until=640, log_every=50)
    assert [at for at, done in short.at if not done] == [at for at, _ in long.at if at < 320]


def test_a_batch_that_is_wider_than_the_interval_is_looked_at_once() -> None:
    assert looked(until=96, log_every=5, batch=32).at == [(32, False), (64, False), (96, True)]


def test_it_stops_between_two_rounds_and_says_so() -> None:
    game, notes, asked = table_game(), Notes(), iter([False, False, True])
    window = Window()
    assert not train(game, window, notes, until=1000, log_every=1000, stop=lambda: next(asked))
    assert (game.round, game.images, window.rounds) == (2, 32, 2)
    assert notes.at == []


def test_nothing_is_left_to_do_where_the_end_is_reached() -> None:
    game, notes = table_game(), Notes()
    game.images = 64
    assert train(game, Window(), notes, until=64, log_every=16, stop=lambda: False)
    assert notes.at == []


def test_means_are_over_the_rounds_in_which_a_name_was_there() -> None:
    window = Window()
    for count, value in enumerate((1.0, 2.0, 6.0)):
        window.add({"always": torch.tensor(value)} | ({"rare": torch.tensor(10 * value)} if count != 1 else {}))
    assert window.means() == {"always": 3.0, "rare": 35.0}
    assert window.rounds == 3
    window.clear()
    assert (window.means(), window.rounds) == ({}, 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_window_does_not_change_what_it_was_given(dtype: torch.dtype) -> None:
    window, first = Window(), torch.tensor(1.0, dtype=dtype)
    window.add({"loss": first})
    window.add({"loss": torch.tensor(2.0, dtype=dtype)})
    assert first.item() == 1.0
    assert window.means() == {"loss": 1.5}


def test_small_values_are_not_lost_in_a_long_window() -> None:
    """10,000 times 0.1 in float32 drifts by 1e-3 of its value; the sums are kept in float64."""
    window, value = Window(), torch.tensor(0.1)
    for _ in range(10_000):
        window.add({"loss": value})
    assert window.means()["loss"] == pytest.approx(value.item(), rel=1e-12)


def test_a_window_goes_on_from_its_state() -> None:
    whole, first, second = Window(), Window(), Window()
    for number in range(6):
        scalars = {"loss": torch.tensor(0.1 * number)} | ({"rare": torch.tensor(1.0)} if number % 4 == 0 else {})
        whole.add(scalars)
        (first if number < 3 else second).add(scalars)
        if number == 2:
            sums, counts = first.state()
            second.load_state({name: value.clone() for name, value in sums.items()}, dict(counts), torch.device("cpu"))
    assert second.means() == whole.means()
    assert second.rounds == whole.rounds
