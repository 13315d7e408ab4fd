"""The judge: how good it is, that it is fitted by the engine's game, that it is kept, proved and made once."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from sparring.data import Data, Part, open_data
from sparring.engine import game as engine_game
from sparring.engine import train as engine_train
from sparring.engine.deal import Pictures as Dealt
from sparring.engine.threads import threads_for
from sparring.errors import MachineError, UsageError
from sparring.metrics import judge_training
from sparring.metrics.extractors import chosen_extractor, open_extractor
from sparring.metrics.frechet import frechet_distance
from sparring.metrics.judge import Judge, noted, restored, skill
from sparring.metrics.judge_network import JudgeNetwork, native_side
from sparring.metrics.judge_training import Among, Fitting, Moved, fitting_for, judge_for, judge_key, train_judge

Pictures = npt.NDArray[np.uint8]
CPU = torch.device("cpu")
SHORT = Fitting(images=1920, batch=64)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def digits(cache: Path) -> Data:
    return open_data("digits", cache=cache)


@pytest.fixture(scope="module")
def judge(digits: Data, cache: Path) -> Iterator[Judge]:
    with threads_for(64):
        yield judge_for(digits, cache=cache, device=CPU)


def blobs(count: int, *, channels: int = 1, side: int = 8, seed: int = 0) -> Part:
    """Two classes: bright above, bright below."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 2, count)
    pictures = draw.integers(0, 90, (count, side, side, channels)).astype(np.uint8)
    for picture, label in zip(pictures, labels, strict=True):
        picture[label * side // 2 : (label + 1) * side // 2] += 120
    return Part(x=pictures, y=labels.astype(np.int64))


# -- how good it is ------------------------------------------------------------------------------------------------


def test_it_knows_digits(judge: Judge, digits: Data) -> None:
    held = digits.parts["validation"]
    assert held.y is not None
    assert judge.accuracy == (judge.classify(held.x) == held.y).mean() >= 0.97
    assert judge.record.held == len(held)
    assert judge.trustworthy
    assert judge.seconds > 0


def test_its_answer_has_the_form_of_an_extractors(judge: Judge, digits: Data) -> None:
    seen = judge(digits.parts["train"].x[:300])
    assert seen.probabilities is not None
    assert (seen.vectors.dtype, seen.vectors.shape) == (np.float64, (300, 64))
    assert (seen.probabilities.dtype, seen.probabilities.shape) == (np.float64, (300, 10))
    np.testing.assert_allclose(seen.probabilities.sum(1), 1, rtol=1e-12)
    assert judge.name == "judge"
    assert len(judge.sha256) == 64
    none = judge(digits.parts["train"].x[:0])
    assert none.vectors.shape == (0, 64)


def test_reals_are_nearer_than_blurred_incomplete_and_other_pictures(judge: Judge, digits: Data) -> None:
    from scipy.ndimage import gaussian_filter

    train, held = digits.parts["train"], digits.parts["validation"]
    assert train.y is not None
    compared = {
        "floor": train.x[:800],
        "blurred": gaussian_filter(train.x[:800], (0, 1, 1, 0)),
        "incomplete": train.x[train.y != 3][:800],
        "noise": np.random.default_rng(0).integers(0, 256, (800, 8, 8, 1), np.uint8),
    }
    target = judge(held.x).vectors
    distance = {name: frechet_distance(judge(made).vectors, target) for name, made in compared.items()}
    assert distance["floor"] < 0.5 * min(distance["blurred"], distance["incomplete"])
    assert distance["blurred"] < distance["noise"]


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 8, 3), (16, 16, 4)], ids=str)
def test_it_takes_pictures_of_other_sizes_and_channels(judge: Judge, shape: tuple[int, int, int]) -> None:
    seen = judge(np.random.default_rng(0).integers(0, 256, (3, *shape), np.uint8))
    assert seen.vectors.shape == (3, 64)
    assert np.isfinite(seen.vectors).all()


def test_a_picture_in_colour_is_judged_by_its_luma(judge: Judge, digits: Data) -> None:
    grey = digits.parts["train"].x[:20]
    clear = np.concatenate([grey.repeat(3, -1), np.full_like(grey, 255)], -1)
    for same in (grey.repeat(3, -1), clear):
        np.testing.assert_array_equal(judge(same).vectors, judge(grey).vectors)


@pytest.mark.parametrize(
    ("right", "labels", "low", "high"),
    [
        (95, [0, 1] * 50, 0.75, 0.80),  # Wilson's lower end of 0.95 is 0.888
        (95, [0] * 95 + [1] * 5, 0.0, 0.0),  # no better than always saying the commonest
        (70, [0, 1] * 50, 0.15, 0.25),
        (9, [0, 1] * 5, 0.15, 0.25),  # ten pictures prove little
        (0, [], 0.0, 0.0),
        (10, [1] * 10, 0.0, 0.0),
    ],
)
def test_skill_counts_from_the_commonest_class(right: int, labels: list[int], low: float, high: float) -> None:
    assert low <= skill(right, np.array(labels, np.int64)) <= high


def test_labels_that_mean_nothing_make_no_trustworthy_judge() -> None:
    part = blobs(300)
    shuffled = replace(part, y=np.random.default_rng(7).integers(0, 2, 300))
    found = train_judge(shuffled, blobs(100, seed=1), 2, device=CPU, fitting=SHORT)
    assert not found.trustworthy
    assert train_judge(part, blobs(100, seed=1), 2, device=CPU, fitting=SHORT).trustworthy


# -- how it is fitted ----------------------------------------------------------------------------------------------


def test_fitting_is_a_game_of_one_player(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[engine_game.Game] = []

    def watched(game: engine_game.Game) -> dict[str, Tensor]:
        played.append(game)
        return engine_game.play_round(game)

    monkeypatch.setattr("sparring.metrics.judge_training.train", partial(engine_train.train, play=watched))
    train_judge(blobs(100), blobs(50, seed=1), 2, device=CPU, fitting=SHORT)
    assert len(played) == SHORT.images // SHORT.batch
    assert [player.name for player in played[0].players] == ["judge"]


def test_the_same_data_give_the_same_judge_and_others_another() -> None:
    held = blobs(50, seed=1)
    one, same = (train_judge(blobs(100), held, 2, device=CPU, fitting=SHORT) for _ in range(2))
    assert one.sha256 == same.sha256
    assert one.sha256 != train_judge(blobs(100, seed=2), held, 2, device=CPU, fitting=SHORT).sha256
    assert one.sha256 != train_judge(blobs(100), held, 2, device=CPU, fitting=replace(SHORT, seed=1)).sha256


def test_the_callers_random_numbers_stay_the_same() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    train_judge(blobs(50), blobs(20, seed=1), 2, device=CPU, fitting=SHORT)
    assert torch.equal(torch.rand(3), wanted)


def test_unlabelled_pictures_are_left_out() -> None:
    part = blobs(200)
    assert part.y is not None
    hidden = np.arange(200) % 2 == 0
    some = Part(x=np.where(hidden[:, None, None, None], np.uint8(255), part.x), y=np.where(hidden, -1, part.y))
    alone = Part(x=part.x[~hidden], y=part.y[~hidden])
    held = blobs(50, seed=1)
    judges = [train_judge(given, held, 2, device=CPU, fitting=SHORT) for given in (some, alone)]
    assert judges[0].sha256 == judges[1].sha256
    assert judges[0].record.trained == 100


def test_held_out_pictures_without_labels_make_no_accuracy() -> None:
    held = replace(blobs(20, seed=1), y=np.full(20, -1))
    found = train_judge(blobs(100), held, 2, device=CPU, fitting=SHORT)
    assert (found.accuracy, found.record.held, found.trustworthy) == (0.0, 0, False)


@pytest.mark.parametrize("labels", [None, np.full(30, -1), np.zeros(30, np.int64)], ids=["none", "unknown", "one"])
def test_one_class_is_nothing_to_judge(labels: npt.NDArray[np.int64] | None) -> None:
    with pytest.raises(UsageError, match=r"two classes or more.*conv"):
        train_judge(Part(x=blobs(30).x, y=labels), blobs(10), 2, device=CPU)


def test_progress_is_told_up_to_the_end() -> None:
    seen: list[tuple[int, int | None]] = []
    train_judge(
        blobs(50),
        blobs(20, seed=1),
        2,
        device=CPU,
        fitting=SHORT,
        on_progress=lambda _, done, total: seen.append((done, total)),
    )
    assert seen[-1] == (1920, 1920)
    assert seen == sorted(seen)


def moved(fitting: Fitting, part: Part, counter: int) -> Tensor:
    order = Among(np.arange(len(part)), batch=fitting.batch, seed=0)
    return Moved(Dealt(part.x, part.y, order=order, device=CPU), (8, 8), fitting)(counter)["x"]


def test_pictures_are_moved_by_whole_points_and_mirrored() -> None:
    """Every dealt picture is the original, mirrored or not, shifted, with its border repeated."""
    part = blobs(16, channels=3)
    fitting = Fitting(images=0, batch=16, shift=1, flips=True)
    chosen = Among(np.arange(16), batch=16, seed=0)(3)
    found = set()
    for picture, index in zip(moved(fitting, part, 3), chosen, strict=True):
        made = ((picture.permute(1, 2, 0) + 1) * 127.5).round().numpy().astype(np.uint8)
        for flip, down, right in np.ndindex(2, 3, 3):
            original = part.x[index][:, ::-1] if flip else part.x[index]
            padded = np.pad(original, ((1, 1), (1, 1), (0, 0)), mode="edge")
            if (padded[down : down + 8, right : right + 8] == made).all():
                found.add((int(index), flip, down, right))
    assert len({index for index, *_ in found}) == 16
    assert len({tuple(move) for _, *move in found}) > 6
    assert torch.equal(moved(fitting, part, 3), moved(fitting, part, 3))


def test_only_colour_is_mirrored() -> None:
    assert not fitting_for(1000, (28, 28), 1).flips
    assert fitting_for(1000, (32, 32), 3).flips


@pytest.mark.parametrize(("given", "judged"), [((8, 8), (8, 8)), ((64, 64), (32, 32)), ((40, 100), (32, 80))])
def test_large_pictures_are_judged_small(given: tuple[int, int], judged: tuple[int, int]) -> None:
    assert native_side(*given) == judged


def test_the_fast_form_of_the_network_answers_the_same() -> None:
    torch.manual_seed(0)
    network = JudgeNetwork(3, 16, 16, 5)
    x_BCHW = torch.rand(8, 3, 16, 16)
    network(x_BCHW)  # moves the statistics of the norms
    wanted = network.eval()(x_BCHW).detach()
    torch.testing.assert_close(network.fused()(x_BCHW), wanted, rtol=1e-4, atol=1e-5)


# -- how it is kept ------------------------------------------------------------------------------------------------


def entry(cache: Path, data: Data) -> Path:
    return cache / "judges" / judge_key(data, CPU)


def refuse(*_: Any) -> Any:
    raise AssertionError("it was fitted again")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Data, Path]:
    """Two classes as an array file, and a judge that is fitted in a moment."""
    monkeypatch.setattr(judge_training, "fitting_for", lambda *_: SHORT)
    part = blobs(300)
    np.savez(tmp_path / "blobs.npz", images=part.x, labels=part.y)
    cache = tmp_path / "cache"
    return open_data(str(tmp_path / "blobs.npz"), cache=cache), cache


def test_it_is_fitted_once(small: tuple[Data, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    data, cache = small
    first = judge_for(data, cache=cache, device=CPU)
    monkeypatch.setattr(judge_training, "_fit", refuse)
    again = judge_for(data, cache=cache, device=CPU)
    assert again.sha256 == first.sha256
    assert again.record == first.record
    asked = data.parts["train"].x[:30]
    np.testing.assert_array_equal(again(asked).vectors, first(asked).vectors)


def test_nothing_kept_is_a_pickle(small: tuple[Data, Path]) -> None:
    data, cache = small
    judge_for(data, cache=cache, device=CPU)
    assert sorted(file.name for file in entry(cache, data).iterdir()) == ["record.json", "weights.safetensors"]
    assert json.loads((entry(cache, data) / "record.json").read_text())["record"]["classes"] == 2


@pytest.mark.parametrize("name", ["record.json", "weights.safetensors"])
@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_a_damaged_judge_is_fitted_again(small: tuple[Data, Path], name: str, damage: str) -> None:
    data, cache = small
    first = judge_for(data, cache=cache, device=CPU)
    file = entry(cache, data) / name
    whole = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[: len(whole) // 2] if damage == "cut" else whole.replace(b"0", b"1"))
    assert judge_for(data, cache=cache, device=CPU).sha256 == first.sha256
    assert name == "record.json" or file.read_bytes() == whole
    assert json.loads((entry(cache, data) / "record.json").read_text())["record"]["classes"] == 2


def test_weights_that_do_not_fit_their_record_are_refused(judge: Judge) -> None:
    tensors = JudgeNetwork(3, 8, 8, 10).state_dict()
    with pytest.raises(MachineError, match="does not fit its record"):
        restored(tensors, noted(judge.record), "", CPU)
    with pytest.raises(MachineError, match="does not fit its record"):
        restored(tensors, {"format": 1, "colour": "red"}, "", CPU)


def test_each_data_set_has_its_own(small: tuple[Data, Path], tmp_path: Path) -> None:
    data, cache = small
    part = blobs(300)
    assert part.y is not None
    names = {}
    for name, given in {"same": part, "pixel": blobs(300, seed=3), "label": replace(part, y=1 - part.y)}.items():
        np.savez(tmp_path / f"{name}.npz", images=given.x, labels=given.y)
        names[name] = judge_key(open_data(str(tmp_path / f"{name}.npz"), cache=cache), CPU)
    smaller = open_data(str(tmp_path / "blobs.npz"), cache=cache, size=16)
    assert names["same"] == judge_key(data, CPU)
    assert len({*names.values(), judge_key(smaller, CPU), judge_key(data, torch.device("mps"))}) == 5


def test_one_fitted_otherwise_is_another(small: tuple[Data, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = small
    before = judge_key(data, CPU)
    monkeypatch.setattr(judge_training, "fitting_for", lambda *_: replace(SHORT, rate=0.5))
    slower = judge_key(data, CPU)
    monkeypatch.setattr("sparring.metrics.judge_network.FEATURES", 32)
    assert len({before, slower, judge_key(data, CPU)}) == 3


def test_it_knows_labels_that_training_does_not_see(small: tuple[Data, Path], tmp_path: Path) -> None:
    data, cache = small
    hidden = open_data(str(tmp_path / "blobs.npz"), cache=cache, conditional=False)
    assert judge_key(hidden, CPU) == judge_key(data, CPU)
    assert judge_for(hidden, cache=cache, device=CPU).record.trained > 200


def test_two_processes_fit_it_once(small: tuple[Data, Path], tmp_path: Path) -> None:
    _, cache = small
    code = f"""
import pathlib, torch
from sparring.data import open_data
from sparring.metrics import judge_training as t
t.fitting_for = lambda *_: t.Fitting(images=1920, batch=64)
fit = t._fit
def noted(*given):
    pathlib.Path({str(tmp_path)!r}, f"fitted-{{__import__('os').getpid()}}").touch()
    return fit(*given)
t._fit = noted
cache = pathlib.Path({str(cache)!r})
data = open_data({str(tmp_path / "blobs.npz")!r}, cache=cache)
print(t.judge_for(data, cache=cache, device=torch.device("cpu")).sha256)
"""
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate(timeout=100)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(said) == 1
    assert len(list(tmp_path.glob("fitted-*"))) == 1


# -- which extractor ----------------------------------------------------------------------------------------------


def test_words_open_extractors(small: tuple[Data, Path]) -> None:
    data, cache = small
    assert open_extractor("judge", data, cache=cache, device=CPU).name == "judge"
    assert open_extractor("conv", data, cache=cache, device=CPU).name == "conv"
    with pytest.raises(UsageError, match=r"Did you mean 'judge'\?"):
        open_extractor("jugde", data, cache=cache)
    with pytest.raises(UsageError, match=r"missing\.onnx"):
        open_extractor("missing.onnx", data)


def test_by_default_the_judge_if_it_can_be_trusted(small: tuple[Data, Path], tmp_path: Path) -> None:
    data, cache = small
    assert open_extractor(None, data, cache=cache, device=CPU).name == "judge"
    part = blobs(300)
    np.savez(tmp_path / "shuffled.npz", images=part.x, labels=np.random.default_rng(0).permutation(300) % 2)
    np.save(tmp_path / "unlabelled.npy", part.x)
    for name in ("shuffled.npz", "unlabelled.npy"):
        other = open_data(str(tmp_path / name), cache=cache)
        assert chosen_extractor(other, cache=cache, device=CPU).extractor.name == "conv", name
    with pytest.raises(UsageError, match=r"needs labels.*conv"):
        open_extractor("judge", other, cache=cache)
