"""A detector of anomalies from beginning to end, on a made texture in the layout of MVTec AD."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from benchmarks.made_textures import write_texture
from PIL import Image

import sparring
from job.conftest import empty_cache
from job.helpers import digest, make_pictures, outputs
from sparring import Run
from sparring.cli.main import main
from sparring.errors import DataError, UsageError
from sparring.job.evaluate_anomaly import AnomalyEvaluation

SETTINGS = ("detector.width=6", "detector.lr=0.005")


@pytest.fixture(scope="module")
def cloth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 normal pictures, 12 good and 3 x 4 faulty ones to test with; not to be changed."""
    place = tmp_path_factory.mktemp("textures") / "cloth"
    write_texture(place, "cloth", train=40, good=12, each=4)
    return place


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, judges: Path, cloth: Path) -> Run:
    """Not to be changed."""
    root = tmp_path_factory.mktemp("anomaly")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", empty_cache(root, judges))
        patch.chdir(root)
        return trained(cloth, root / "run")


def trained(source: Path, out: Path, *, kimg: float = 2.0) -> Run:
    return sparring.train(
        source, task="anomaly", kimg=kimg, size=32, batch=16, settings=SETTINGS, precision="fp32", device="cpu", out=out
    )


def code_of(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(str(ended.value.code))


def test_it_learns_from_normal_pictures_alone(run: Run) -> None:
    assert run.recipe.name == "blemishes"
    assert run.recipe.task == "anomaly"
    losses = [value for value in run.metrics["validation_blemish_loss"] if value is not None]
    assert losses[-1] < 0.95 * losses[0]
    ranked = [value for value in run.metrics["validation_point_auc"] if value is not None]
    assert ranked[-1] > max(0.5, ranked[0])
    names = {path.name for path in (run.path / "samples").iterdir()}
    assert {"real.png", "init.png"} <= names
    assert any(name.startswith("kimg-") for name in names)
    report = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Held-out with made blemishes" in report
    assert "sparring detect" in report


def test_holes_are_found_in_the_right_place(run: Run, cloth: Path) -> None:
    found = sparring.evaluate(run.path, device="cpu")
    assert isinstance(found, AnomalyEvaluation)
    rows = {row.name: row.value for row in found.rows}
    assert rows["image_auroc: hole"] > 0.9
    assert rows["pixel_auroc"] > 0.7
    assert {"image_auroc", "image_ap", "image_auroc: scratch", "image_auroc: stain", "pro", "found"} <= set(rows)
    record = json.loads((run.path / "evaluation.json").read_text(encoding="utf-8"))
    assert [row["measure"] for row in record["evaluations"][0]["rows"]] == list(rows)


def test_python_is_given_scores_and_maps(run: Run) -> None:
    plain = np.full((2, 32, 32, 3), 128, np.uint8)
    for by in (None, "either", "memory", "blemishes"):
        found = run.detect(plain, by=by)
        assert found.scores.shape == (2,) and found.scores.dtype == np.float64
        assert found.maps.shape == (2, 32, 32) and found.maps.dtype == np.float32
        assert found.scores[0] == pytest.approx(found.scores[1])
    assert run.detect(plain[:0]).scores.shape == (0,)
    with pytest.raises(UsageError, match="as run was trained on"):
        run.detect(plain[:, :16])
    with pytest.raises(UsageError, match="--by error: is for runs with --task rebuild"):
        run.detect(plain, by="error")
    with pytest.raises(UsageError, match="makes no samples"):
        run.sample(1)
    with pytest.raises(UsageError, match="has no codes: it was trained to find anomalies"):
        run.encode(plain)


def test_a_lost_memory_is_made_again_to_the_byte(run: Run, cloth: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run.path, tmp_path / "copy")
    (kept,) = (copy / "detector").glob("memory-*.safetensors")
    before = kept.read_bytes()
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    scores = Run(copy, device="cpu").detect(pictures).scores
    kept.write_bytes(before[:-9])
    np.testing.assert_array_equal(Run(copy, device="cpu").detect(pictures).scores, scores)
    assert kept.read_bytes() == before


def test_resumed_it_is_the_same(cloth: Path, tmp_path: Path) -> None:
    ends = []
    for place in ("one", "other"):
        begun = trained(cloth, tmp_path / place / "run", kimg=0.32)
        ends.append(sparring.resume(begun.path, kimg=0.64).path)
    assert outputs(ends[0]) == outputs(ends[1])
    memories = [{path.name: path.read_bytes() for path in (end / "detector").iterdir()} for end in ends]
    assert memories[0] == memories[1]
    assert len(memories[0]) == 2, "one of each end"


def test_detect_writes_scores_and_heat_maps_and_leaves_the_pictures_alone(
    run: Run, cloth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digest(cloth)
    out = tmp_path / "found"
    assert code_of("detect", run.path, cloth / "test/hole", "--out", out, "--false-alarms", "0.3") == 0
    said = capsys.readouterr()
    rows = list(csv.DictReader((out / "scores.csv").open(encoding="utf-8")))
    assert [row["file"] for row in rows] == [f"{n:03d}.png" for n in range(4)]
    assert [row["picture"] for row in rows] == [f"{n:03d}.png" for n in range(4)]
    assert sum(int(row["above"]) for row in rows) >= 3
    assert "of 4 pictures are above it" in said.out and "held-out normal pictures" in said.out
    with Image.open(out / "000.png") as image:
        assert image.size == (512, 256)
    assert digest(cloth) == before
    assert code_of("detect", run.path, cloth / "test/hole", "--out", out) == 0, "its own may be written over"
    assert "can't back a false-alarm rate of 0.01" in capsys.readouterr().err


def test_detect_on_a_folder_with_known_faults_measures(
    run: Run, cloth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of("detect", run.path, cloth, "--out", tmp_path / "found", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["pictures"]) == 24
    assert {row["kind"] for row in found["pictures"]} == {"good", "hole", "scratch", "stain"}
    measured = {row["measure"]: row["value"] for row in found["measures"]}
    assert {"image_auroc", "pixel_auroc", "pro"} <= set(measured)
    assert (tmp_path / "found/test/hole/000.png").is_file()


def test_known_faults_choose_the_threshold(run: Run, cloth: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run.path, tmp_path / "copy")
    out = tmp_path / "found"
    words = ("detect", copy, cloth / "test/good", "--out", out, "--defects", cloth / "test/hole", "--json")
    held = Run(copy, device="cpu").finder().held_scores
    assert code_of(*words) == (0 if len(held) >= 4 else 5)


def test_an_autoencoder_finds_by_what_it_can_not_rebuild(cloth: Path, tmp_path: Path) -> None:
    rebuilt = sparring.train(
        cloth,
        recipe="conv-autoencoder",
        kimg=0.5,
        size=32,
        settings=("autoencoder.width=8",),
        precision="fp32",
        device="cpu",
        out=tmp_path / "run",
    )
    black = np.zeros((1, 32, 32, 3), np.uint8)
    found = rebuilt.detect(black)
    made = rebuilt.rebuild(black).astype(np.float64) / 255
    errors = np.pad((made**2).mean(3)[0], 1, constant_values=np.nan)
    middle = np.nanmean(np.stack([errors[r : r + 32, c : c + 32] for r in range(3) for c in range(3)]), axis=0)
    np.testing.assert_allclose(found.maps[0], middle, atol=6e-3)
    assert code_of("detect", rebuilt.path, cloth / "test/hole", "--out", tmp_path / "found") == 0
    with pytest.raises(UsageError, match="--by memory: is for runs with --task anomaly"):
        rebuilt.detect(black, by="memory")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("detect", "{run}", "absent"), 5, "absent: no such folder or picture"),
        (("detect", "{run}", "{empty}"), 5, "there is no picture in it"),
        (("detect", "{run}", "{cloth}/test/hole", "--false-alarms", "1"), 2, "--false-alarms 1: expected a share"),
        (("detect", "{run}", "{cloth}/test/hole", "--defects", "{cloth}"), 5, "has good pictures too"),
        (("detect", "{run}", "{cloth}/test/hole", "--defects", "{empty}"), 5, "--defects"),
        (("detect", "{run}", "{cloth}/test/hole", "--out", "{cloth}/test/hole"), 2, "is not from sparring"),
        (("evaluate", "{run}", "--against", "{empty}"), 5, "has no pictures to test a detector with"),
        (("evaluate", "{run}", "--cas"), 2, "--cas is not for detectors"),
        (("train", "{cloth}", "--task", "anomaly", "--set", "augment=none"), 2, "learns from blemishes"),
        (("train", "moons", "--task", "anomaly"), 2, "the data are rows of numbers"),
        (("train", "{cloth}", "--task", "anomaly", "--recipe", "gan"), 2, "is there to generate"),
    ],
)
def test_what_can_not_be_is_said(
    run: Run,
    cloth: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    (tmp_path / "empty").mkdir()
    before = digest(cloth)
    copy = shutil.copytree(run.path, tmp_path / "copy")
    places = {"{run}": str(copy), "{cloth}": str(cloth), "{empty}": str(tmp_path / "empty")}
    asked = []
    for word in words:
        for mark, place in places.items():
            word = word.replace(mark, place)
        asked.append(word)
    assert code_of(*asked) == code
    assert message in capsys.readouterr().err
    assert digest(cloth) == before


def test_a_generator_finds_none(finished_run: Path, tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "new", 2)
    with pytest.raises(UsageError, match="finds no anomalies"):
        Run(finished_run, device="cpu").finder()
    assert code_of("detect", finished_run, pictures, "--out", tmp_path / "found") == 2


def test_data_that_are_gone_are_named_where_the_memory_is_too(run: Run, cloth: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(cloth, tmp_path / "cloth")
    own = trained(moved, tmp_path / "run", kimg=0.1)
    shutil.rmtree(moved)
    picture = np.zeros((1, 32, 32, 3), np.uint8)
    assert Run(own.path, device="cpu").detect(picture).scores.shape == (1,), "the pictures are not needed any more"
    shutil.rmtree(own.path / "detector")
    with pytest.raises(DataError, match="gone"):
        Run(own.path, device="cpu").detect(picture)
