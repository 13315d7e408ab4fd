"""An autoencoder from data to codes: trained, opened, asked, sampled, measured, compared; rows; what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

import sparring
from job.conftest import empty_cache
from job.helpers import make_pictures
from sparring.cli.main import main
from sparring.data import open_data
from sparring.errors import UsageError
from sparring.job.evaluate_rebuilding import RebuildEvaluation
from sparring.job.run import Run
from sparring.metrics.rebuilding import pca_error

SMALL = ("autoencoder.hidden=32", "autoencoder.z_dim=8")


def trained(out: Path, recipe: str, *settings: str, kimg: float = 4.0, data: str = "digits") -> Run:
    return sparring.train(
        data, recipe=recipe, settings=settings, kimg=kimg, precision="fp32", device="cpu", out=out, batch=16
    )


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory, judges: Path) -> Run:
    root = tmp_path_factory.mktemp("vae")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", empty_cache(root, judges))
        return trained(root / "run", "cvae", *SMALL)


def code_of(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(str(ended.value.code))


def newest(run: Run, name: str) -> float:
    return [value for value in run.metrics[name] if value is not None][-1]


def test_it_learns_and_writes_what_it_measured(vae: Run) -> None:
    assert vae.recipe.task == "rebuild"
    measured = [value for value in vae.metrics["validation_objective"] if value is not None]
    assert measured[-1] < measured[0] - 10, "nats"
    assert newest(vae, "validation_objective") == pytest.approx(-newest(vae, "validation_elbo"))
    total = newest(vae, "validation_nll") + newest(vae, "validation_kl")
    assert newest(vae, "validation_elbo") == pytest.approx(-total)
    assert newest(vae, "validation_mse_floor") > 0
    assert {"fd_judge", "coverage", "validation_bits", "validation_active"} <= set(vae.metrics)
    names = {path.name for path in (vae.path / "samples").iterdir()}
    assert {"real.png", "init.png", "kimg-000004.000.png"} <= names
    report = (vae.path / "report.html").read_text(encoding="utf-8")
    assert "Held-out, and rebuilt" in report
    assert "<h3>Rebuilding</h3>" in report
    assert not [event for event in vae.events if event["kind"] == "hint" and event["severity"] != "info"]


def test_what_is_rebuilt_is_as_good_as_the_table_says(vae: Run) -> None:
    held = open_data("digits").parts["validation"]
    codes = vae.encode(held.x, held.y)
    assert codes.shape == (len(held), 8)
    made = vae.decode(codes, held.y)
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(made, vae.rebuild(held.x, held.y))
    best = min(zip(vae.metrics["validation_objective"], vae.metrics["validation_mse"], strict=True), key=_first)[1]
    assert ((made / 255.0 - held.x / 255.0) ** 2).mean() == pytest.approx(best, abs=2e-4), "bytes round by 1/510"


def _first(pair: tuple[float | None, float | None]) -> float:
    return float("inf") if pair[0] is None else pair[0]


def test_it_is_sampled_as_a_generator_is(vae: Run) -> None:
    assert vae.sample(3, label="7").shape == (3, 8, 8, 1)
    assert vae.interpolate(4, rows=2).shape == (8, 8, 8, 1)
    np.testing.assert_array_equal(vae.sample(5)[:2], vae.sample(2))


def test_it_is_measured_with_bounds_of_the_likelihood(vae: Run) -> None:
    found = sparring.evaluate(vae.path, count=60, seeds=1, bound=20, device="cpu")
    assert isinstance(found, RebuildEvaluation)
    rows = {row.name: row for row in found.rows}
    assert rows["elbo"].value < rows["bound_20"].value
    assert rows["elbo"].value == pytest.approx(-rows["nll"].value - rows["kl"].value)
    assert rows["bits_bound"].value < rows["bits"].value
    assert rows["mse_pca"].value < rows["mse_mean"].value
    record = json.loads((vae.path / "evaluation.json").read_text(encoding="utf-8"))
    own, samples = record["evaluations"]
    assert [row["measure"] for row in own["rows"]] == list(rows)
    assert "fd_judge" in {row["measure"] for row in samples["rows"]}
    assert not [row for row in samples["rows"] if row["measure"].startswith("d_auc")], "there is no discriminator"


def test_the_bound_is_of_examples_drawn_from_all_of_them(tmp_path: Path) -> None:
    """1,500 dark pictures before as many of noise: with one z each, the two bounds differ by the draws alone."""
    noise = np.random.default_rng(0).integers(0, 256, (1_500, 8, 8, 1), dtype=np.uint8)
    np.savez(tmp_path / "sorted.npz", train_images=np.concatenate([noise // 32, noise]))
    run = trained(tmp_path / "run", "vae", *SMALL, kimg=1.0)
    found = sparring.evaluate(run.path, against=tmp_path / "sorted.npz", seeds=1, bound=1, device="cpu")
    assert isinstance(found, RebuildEvaluation)
    rows = {row.name: row for row in found.rows}
    few, every = rows["bound_1"], rows["elbo"]
    assert few.count == 500 < every.count
    assert few.low is not None
    assert few.low - few.value < every.value - few.value < few.value - few.low


def test_pictures_go_through_it_and_two_runs_are_compared(
    vae: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = trained(tmp_path / "other", "linear-autoencoder", kimg=1.0)
    pictures = make_pictures(tmp_path / "new", 3, bands=1)
    assert code_of("sample", str(other.path), "--from", str(pictures), "--out", str(tmp_path / "made")) == 0
    assert {path.name for path in (tmp_path / "made").iterdir()} == {"0000.png", "0001.png", "0002.png"}
    found = sparring.compare(vae.path, other.path, out=tmp_path / "compared")
    assert "validation_mse" in found.measures
    assert any("validation_objective was not measured alike" in note for note in found.notes)
    assert code_of("sample", str(other.path)) == 2
    assert "no distribution to draw from" in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"expected \[N, 32\]"):
        other.decode(np.zeros((1, 5), np.float32))
    with pytest.raises(UsageError, match="can't tell classes"):
        other.classify(np.zeros((1, 8, 8, 1), np.uint8))


def test_linear_is_pca(tmp_path: Path) -> None:
    """The columns of the decoder span the first principal components (Baldi and Hornik 1989)."""
    run = trained(tmp_path / "run", "linear-autoencoder", "autoencoder.code=3", "autoencoder.lr=0.01", kimg=24.0)
    pictures = np.asarray(open_data("digits").parts["train"].x)
    rows = pictures.reshape(len(pictures), -1) / 127.5 - 1
    components = PCA(3, svd_solver="full").fit(rows).components_
    weight = sparring.load(run.path, checkpoint="last").autoencoder.state_dict()["decoder.weight"].numpy()
    assert np.degrees(subspace_angles(weight, components.T)).max() < 1


def test_the_baseline_is_what_pca_leaves() -> None:
    draw = np.random.default_rng(0)
    rows = draw.standard_normal((200, 5)) * np.array([5.0, 3.0, 0.5, 0.1, 0.1])
    error, numbers = pca_error(rows, rows, 2)
    left = np.linalg.svd(rows - rows.mean(0), compute_uv=False)[2:] ** 2
    assert error == pytest.approx(left.sum() / rows.size, rel=1e-9)
    assert numbers == 2
    assert pca_error(rows, rows, 9)[1] == 5


def test_rows_of_a_plane_are_rebuilt_from_one_number(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", "autoencoder", "autoencoder.widths=16,1,16", kimg=2.0, data="swiss-roll")
    points, _ = run.unseen(50)
    assert run.encode(points).shape == (50, 1)
    assert run.rebuild(points).shape == (50, 2)
    assert (run.path / "samples" / "kimg-000002.000.png").exists()
    for settings, wanted in ((("loss=bernoulli",), "--set loss=gaussian"), (("augment=binarised",), "augment=none")):
        with pytest.raises(UsageError, match=wanted):
            trained(tmp_path / "none", "vae", *settings, data="swiss-roll")
