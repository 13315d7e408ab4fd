"""Numbers below a float's full precision are zeros while a round is played, and nowhere else."""

import os
import subprocess
import sys

import pytest
import torch
from small_games import Rows, table_game

from sparring.engine.denormals import are_flushed, flushed_denormals
from sparring.engine.game import play_round

CAN = torch.set_flush_denormal(True)
torch.set_flush_denormal(False)
pytestmark = pytest.mark.skipif(not CAN, reason="this processor can't")

SMALL = 1e-38
"""A normal number of 32 bits; a hundredth of it is none."""


def hundredth() -> float:
    return (torch.tensor(SMALL) * 0.01).item()


def test_within_they_are_zeros_and_afterwards_what_they_are() -> None:
    assert hundredth() > 0
    with flushed_denormals():
        assert are_flushed() and hundredth() == 0
        with flushed_denormals():
            pass
        assert are_flushed(), "it leaves the mode that it found"
    assert not are_flushed() and hundredth() > 0
    with pytest.raises(ValueError, match="of the body"), flushed_denormals():
        raise ValueError("of the body")
    assert not are_flushed()


def test_normal_numbers_and_gradients_are_what_they_were() -> None:
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found = []
    for flushed in (False, True):
        x.grad = None
        if flushed:
            with flushed_denormals():
                x.exp().sum().backward()
        else:
            x.exp().sum().backward()
        assert x.grad is not None
        found.append(x.grad.clone())
    assert torch.equal(*found)


SHARED = """
import torch
from sparring.engine.denormals import are_flushed, flushed_denormals, start_workers
torch.set_num_threads(2)
start_workers()
assert not are_flushed()
x = torch.full((1 << 20,), 1e-38)
with flushed_denormals():
    print((x * 0.01).count_nonzero().item())
"""


def test_threads_that_share_the_work_do_so_too() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", SHARED], capture_output=True, text=True, env=environment, timeout=120, check=True
    )
    assert done.stdout.strip() == "0"


def test_an_average_of_nothing_ends_at_zero() -> None:
    """A column of zeros leaves Adam's averages of its weights to fall: 0.9^50 of 1e-37 is no normal number."""
    game = table_game()
    assert isinstance(game.deal, Rows)
    game.deal.arrays["x"][:, 0] = 0.0
    play_round(game)
    weight = game.players[0].parameters[0]
    moment = game.players[0].optimizer.state[weight]["exp_avg"]
    moment[:, 0] = 1e-37
    for _ in range(50):
        play_round(game)
    assert moment[:, 0].count_nonzero() == 0 < moment[:, 1].count_nonzero()
    assert not are_flushed()
