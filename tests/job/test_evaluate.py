"""Evaluating a run: numbers against independent ones, floors that mean something, and conditions that are told."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from sklearn.metrics import roc_auc_score

import sparring
from job.helpers import TINY, digest, make_classes, make_pictures
from sparring.data import open_data
from sparring.engine import sampling
from sparring.errors import DataError, UsageError
from sparring.job.evaluate import evaluate
from sparring.job.evaluate_measures import Measuring, Pool
from sparring.job.evaluate_players import BLOCK
from sparring.job.evaluation import Row
from sparring.job.parts import build_modules
from sparring.metrics.base import Features, Floats, Pictures
from sparring.metrics.random_convolution import conv_for
from sparring.runfolder import RunFolder

OPTIONS = {"settings": TINY[7::2], "precision": "fp32", "device": "cpu", "batch": 8, "kimg": 0.03}


def rows_of(found: sparring.job.evaluation.Evaluations) -> dict[str, Row]:
    (evaluation,) = found.evaluations
    return {row.measure: row for row in evaluation.rows}


# -- a whole run -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluated(finished_run: Path, judges: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    root = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", str(root / "cache"))
        patch.chdir(root)
        run = shutil.copytree(finished_run, root / "run")
        return run, evaluate(run, extractor="conv", count=80, seeds=2, device="cpu")


def test_a_distance_is_that_of_the_samples_to_the_pictures_never_seen(evaluated: tuple[Path, object]) -> None:
    run, found = evaluated
    data = open_data("digits", size=8, channels=1)
    space = conv_for(data, device=torch.device("cpu"))
    held = data.parts["validation"].x
    chosen = np.sort(np.random.Generator(np.random.Philox(key=0)).permutation(len(held))[:80])
    real = space(np.asarray(held[chosen])).vectors
    made = [space(sparring.load(run, device="cpu").sample(80, seed=seed)).vectors for seed in (0, 1)]
    wanted = [_frechet(vectors, real) for vectors in made]
    row = rows_of(found)["fd_conv"]
    assert row.value == pytest.approx(np.mean(wanted), rel=1e-6)
    assert row.sd == pytest.approx(np.std(wanted, ddof=1), rel=1e-4)


def _frechet(a: Floats, b: Floats) -> float:
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    cross = sqrtm(cov_a @ cov_b + 0j).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * cross))


def test_an_untrained_generator_is_worse_than_every_spoilt_real(evaluated: tuple[Path, object]) -> None:
    rows = rows_of(evaluated[1])
    distance, coverage = rows["fd_conv"], rows["coverage"]
    assert distance.floor is not None and distance.blurred is not None and distance.class_dropped is not None
    assert distance.floor < distance.class_dropped < distance.blurred < distance.value
    assert coverage.floor is not None and coverage.duplicated is not None
    assert coverage.floor > coverage.duplicated > coverage.value
    double = rows["duplicates"]
    assert double.duplicated is not None and double.floor is not None and double.duplicated > 0.5 > double.floor
    assert rows["copies"].value == 0 and rows["copies"].blurred is None


def test_the_conditions_are_told_and_written(evaluated: tuple[Path, object]) -> None:
    run, found = evaluated
    (one,) = found.evaluations
    assert (one.part, one.n_real, one.n_fake, one.n_floor, list(one.seeds)) == ("validation", 80, 80, 80, [0, 1])
    assert (one.ema, one.truncation, one.kimg, one.checkpoint) == (True, 1.0, 0.64, "best")
    assert len(one.sha256) == 64 and one.extractor == "conv"
    assert any("no test part" in note for note in one.notes)
    assert found.written == run / "evaluation.json"
    written = json.loads(found.written.read_text())
    assert written == json.loads(json.dumps(found.to_json()))
    assert written["evaluations"][0]["conditions"] == one.conditions


def test_the_discriminator_is_ranked_as_scikit_learn_ranks(evaluated: tuple[Path, object]) -> None:
    run, found = evaluated
    opened, data = sparring.load(run, device="cpu"), open_data("digits", size=8, channels=1)
    modules = build_modules(opened.recipe, opened.spec)
    for name, module in modules.items():
        module.load_state_dict(dict(opened.checkpoint.tensors[name]))
    generator, discriminator = modules["generator"].train(), modules["discriminator"].eval()
    held = data.parts["validation"]
    count = -(-min(2000, len(data.parts["train"])) // BLOCK) * BLOCK
    z_NZ = sampling.noise(count, generator.z_dim, seed=0, stream="players")
    labels = torch.from_numpy(opened.labels(count, seed=0))
    with torch.no_grad():
        x_BCHW = torch.from_numpy(np.array(held.x)).permute(0, 3, 1, 2).float() / 127.5 - 1
        real = discriminator(x_BCHW, torch.from_numpy(held.y)).numpy()
        fake = discriminator(generator(z_NZ[:BLOCK], labels[:BLOCK]), labels[:BLOCK]).numpy()[: len(real)]
    wanted = roc_auc_score([1] * len(real) + [0] * len(real), np.concatenate([real, fake]))
    assert rows_of(found)["d_auc_validation"].value == pytest.approx(wanted, abs=2e-4)


def test_only_evaluation_json_is_written(run_folder: Path) -> None:
    before = digest(run_folder)
    evaluate(run_folder, count=40, seeds=1, device="cpu")
    (run_folder / "evaluation.json").unlink()
    assert digest(run_folder) == before


def test_with_a_judge_classes_are_measured_too_and_each_by_its_name(run_folder: Path) -> None:
    found = evaluate(run_folder, extractor="judge", count=100, seeds=1, robust=True, device="cpu")
    rows = rows_of(found)
    assert {"class_kl", "class_least", "modes", "class_agreement", "score_judge", "fd_judge"} <= rows.keys()
    assert rows["modes"].class_dropped == 9 and rows["modes"].floor == 10
    assert rows["class_least"].class_dropped == 0
    agreement = rows["class_agreement"]
    assert agreement.floor is not None and agreement.floor > 0.9 > agreement.value
    assert set(agreement.classes) <= {str(digit) for digit in range(10)} and len(agreement.classes) > 5
    assert agreement.sd is None
    steady = found.evaluations[0].robustness
    assert steady is not None and steady.count == 189
    plain = [row.accuracy for row in steady.rows if row.kind == "rotation"]
    assert plain[0] > 0.95 and plain[0] > plain[-1]


def test_best_and_last_are_two_tables_where_they_are_two_checkpoints(run_folder: Path) -> None:
    assert len(evaluate(run_folder, count=20, seeds=1, checkpoint="both", device="cpu").evaluations) == 1
    folder = RunFolder.open(run_folder)
    best = folder.load_checkpoint("best")
    folder.save_checkpoint(images=704, tensors=best.tensors, state=best.state)
    found = evaluate(run_folder, count=20, seeds=1, checkpoint="both", device="cpu")
    assert [(one.checkpoint, one.kimg) for one in found.evaluations] == [("best", 0.64), ("last", 0.704)]


# -- which pictures ----------------------------------------------------------------------------------------------------


def test_a_test_part_is_what_samples_are_measured_by(tmp_path: Path) -> None:
    make_classes(tmp_path / "photos" / "train", cat=40, dog=40)
    make_classes(tmp_path / "photos" / "test", cat=13, dog=14)
    # Other pictures than those of the training part, which begin at the same numbers.
    shutil.rmtree(tmp_path / "photos" / "test" / "cat")
    make_pictures(tmp_path / "photos" / "test" / "cat", 13, first=5000)
    shutil.rmtree(tmp_path / "photos" / "test" / "dog")
    make_pictures(tmp_path / "photos" / "test" / "dog", 14, first=6000)
    run = sparring.train(tmp_path / "photos", out=tmp_path / "run", **OPTIONS)
    (found,) = evaluate(run.path, seeds=1, device="cpu").evaluations
    assert (found.part, found.n_real, found.against) == ("test", 27, "photos")
    assert not any("no test part" in note for note in found.notes)
    assert {row.measure for row in found.rows} >= {"d_auc_train", "d_auc_validation", "d_auc_test", "overfit"}


def test_other_data_are_measured_by_a_half_of_them(run_folder: Path, tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "noise", 60, bands=1)
    (found,) = evaluate(run_folder, against=str(pictures), extractor="conv", seeds=1, device="cpu").evaluations
    assert (found.against, found.part, found.n_real, found.n_floor) == ("noise", "all", 30, 30)
    assert any("run on digits" in note for note in found.notes)
    rows = {row.measure: row for row in found.rows}
    assert rows["fd_conv"].floor is not None and rows["fd_conv"].floor < rows["fd_conv"].value
    assert rows["fd_conv"].class_dropped is None
    assert rows["copies"].value == 0  # copies are of the run's own training pictures


def test_a_runs_own_data_named_as_others_are_still_its_own(run_folder: Path) -> None:
    (found,) = evaluate(run_folder, against="digits", extractor="conv", count=30, seeds=1, device="cpu").evaluations
    assert (found.part, found.against) == ("validation", "digits")


def test_data_that_are_gone_are_named(tmp_path: Path) -> None:
    photos = make_pictures(tmp_path / "photos", 100)
    run = sparring.train(photos, out=tmp_path / "run", **OPTIONS)
    with pytest.raises(UsageError, match="--cas: run was trained without classes"):
        evaluate(run.path, seeds=1, cas=True, count=10, against=str(make_pictures(tmp_path / "more", 40, first=900)))
    shutil.rmtree(photos)
    with pytest.raises(DataError, match="photos: gone"):
        evaluate(run.path, seeds=1)


def test_too_few_unseen_pictures_are_refused(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"few: 7 pictures .* expected 10 or more"):
        evaluate(run_folder, against=str(make_pictures(tmp_path / "few", 15)), extractor="conv", device="cpu")


# -- the measures, of samples made for it ------------------------------------------------------------------------------


class _Plain:
    """An extractor whose features are the points of a picture, and whose class is the brightness of its first one."""

    name, sha256 = "plain", "0" * 64

    def __call__(self, pictures: Pictures) -> Features:
        flat = pictures.reshape(len(pictures), -1)
        return Features(vectors=flat.astype(np.float64), probabilities=np.eye(4)[flat[:, 0] // 64])


@pytest.fixture(scope="module")
def measuring() -> Measuring:
    return Measuring(
        _Plain(),
        _pool(0, 300),
        train=_pool(1, 300),
        held=_pool(0, 300),
        shares=[0.25] * 4,
        names=["a", "b", "c", "d"],
        conditional=True,
    )


def _pool(seed: int, count: int) -> Pool:
    pictures = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 1)).astype(np.uint8)
    return Pool(pictures, (pictures[:, 0, 0, 0] // 64).astype(np.int64))


def test_copies_of_training_pictures_are_found(measuring: Measuring) -> None:
    copied = measuring.copying(_Plain()(_pool(1, 300).pictures))
    fresh = measuring.copying(_Plain()(_pool(2, 300).pictures))
    assert copied["copies"] == 1 and copied["authenticity"] == 0 and copied["copying_test"] < -10
    assert fresh["copies"] < 0.05 and fresh["authenticity"] > 0.3 and abs(fresh["copying_test"]) < 3
    assert measuring.copying_floor()["copies"] < 0.1


def test_a_missing_class_is_found(measuring: Measuring) -> None:
    pool = _pool(3, 400)
    three = pool.taken(np.flatnonzero(pool.labels != 2))
    values = measuring.compared(_Plain()(three.pictures), three.labels)
    assert values["modes"] == 3 and values["class_least"] == 0
    assert values["class_kl"] == pytest.approx(np.log(4 / 3), abs=0.02)
    whole = measuring.compared(_Plain()(pool.pictures), pool.labels)
    assert whole["modes"] == 4 and whole["class_kl"] < 0.02 < values["class_kl"]
    assert values["fd_plain"] > whole["fd_plain"]


def test_samples_of_another_class_than_asked_for_are_found(measuring: Measuring) -> None:
    pool = _pool(4, 200)
    asked = (pool.labels + (np.arange(200) % 4 == 0)) % 4
    made = _Plain()(pool.pictures)
    assert measuring.compared(made, asked)["class_agreement"] == 0.75
    unknown = np.where(np.arange(200) % 2 == 0, -1, pool.labels)
    assert measuring.compared(made, unknown)["class_agreement"] == 1.0
    of_class = measuring.of_each_class(made, asked)
    assert set(of_class["class_agreement"]) == {"a", "b", "c", "d"} == set(of_class["diversity"])


def test_one_picture_over_and_over_has_no_diversity(measuring: Measuring) -> None:
    values = measuring.compared(_Plain()(_pool(5, 1).pictures.repeat(100, 0)), np.zeros(100, np.int64))
    assert values["diversity"] == 0 and values["duplicates"] == 1 and values["modes"] == 1
    assert all(np.isfinite(value) for value in values.values())
