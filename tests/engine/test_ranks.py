"""Two processes play what one plays: the same gradients, weights and records."""

import ast
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import sparring
from engine import ranks_worker
from engine.together import begin, ended
from sparring.engine.deal import Share
from sparring.errors import UsageError
from sparring.nn import ranks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="gloo over the loopback interface")


@pytest.fixture(scope="module")
def found() -> Mapping[str, Any]:
    """What two processes say, in one start for all cases."""
    answers = []
    for code, printed, said in ended(begin(ranks_worker.__file__)):
        assert code == 0, said
        answers.append(json.loads(printed.splitlines()[-1]))
    first, second = answers
    return {"differences": first["differences"] | second["differences"], "noise": first["noise"]}


@pytest.mark.parametrize("case", list(ranks_worker.CASES))
def test_two_processes_play_what_one_plays(found: Mapping[str, Any], case: str) -> None:
    """In float64; what is logged is in float32 here and there."""
    apart = found["differences"][case]
    assert apart["gradient"] < 1e-9
    assert apart["weight"] < 1e-8
    assert apart["logged"] < 1e-6


def test_noise_inside_a_network_is_each_process_s_own(found: Mapping[str, Any]) -> None:
    first, second = torch.tensor(found["noise"])
    assert torch.corrcoef(torch.stack([first, second]))[0, 1].abs() < 4 / len(first) ** 0.5
    for own in (first, second):
        assert own.mean().abs() < 4 / len(own) ** 0.5
        assert (own.std() - 1).abs() < 4 / (2 * len(own)) ** 0.5


DRAWS = {"rand", "randn", "randint", "randperm", "bernoulli", "normal", "multinomial", "rand_like", "randn_like"}


def test_losses_draw_what_all_processes_draw_alike() -> None:
    """A draw of torch's own generator is another one in each process, see `nn.ranks`; so are Gibbs chains to be."""
    sources = sorted((Path(sparring.__file__).parent / "losses").rglob("*.py"))
    found = [
        f"{path.name}: {ast.unparse(node)}"
        for path in sources
        if path.name != "contrastive_divergence.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {f"torch.{name}" for name in DRAWS}
        and "generator" not in {keyword.arg for keyword in node.keywords}
    ]
    assert len(sources) > 10
    assert not found


def test_shares_of_a_batch_are_all_of_it_and_of_each_of_its_parts() -> None:
    rows = torch.arange(12)
    own = [Share(rank=rank, ranks=3, parts=2).cut(rows) for rank in range(3)]
    assert [share.tolist() for share in own] == [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]
    first_parts = torch.cat([share.chunk(2)[0] for share in own])
    assert sorted(first_parts.tolist()) == list(range(6))


def test_chains_that_go_on_are_of_one_process() -> None:
    machine = ranks_worker.autoencoder("rbm", "objective.persistent=false")
    persistent = ranks_worker.autoencoder("rbm")
    with ranks.within(ranks.World(0, 2)):
        machine()
        with pytest.raises(UsageError, match=r"--set objective\.persistent=false"):
            persistent()


def test_a_batch_that_can_not_be_shared_is_refused() -> None:
    with pytest.raises(UsageError, match=r"2 processes can't share 20 examples .* in 4 parts: give a --batch that 8"):
        Share(rank=0, ranks=2, parts=4).cut(torch.arange(20))
