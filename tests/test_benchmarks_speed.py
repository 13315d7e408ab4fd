"""What benchmarks of speed compute themselves, beside answers by hand."""

import json
import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.gpu import main as gpu
from benchmarks.gpu_rates import Settings, best_batch
from benchmarks.plain_gan import BATCH, PlainGAN, PlainImages, Z
from benchmarks.quality_sides import Peer, peer_side, plain_dcgan
from benchmarks.time_to_quality import compared, followed, kept, moments, passed
from benchmarks.turns import take_turns

Point = dict[str, float]


def curve(*distances: float) -> list[Point]:
    """A look each ten seconds; recall and coverage rise as the distance falls."""
    return [
        {"seconds": 10.0 * (n + 1), "kimg": n + 1.0, "distance": d, "recall": 1 / d, "coverage": 1 / d}
        for n, d in enumerate(distances)
    ]


def test_looks_are_geometric_and_end_with_the_budget() -> None:
    assert moments(70.0, first=5.0, factor=2.0) == [5.0, 10.0, 20.0, 40.0, 70.0]
    assert moments(3.0, first=5.0, factor=2.0) == [3.0]


def test_the_time_to_pass_a_quality_is_that_of_the_first_look_as_good() -> None:
    target = {"distance": 4.0, "recall": 0.2, "coverage": 0.3}
    assert passed(curve(9.0, 4.0, 6.0, 2.0), target) == 20.0
    assert passed(curve(9.0, 4.0, 6.0, 2.0), target, ("distance", "recall", "coverage")) == 40.0
    assert passed(curve(9.0, 5.0), target) is None
    assert passed(curve(9.0, 4.0, 6.0, 2.0, 1.0), target, looks=2) == 40.0, "one look alone was luck"
    assert passed(curve(9.0, 6.0, 2.0), target, looks=2) == 30.0, "after the last look there is no other"


def test_a_peer_is_held_to_the_moment_when_it_first_had_its_last_and_its_best() -> None:
    found = compared(curve(8.0, 3.0, 1.0), curve(20.0, 5.0, 2.0, 7.0))
    assert found["last"]["target"]["distance"] == 7.0
    assert (found["last"]["peer_seconds"], found["last"]["our_seconds"]) == (20.0, 20.0)
    assert (found["best"]["peer_seconds"], found["best"]["our_seconds"]) == (30.0, 30.0)
    assert found["best"]["ratio"] == 1.0
    assert compared(curve(8.0), curve(9.0, 4.0))["last"]["ratio"] is None


class Counting:
    """A side whose samples say how many steps were made; it ends after so many."""

    def __init__(self, steps: int) -> None:
        self.steps, self.made = steps, 0

    def rounds(self) -> Iterator[int]:
        for _ in range(self.steps):
            self.made += 1
            yield 64 * self.made

    def samples(self, count: int) -> np.ndarray:
        return np.full((count, 1, 1, 1), self.made, np.uint8)


def test_a_side_that_ends_early_is_looked_at_where_it_ends() -> None:
    found = followed(Counting(3), lambda pictures: look_of(pictures), [60.0, 120.0], count=2)
    assert len(found) == 1
    assert found[0]["kimg"] == 0.192 and found[0]["distance"] == 3.0 and found[0]["seconds"] < 60


def look_of(pictures: np.ndarray) -> dict[str, float]:
    return {"distance": float(pictures.max()), "recall": 0.0, "coverage": 0.0}


def test_a_finished_side_is_read_unless_it_was_asked_for_otherwise(tmp_path: Path) -> None:
    path, calls = tmp_path / "deep" / "side.json", []

    def measure() -> list[Point]:
        calls.append(1)
        return curve(3.0)

    first = kept(path, {"minutes": 1.0, "looks": [5.0, 2.0]}, measure)
    assert kept(path, {"minutes": 1.0, "looks": [5.0, 2.0]}, measure) == first and len(calls) == 1
    assert json.loads(path.read_text())["curve"] == curve(3.0)
    kept(path, {"minutes": 2.0, "looks": [5.0, 2.0]}, measure)
    assert len(calls) == 2


def test_peers_learn_from_squares_that_they_can_halve() -> None:
    sides = {28: 32, 32: 32, 33: 64, 64: 64, 8: 32}
    assert {side: peer_side(np.zeros((1, side, side, 1), np.uint8)) for side in sides} == sides


def test_plain_pictures_are_resized_and_reach_from_minus_one_to_one() -> None:
    pictures = np.zeros((2, 28, 28, 1), np.uint8)
    pictures[1] = 255
    loaded = PlainImages(pictures, 32)
    assert loaded[0].shape == (1, 32, 32)
    assert (loaded[0] == -1).all() and (loaded[1] == 1).all()


def test_the_plain_step_moves_both_players_and_samples_leave_the_generator_as_it_is() -> None:
    torch.manual_seed(0)
    pictures = np.random.default_rng(0).integers(0, 256, (BATCH, 32, 32, 1), np.uint8)
    model = PlainGAN(side=32, channels=1)
    before = [p.detach().clone() for p in (*model.net_g.parameters(), *model.net_d.parameters())]
    peer = Peer(pictures, 32, net_g=model.net_g, step=model.step, shape=(Z,), workers=0)
    rounds = peer.rounds()
    assert [next(rounds), next(rounds)] == [BATCH, 2 * BATCH]
    after = [*model.net_g.parameters(), *model.net_d.parameters()]
    assert sum(not torch.equal(a, b) for a, b in zip(before, after, strict=True)) > 0.9 * len(after)
    state = {name: value.clone() for name, value in model.net_g.state_dict().items()}
    made = peer.samples(70)
    assert made.shape == (70, 32, 32, 1) and np.array_equal(made, peer.samples(70)), "always the same noise"
    assert all(torch.equal(value, state[name]) for name, value in model.net_g.state_dict().items())


@pytest.mark.parametrize(("side", "channels"), [(32, 3), (64, 1)])
def test_the_plain_dcgan_makes_pictures_of_the_side_it_learns_at(side: int, channels: int) -> None:
    peer = plain_dcgan(np.zeros((4, side, side, channels), np.uint8), side, 0)
    assert peer.samples(3).shape == (3, side, side, channels)


def test_sides_take_turns_in_processes_of_their_own() -> None:
    sides = {name: (nullcontext, (partial(time.sleep, seconds),)) for name, seconds in (("short", 0.01), ("long", 0.1))}
    found = take_turns(sides, rounds=2)
    assert {name: len(seconds) for name, seconds in found.items()} == {"short": 2, "long": 2}
    assert 0.01 <= min(found["short"]) < 0.1 <= min(found["long"])


def settings(**changes: object) -> Settings:
    usual = {
        "device": torch.device("cpu"),
        "seconds": 0.001,
        "side": 16,
        "most": 64,
        "examples": 64,
        "cifar": None,
        "cifar_seconds": 1.0,
        "only": (),
        "until": time.monotonic() + 60,
    }
    return Settings(**{**usual, **changes})  # type: ignore[arg-type]


def test_a_doubling_series_ends_where_memory_does() -> None:
    def make(batch: int):  # type: ignore[no-untyped-def]
        if batch > 8:
            raise torch.OutOfMemoryError
        return lambda: 100**batch  # in no time, so that each doubling gains

    found = best_batch(make, settings(), first=2)
    assert list(found["series"]) == ["2", "4", "8"]
    assert (found["batch"], found["ended"]) == (8, "out of memory at 16")


def test_a_doubling_series_ends_where_it_gains_nothing_or_time_is_out() -> None:
    def make(batch: int):  # type: ignore[no-untyped-def]
        def step() -> int:
            time.sleep(0.0001 * batch**2)  # slower the more there are
            return batch

        return step

    found = best_batch(make, settings(), first=8)
    assert list(found["series"]) == ["8", "16"] and "gained less" in found["ended"]
    assert best_batch(make, settings(until=time.monotonic()), first=8) == {"ended": "out of time"}


def test_the_gpu_script_runs_on_a_cpu_and_prints_one_json_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "--device",
        "cpu",
        "--seconds",
        "0.01",
        "--side",
        "16",
        "--most",
        "64",
        "--examples",
        "128",
        "--only",
        "limits",
        "dcgan",
        "quick",
        "--out",
    ]
    found = gpu([*words, str(tmp_path / "gpu.json")])
    assert json.loads(capsys.readouterr().out) == found == json.loads((tmp_path / "gpu.json").read_text())
    assert set(found) == {"machine", "limits", "dcgan", "quick", "seconds"}
    assert found["dcgan"]["ratio"] > 0 and found["dcgan"]["best"]["ours"]["batch"] == 64
    per_s, limit = found["dcgan"]["pictures_per_s"]["ours"], found["limits"]["bf16_tflops"] * 1e12
    share = found["dcgan"]["share_of_bf16_limit"]["ours"]
    assert share == pytest.approx(per_s * found["dcgan"]["flops_per_picture"] / limit)
    assert found["quick"]["pictures_per_s"].keys() == {"ours", "plain"}


def test_the_gpu_script_says_what_failed_and_what_it_had_no_time_for(tmp_path: Path) -> None:
    tiny = ["--device", "cpu", "--seconds", "0.01"]
    failed = gpu([*tiny, "--only", "cifar", "--cifar", str(tmp_path / "absent"), "--cifar-seconds", "1"])
    assert failed["cifar"]["failed"].startswith("DataError") or failed["cifar"]["failed"].startswith("UsageError")
    late = gpu([*tiny, "--only", "dcgan", "sngan", "--limit", "0"])
    assert all("needed at least" in late[name]["skipped"] for name in ("dcgan", "sngan"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_script_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    found = gpu(["--limit", "0", "--only", "dcgan"])
    assert found["machine"]["device"] == "cpu"
    assert "no CUDA GPU" in capsys.readouterr().err


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_every_section_of_the_gpu_script_runs_on_a_gpu() -> None:
    found = gpu(["--seconds", "0.2", "--most", "128", "--examples", "2048"])
    assert found["machine"]["device"] == "cuda"
    failed = {
        name: section["failed"] for name, section in found.items() if isinstance(section, dict) and "failed" in section
    }
    assert not failed
