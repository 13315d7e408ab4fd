"""A run on pairs, end to end: trained, stopped and resumed, sampled, measured, and given new pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sparring
from cli.conftest import Command
from cli.conftest import sparring as command  # noqa: F401
from job.helpers import make_pictures, outputs
from job.test_resume import stop_at
from sparring.errors import DataError, InterruptedRunError, UsageError
from sparring.job import train as job
from sparring.job.options import TrainOptions
from sparring.job.translate import translate_folder
from sparring.pictures import read_provenance

SIDE = 16
SETTINGS = ("generator.width=4", "discriminator.width=4", "generator.lr=0.003")


def make_pairs(folder: Path, count: int = 120) -> Path:
    """Grey levels in two halves as sources, and their negatives as targets."""
    draw = np.random.default_rng(0)
    for number in range(count):
        picture = draw.integers(0, 256, (2, 1), np.uint8).repeat(SIDE // 2, 0).repeat(SIDE, 1)
        for side, values in (("A", picture), ("B", 255 - picture)):
            (folder / side).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(folder / side / f"{number:02}.png")
    return folder


def options(pairs: Path, out: Path) -> TrainOptions:
    return TrainOptions(
        data=str(pairs), recipe="pix2pix", kimg=0.4, settings=SETTINGS, precision="fp32", device="cpu", out=out
    )


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pairs(tmp_path_factory.mktemp("data") / "pairs")


@pytest.fixture(scope="module")
def run(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; not to be changed."""
    root = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", str(root / "cache"))
        return job.start(options(pairs, root / "one"))


def test_it_learns_what_it_is_for(run: Path) -> None:
    """Held-out pairs: far nearer than the median target, which is what a generator that looks at nothing would make."""
    metrics = sparring.load(run).metrics
    told = (run / "METRICS.md").read_text()
    nothing = float(told.split("0 is exact, ")[1].split()[0])
    assert metrics["l1"][-1] < 0.6 * nothing
    assert metrics["generator_l1"][-1] < 0.5 * metrics["generator_l1"][0]
    with Image.open(run / "samples" / "init.png") as drawn:
        assert drawn.mode == "L"
        assert drawn.height > 3 * 48


def test_stopped_and_resumed_is_the_same_as_never_stopped(run: Path, pairs: Path, place: Path) -> None:
    with pytest.raises(InterruptedRunError):
        job.start(options(pairs, place / "one"), stop_at(0.1))
    assert job.resume(place / "one") == place / "one"
    assert outputs(place / "one") == outputs(run)


def test_samples_are_translations_of_unseen_sources_whatever_their_number(run: Path, pairs: Path) -> None:
    opened = sparring.load(run)
    few, many = opened.sample(3, seed=5), opened.sample(11, seed=5)
    assert np.array_equal(few, many[:3])
    sources, targets = opened.pairs(11, seed=5)
    assert np.array_equal(targets, 255 - sources)
    assert np.array_equal(opened.translate(sources), many)
    unseen = sparring.data.open_data(str(pairs)).parts["validation"]
    assert unseen.source is not None
    assert {picture.tobytes() for picture in sources} <= {picture.tobytes() for picture in unseen.source}


def test_every_verb_takes_it(run: Path, pairs: Path, command: Command, tmp_path: Path) -> None:  # noqa: F811
    assert command("sample", run, "-n", "5", "--out", tmp_path / "made").code == 0
    assert len(list((tmp_path / "made").glob("0*.png"))) == 5
    found = command("evaluate", run, "-n", "10", "--seeds", "2", "--json")
    assert found.code == 0, found.err
    rows = {row["measure"]: row for row in json.loads(found.out)["evaluations"][0]["rows"]}
    assert {"fd_conv", "l1", "d_auc_train", "d_auc_validation", "overfit"} <= set(rows)
    opened = sparring.load(run)
    expected = [
        np.abs(opened.sample(n, seed=s) / 127.5 - opened.pairs(n, seed=s)[1] / 127.5).mean()
        for s in (0, 1)
        for n in [json.loads(found.out)["evaluations"][0]["n_fake"]]
    ]
    assert rows["l1"]["value"] == pytest.approx(np.mean(expected))
    for words in (("diagnose", run), ("report", run), ("check", pairs)):
        assert command(*words).code == 0
    assert command("train", pairs, "--recipe", "pix2pix", "--dry-run", "--kimg", "0.1").code == 0
    other = job.start(options(pairs, tmp_path / "other"))
    assert command("compare", run, other, "--out", tmp_path / "compared").code == 0


def test_what_has_no_meaning_here_is_refused(run: Path, command: Command) -> None:  # noqa: F811
    for words, said in (
        (("--class", "3"), "trained without classes"),
        (("--interpolate", "4"), "without noise"),
        (("--truncation", "0.5"), "without noise"),
        (("--from", "photos", "--npz", "x.npz"), "does not go with --npz"),
    ):
        ended = command("sample", run, *words)
        assert ended.code == 2
        assert said in ended.err
    with pytest.raises(UsageError, match=r"translates uint8 \[N, 16, 16, 1\]"):
        sparring.load(run).translate(np.zeros((2, 8, 8, 1), np.uint8))


def test_new_pictures_are_translated_under_their_own_names(run: Path, command: Command, tmp_path: Path) -> None:  # noqa: F811
    photos = make_pictures(tmp_path / "photos", 9, side=20)
    make_pictures(photos / "deeper", 1, side=SIDE, bands=1)
    Image.open(photos / "0001.png").save(photos / "0001.webp")
    (photos / "broken.jpg").write_bytes(b"nothing")
    ended = command("sample", run, "--from", photos, "--out", tmp_path / "made")
    assert (ended.code, ended.out.strip()) == (0, str(tmp_path / "made"))
    assert "broken.jpg: not a picture" in ended.err
    names = {path.relative_to(tmp_path / "made").as_posix() for path in (tmp_path / "made").rglob("*.png")}
    assert names == {f"{n:04}.png" for n in range(9) if n != 1} | {"0001.png.png", "0001.webp.png", "deeper/0000.png"}
    assert read_provenance(tmp_path / "made" / "0000.png")["run"] == run.name
    alone = np.asarray(Image.open(photos / "deeper" / "0000.png"))[None, ..., None]
    made = np.asarray(Image.open(tmp_path / "made" / "deeper" / "0000.png"))
    assert np.array_equal(made, sparring.load(run).translate(alone)[0, ..., 0])
    assert command("sample", run, "--from", photos, "--out", tmp_path / "made").code == 0, (
        "its own files may be replaced"
    )


def test_pictures_of_the_users_own_are_not_written_over(run: Path, tmp_path: Path) -> None:
    photos = make_pictures(tmp_path / "photos", 2)
    with pytest.raises(UsageError, match=r"0000.png there is not from sparring"):
        translate_folder(sparring.load(run), photos, photos)
    (tmp_path / "empty").mkdir()
    for missing, said in (("absent", "no such folder"), ("empty", "no picture in it")):
        with pytest.raises(DataError, match=said):
            translate_folder(sparring.load(run), tmp_path / missing, tmp_path / "made")


def test_a_run_from_noise_translates_nothing(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"translates none\. Train on pairs"):
        translate_folder(sparring.load(run_folder), make_pictures(tmp_path / "photos", 2), tmp_path / "made")


def test_pictures_without_sources_are_refused_with_what_is_expected(place: Path) -> None:
    with pytest.raises(UsageError, match=r"for pairs of pictures, .* Expected folders A .* and B"):
        job.start(TrainOptions(data="digits", recipe="pix2pix", device="cpu", out=place / "none"))
    assert not (place / "none").exists()


def test_other_recipes_learn_the_targets(pairs: Path, place: Path) -> None:
    run = sparring.train(
        pairs,
        kimg=0.03,
        batch=8,
        settings=("generator.width=4", "discriminator.width=4"),
        device="cpu",
        out=place / "x",
    )
    assert run.sample(2).shape == (2, SIDE, SIDE, 1)
