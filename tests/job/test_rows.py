"""A classifier of rows through every verb: trained, resumed, judged, asked, compared, drawn, cut into folds."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression

import sparring
from job.test_resume import stop_at
from sparring.cli.predict import table
from sparring.data import open_data
from sparring.errors import DataError, InterruptedRunError, UsageError
from sparring.job.cross_validate import cross_validate
from sparring.job.evaluate_classifier import evaluate_classifier
from sparring.job.options import TrainOptions
from sparring.job.predict import predict
from sparring.job.regions import Plane
from sparring.job.rehearse import rehearse
from sparring.job.run import Run
from sparring.job.train import start
from sparring.metrics.robust_rows import rows_robustness

SMALL = ("classifier.width=16", "classifier.dropout=0")


def people(path: Path, count: int = 400) -> Path:
    """Three columns of different units, of which two decide between three classes."""
    draw = np.random.default_rng(0)
    x = np.stack([draw.normal(50, 15, count), draw.normal(4e4, 1e4, count), draw.normal(1.7, 0.1, count)], 1)
    score = (x[:, 0] - 50) / 15 + (x[:, 1] - 4e4) / 1e4
    label = np.select([score > 0.7, score > -0.7], ["gold", "silver"], "bronze")
    lines = [f"{a:.2f},{b:.1f},{c:.3f},{name}" for (a, b, c), name in zip(x.tolist(), label, strict=True)]
    path.write_text("\n".join(["age,income,height,label", *lines]), encoding="utf-8")
    return path


def trained(data: str | Path, out: Path, *settings: str, kimg: float = 8.0, seed: int = 0, **more: Any) -> Run:
    return sparring.train(
        data, task="classify", settings=(*SMALL, *settings), kimg=kimg, seed=seed, device="cpu", out=out, **more
    )


@pytest.fixture(scope="module")
def place_of_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@pytest.fixture(scope="module")
def run(place_of_runs: Path) -> Run:
    return trained(people(place_of_runs / "people.csv"), place_of_runs / "people")


@pytest.fixture(scope="module")
def moons(place_of_runs: Path) -> Run:
    return trained("moons", place_of_runs / "moons", kimg=12.8)


def test_it_learns_whatever_the_units_are(run: Run) -> None:
    assert run.recipe.name == "mlp", "the usual recipe for rows"
    assert run.metrics["validation_accuracy"][-1] > 0.85 > run.metrics["validation_accuracy_floor"][-1] + 0.2
    train = np.asarray(open_data(run.recipe.data.source).parts["train"].x)
    state = run.classifier.state_dict()
    np.testing.assert_allclose(state["scaled.mean"], train.mean(0), rtol=1e-5)
    np.testing.assert_allclose(state["scaled.sd"], train.std(0), rtol=1e-4)
    report = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Rows of more than two columns are not drawn" in report and "new.csv" in report


def test_softmax_regression_is_scikit_learns(place_of_runs: Path) -> None:
    """Without hidden layers and decay, trained for long, the answers are those of logistic regression."""
    settings = ("classifier.depth=0", "classifier.decay=0", "classifier.lr=0.1")
    run = trained("moons", place_of_runs / "linear", *settings, kimg=40.0, batch=256)
    train, held = (open_data("moons").parts[part] for part in ("train", "validation"))
    reference = LogisticRegression(C=1e6).fit(train.x, train.y)
    ours = sparring.load(run.path, checkpoint="last").classify(held.x)
    assert np.abs(ours - reference.predict_proba(held.x)).max() < 0.03


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    data = people(tmp_path / "people.csv", 200)
    whole = trained(data, tmp_path / "whole", kimg=3.2)
    options = TrainOptions(
        data=str(data), task="classify", settings=SMALL, kimg=3.2, device="cpu", out=tmp_path / "cut"
    )
    with pytest.raises(InterruptedRunError):
        start(options, stop_at(1.0))
    again = sparring.resume(tmp_path / "cut")
    assert (whole.path / "metrics.csv").read_bytes() == (again.path / "metrics.csv").read_bytes()
    tensors = [Run(each.path, checkpoint="last").checkpoint.tensors["classifier"] for each in (whole, again)]
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])


def test_it_is_judged_also_by_other_rows_with_the_columns_in_another_order(run: Run, tmp_path: Path) -> None:
    found = evaluate_classifier(run, robust=True)
    assert found.robustness is not None
    by_kind = {kind: [row for row in found.robustness.rows if row.kind == kind] for kind in ("noise", "hidden")}
    accuracy = found.judged.rows[0].value
    for rows in by_kind.values():
        assert rows[0].accuracy == pytest.approx(accuracy) and rows[-1].accuracy < accuracy - 0.1
    read = list(csv.DictReader(io.StringIO(Path(run.recipe.data.source).read_text(encoding="utf-8"))))
    gold = [row for row in read if row["label"] == "gold"]
    lines = [f"{row['height']},{row['income']},{row['label']},{row['age']}" for row in gold]
    other = tmp_path / "other.csv"
    other.write_text("\n".join(["height,income,label,age", *lines]), encoding="utf-8")
    judged = evaluate_classifier(run, against=str(other)).judged
    said = [row.classes[0] for row in predict(run, other).rows]
    assert judged.count == len(gold) and judged.rows[0].value == pytest.approx(said.count("gold") / len(gold))
    with pytest.raises(UsageError, match="classifies rows of age, income, height, these are rows of x, y"):
        evaluate_classifier(run, against="moons")
    with pytest.raises(UsageError, match="--ten-crop is for flat pictures"):
        evaluate_classifier(run, ten_crop=True)


def test_changed_rows_by_hand() -> None:
    """Of one column and a threshold at its mean: noise of one sd leaves 3/4, hidden values are a coin's."""
    rows = np.random.default_rng(1).standard_normal((20_000, 1)).astype(np.float32)
    labels = (rows[:, 0] > rows.mean()).astype(np.int64)

    def said(x: np.ndarray[Any, Any]) -> Any:
        return np.stack([x[:, 0] <= rows.mean(), x[:, 0] > rows.mean()], 1).astype(np.float64)

    found = {(row.kind, row.strength): row.accuracy for row in rows_robustness(said, rows, labels).rows}
    assert found["noise", 0.0] == found["hidden", 0.0] == 1
    assert found["noise", 1.0] == pytest.approx(0.75, abs=0.01)
    assert found["hidden", 0.8] == pytest.approx(0.6, abs=0.01)


def test_rows_of_a_new_table_are_told_by_their_numbers(run: Run, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("height,note,income,age\n1.7,a,70000,80\n1.7,b,5000,20\n", encoding="utf-8")
    answers = predict(run, new, top=2)
    rows = list(csv.DictReader(io.StringIO(table(answers))))
    assert [(row["row"], row["class"]) for row in rows] == [("1", "gold"), ("2", "bronze")]
    assert answers.to_json()["predictions"][1]["row"] == 2
    np.savez(tmp_path / "new.npz", x=np.array([[80, 70000, 1.7], [20, 5000, 1.7]]))
    assert [row.probabilities for row in predict(run, tmp_path / "new.npz", top=2).rows] == [
        row.probabilities for row in answers.rows
    ]
    with pytest.raises(DataError, match="there is no column 'income'"):
        predict(run, people_without(tmp_path / "less.csv"))
    with pytest.raises(DataError, match=r"trained on rows of age, income, height; expected a \.csv"):
        predict(run, tmp_path)


def people_without(path: Path) -> Path:
    path.write_text("age,height\n1,2\n3,4\n", encoding="utf-8")
    return path


def test_the_plane_is_drawn_with_its_regions(moons: Run) -> None:
    names = {path.name for path in (moons.path / "samples").iterdir()}
    assert {"real.png", "init.png", "kimg-000012.800.png", "animation.webp"} <= names
    with Image.open(moons.path / "samples" / "kimg-000012.800.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    # The upper moon's middle (blue) and the lower one's (orange), where the columns' ranges put them.
    plane = Plane(np.asarray(open_data("moons").parts["train"].x))
    for point, bluer in (((0.0, 1.3), True), ((1.0, -0.8), False)):
        x, y = plane.placed(np.array([point], np.float32))[0] / plane.window.half
        left, top, side = 6, 36 + 6, 468
        colour = pixels[round(top + (1 - y) / 2 * side), round(left + (1 + x) / 2 * side)]
        assert (colour[2] > colour[0] + 30) == bluer
    report = (moons.path / "report.html").read_text(encoding="utf-8")
    assert "What it says of each place" in report


def test_runs_are_compared(run: Run, moons: Run, tmp_path: Path) -> None:
    other = trained("moons", tmp_path / "other", "objective.balance=sampling", kimg=1.28, seed=1)
    found = sparring.compare(moons.path, other.path, out=tmp_path / "planes")
    assert {path.name for path in found.written} == {"compare.html", "compare.png", "compare.json"}
    assert "paler where it is less sure" in found.written[0].read_text(encoding="utf-8")
    weighted = trained(run.recipe.data.source, tmp_path / "weighted", "objective.balance=weights", kimg=1.28)
    found = sparring.compare(run.path, weighted.path, out=tmp_path / "many")
    assert {path.name for path in found.written} == {"compare.html", "compare.json"}
    with pytest.raises(UsageError, match="compare those of a kind"):
        sparring.compare(moons.path, sparring.train("ring", kimg=0.128, device="cpu", out=tmp_path / "ring").path)


def test_folds_and_rehearsal(place_of_runs: Path) -> None:
    options = TrainOptions(data="moons", task="classify", settings=SMALL, kimg=3.2, device="cpu")
    place, spreads = cross_validate(options, 2)
    assert spreads[0].mean > 0.8
    first, second = (Run(place / f"fold-{n}").classifier.state_dict()["scaled.mean"] for n in (0, 1))
    assert not torch.equal(first, second), "each is scaled by what it learns from"
    plan, _ = rehearse(options)
    assert plan.recipe.name == "mlp" and plan.images_per_second


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"data": "moons"}, "makes points of a plane, and moons has 2 columns and 2 classes. Give --task classify"),
        ({"data": "moons", "recipe": "resnet20"}, "for flat pictures, and the data are rows of numbers: take --recipe"),
        ({"data": "moons", "recipe": "volume"}, "volume is for volumes, .*--recipe mlp"),
        ({"data": "ring", "task": "classify"}, "needs labels: .* Call the column of the class 'label'"),
        ({"data": "moons", "recipe": "mlp", "settings": ("augment=standard",)}, "changes pictures, and these data are"),
    ],
)
def test_what_rows_are_not_for_is_refused(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        sparring.train(**given, out=tmp_path / "run", device="cpu")


def test_one_class_is_refused_and_points_are_made_without_theirs(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("a,b,label\n1,2,x\n3,4,x\n5,6,x\n", encoding="utf-8")
    with pytest.raises(DataError, match="all rows that have a class are of one, 'x'"):
        sparring.train(path, task="classify")
    run = sparring.train("moons", unconditional=True, kimg=0.128, device="cpu", out=tmp_path / "run")
    assert run.sample(3).shape == (3, 2)
