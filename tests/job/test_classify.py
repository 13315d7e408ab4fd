"""A classifier from data to answers: trained, opened, asked, judged, gone on with, compared, cross-validated."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import sparring
from sparring.data import open_data
from sparring.data.folds import folded
from sparring.errors import DataError, UsageError
from sparring.job.cross_validate import cross_validate
from sparring.job.evaluate_classifier import ClassifierEvaluation, evaluate_classifier
from sparring.job.options import TrainOptions
from sparring.job.run import Run
from sparring.metrics.crops import ten_crops
from sparring.metrics.layers import some_layers
from sparring.models.classify.mlp import MLP

SMALL = ("classifier.width=32", "classifier.depth=1", "classifier.lr=0.01")


def trained(out: Path, *settings: str, kimg: float = 8.0, seed: int = 0) -> Run:
    return sparring.train(
        "digits",
        recipe="mlp",
        settings=(*SMALL, *settings),
        kimg=kimg,
        seed=seed,
        precision="fp32",
        device="cpu",
        out=out,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("classifier")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", str(root / "cache"))
        return trained(root / "run")


def test_it_learns_and_writes_what_it_measured(run: Run) -> None:
    table = run.metrics
    seen = [value for value in table["validation_accuracy"] if value is not None]
    assert seen[-1] > 0.85 > table["validation_accuracy_floor"][-1]
    assert table["validation_error"][-1] == pytest.approx(1 - seen[-1])
    assert {"train_loss", "train_accuracy", "validation_f1", "grad_norm_head", "activation_layers.1"} <= set(table)
    assert all(value is None or value > 0 for value in table["grad_norm_layers.1"])
    assert any(event["kind"] == "best" for event in run.events)
    assert run.recipe.task == "classify"
    names = {path.name for path in (run.path / "samples").iterdir()}
    assert {"real.png", "init.png", "kimg-000008.064.png"} <= names
    report = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Hardest held-out pictures" in report
    assert "sparring predict" in report


def test_its_answers_are_probabilities_and_right_as_often_as_the_table_says(run: Run) -> None:
    held = open_data("digits").parts["validation"]
    likely = run.classify(held.x)
    assert likely.shape == (len(held), 10)
    assert likely.sum(1) == pytest.approx(np.ones(len(held)))
    best = min(value for value in run.metrics["validation_error"] if value is not None)
    assert (likely.argmax(1) != held.y).mean() == pytest.approx(best, abs=1e-9)
    assert run.hardest(5).shape == (5, 8, 8, 1)


def test_ten_views_are_averaged(run: Run) -> None:
    pictures = np.array(open_data("digits").parts["validation"].x[:20])
    x_BCHW = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    views = ten_crops(x_BCHW)
    assert views.shape == (10, 20, 1, 8, 8)
    assert torch.equal(views[5], views[0].flip(3))
    by_hand = torch.stack([run.classifier(view).double().softmax(1) for view in views]).mean(0)
    np.testing.assert_allclose(run.classify(pictures, ten_crop=True), by_hand.detach().numpy(), atol=1e-6)


def test_what_it_is_not_for_is_refused(run: Run) -> None:
    with pytest.raises(UsageError, match="makes no samples"):
        run.sample(1)
    with pytest.raises(UsageError, match=r"expected uint8 \[N, 8, 8, 1\]"):
        run.classify(np.zeros((1, 9, 9, 1), np.uint8))
    with pytest.raises(UsageError, match="--task generate: recipe 'mlp' is there to classify"):
        sparring.train("digits", task="generate", recipe="mlp")
    with pytest.raises(UsageError, match="needs labels"):
        sparring.train("digits", task="classify", unconditional=True)


def test_the_same_seed_gives_the_same_bytes_and_a_resumed_run_too(tmp_path: Path) -> None:
    settings = ("augment=standard", "augment.shift=1", "augment.mixup=0.2", "classifier.fall=linear")
    whole = trained(tmp_path / "whole", *settings, kimg=3.2)
    half = trained(tmp_path / "half", *settings, kimg=3.2)
    assert (whole.path / "metrics.csv").read_bytes() == (half.path / "metrics.csv").read_bytes()
    tensors = [Run(each.path, checkpoint="last").checkpoint.tensors["classifier"] for each in (whole, half)]
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])
    # One that goes on after its end is told its new end; until then the table stays.
    longer = sparring.resume(half.path, kimg=4.8)
    assert longer.metrics["kimg"][-1] == pytest.approx(4.864)
    assert longer.metrics["classifier_loss"][: len(whole.metrics["kimg"])] == whole.metrics["classifier_loss"]


def test_it_is_judged_with_intervals_and_a_matrix(run: Run) -> None:
    found = evaluate_classifier(run, robust=True)
    rows = {row.name: row for row in found.judged.rows}
    labels = open_data("digits").parts["validation"].y
    assert labels is not None
    matrix = np.array(found.judged.matrix)
    assert matrix.sum() == len(labels)
    assert rows["accuracy"].value == pytest.approx(np.trace(matrix) / matrix.sum())
    low, high = rows["accuracy"].low, rows["accuracy"].high
    assert low is not None and high is not None
    assert low < rows["accuracy"].value < high
    assert any("same validation examples" in line for line in found.conditions), "these data have no test part"
    assert found.robustness is not None
    assert found.robustness.rows[0].accuracy == pytest.approx(rows["accuracy"].value)
    record = json.loads((run.path / "evaluation.json").read_text(encoding="utf-8"))
    assert record["evaluations"][0]["rows"][0]["measure"] == "accuracy"
    assert isinstance(sparring.evaluate(run.path), ClassifierEvaluation)


def test_other_data_are_matched_by_the_names_of_their_classes(run: Run, tmp_path: Path) -> None:
    held = open_data("digits").parts["validation"]
    assert held.y is not None
    few = np.isin(held.y, [3, 7])
    np.savez(tmp_path / "some.npz", images=np.asarray(held.x[few][..., 0]), labels=held.y[few].astype(str))
    found = evaluate_classifier(run, against=str(tmp_path / "some.npz"))
    right = run.classify(np.asarray(held.x[few])).argmax(1) == held.y[few]
    assert found.judged.rows[0].value == pytest.approx(right.mean())
    np.savez(tmp_path / "cats.npz", images=np.asarray(held.x[:40, ..., 0]), labels=np.array(["cat", "3"] * 20))
    with pytest.raises(UsageError, match="'cat' is none of its classes"):
        evaluate_classifier(run, against=str(tmp_path / "cats.npz"))


def test_of_two_classes_a_threshold_is_chosen_apart_from_where_it_is_reported(tmp_path: Path) -> None:
    whole = open_data("digits")
    x, y = whole.parts["train"].x, whole.parts["train"].y
    assert y is not None
    rows_of = np.flatnonzero(np.isin(y, [3, 8]))
    arrays = {}
    for start, name in enumerate(("train", "val", "test")):
        rows_here = rows_of[start::3]
        arrays |= {
            f"{name}_images": np.asarray(x[rows_here][..., 0]),
            f"{name}_labels": (y[rows_here] == 8).astype(int),
        }
    np.savez(tmp_path / "eights.npz", **arrays)
    run = sparring.train(
        tmp_path / "eights.npz",
        recipe="mlp",
        settings=SMALL,
        kimg=0.6,
        precision="fp32",
        device="cpu",
        out=tmp_path / "run",
    )
    found = evaluate_classifier(run, min_recall=0.9)
    rows = {row.name: row for row in found.judged.threshold_rows}
    held, test = (open_data(str(tmp_path / "eights.npz")).parts[part] for part in ("validation", "test"))
    assert held.y is not None and test.y is not None
    threshold = rows["threshold"].value
    assert (run.classify(held.x)[held.y == 1, 1] >= threshold).mean() >= 0.9
    assert rows["recall_at_threshold"].value == pytest.approx(
        (run.classify(test.x)[test.y == 1, 1] >= threshold).mean()
    )
    assert found.judged.count == len(test)


def test_two_classifiers_are_compared(run: Run, tmp_path: Path) -> None:
    other = trained(tmp_path / "other", kimg=1.0)
    found = sparring.compare(run.path, other.path, out=tmp_path / "compared")
    assert {"Accuracy", "validation_f1"} & set(found.measures) or "validation_error" in found.measures
    assert all(path.exists() for path in found.written)


def test_few_held_out_pictures_are_compared_as_well(tmp_path: Path) -> None:
    arrays = {}
    for name, part, count in (("train", "train", 200), ("val", "validation", 12)):
        found = open_data("digits").parts[part]
        assert found.y is not None
        arrays |= {f"{name}_images": np.asarray(found.x[:count, ..., 0]), f"{name}_labels": found.y[:count]}
    np.savez(tmp_path / "few.npz", **arrays)
    few = open_data(str(tmp_path / "few.npz"))
    assert len(few.parts["validation"]) < 30, "fewer than three rows of ten"
    options = {"recipe": "mlp", "settings": SMALL, "kimg": 0.128, "device": "cpu"}
    paths = [sparring.train(tmp_path / "few.npz", seed=n, out=tmp_path / f"run-{n}", **options).path for n in (0, 1)]
    compared = sparring.compare(*paths, out=tmp_path / "compared")
    with Image.open(compared.written[1]) as sheet:
        pixels = np.asarray(sheet.convert("L"))
    assert (pixels[-8:, -8:] == 255).all(), "white where there are no more"
    assert "hardest first" in compared.written[0].read_text(encoding="utf-8")


def test_a_folder_of_one_class_is_judged_by_its_name(run: Run, tmp_path: Path) -> None:
    held = open_data("digits").parts["validation"]
    assert held.y is not None
    threes = np.asarray(held.x[held.y == 3])
    (tmp_path / "some" / "3").mkdir(parents=True)
    for number, picture in enumerate(threes):
        Image.fromarray(picture[..., 0]).save(tmp_path / "some" / "3" / f"{number}.png")
    right = (run.classify(threes).argmax(1) == 3).mean()
    for folder in (tmp_path / "some", tmp_path / "some" / "3"):
        found = evaluate_classifier(run, against=str(folder))
        assert found.judged.count == len(threes)
        assert found.judged.rows[0].value == pytest.approx(right)
    (tmp_path / "some" / "3").rename(tmp_path / "some" / "cat")
    with pytest.raises(UsageError, match="there are no labels"):
        evaluate_classifier(run, against=str(tmp_path / "some"))


# -- folds -------------------------------------------------------------------------------------------------------------


def test_every_example_is_held_out_once_and_copies_stay_together() -> None:
    data = open_data("digits")
    whole = len(data.parts["train"]) + len(data.parts["validation"])
    cuts = [folded(data, fold, 4) for fold in range(4)]
    held = [{picture.tobytes() for picture in cut.parts["validation"].x} for cut in cuts]
    assert sum(len(cut.parts["validation"]) for cut in cuts) == whole
    assert not any(a & b for n, a in enumerate(held) for b in held[:n])
    for cut, seen in zip(cuts, held, strict=True):
        assert not seen & {picture.tobytes() for picture in cut.parts["train"].x}
        assert 0.2 < len(cut.parts["validation"]) / whole < 0.3
        train = cut.parts["train"]
        assert train.y is not None
        assert cut.report.parts["train"].pictures == len(train)
        assert sum(cut.report.parts["train"].classes.values()) == len(train)
    with pytest.raises(UsageError, match="fold 4 of 4"):
        folded(data, 4, 4)
    with pytest.raises(DataError, match="fewer folds"):
        folded(data, 0, 1_000_000)


def test_cross_validation_is_a_run_a_fold_and_the_mean_over_them(tmp_path: Path) -> None:
    options = TrainOptions(data="digits", recipe="mlp", settings=SMALL, kimg=2.0, precision="fp32", device="cpu")
    place, spreads = cross_validate(options, 2)
    assert [path.name for path in sorted(place.glob("fold-*"))] == ["fold-0", "fold-1"]
    accuracy = spreads[0]
    assert accuracy.measure == "accuracy"
    assert accuracy.mean == pytest.approx(np.mean(accuracy.values))
    assert accuracy.sd == pytest.approx(np.std(accuracy.values, ddof=1))
    assert accuracy.mean > 0.5
    record = json.loads((place / "folds.json").read_text(encoding="utf-8"))
    assert record["measures"][0]["values"] == pytest.approx(accuracy.values)
    # A fold's run is opened, and goes on, with the same examples held out.
    again = Run(place / "fold-1", checkpoint="last")
    assert evaluate_classifier(again).judged.rows[0].value == pytest.approx(accuracy.values[1])
    sparring.resume(place / "fold-1", kimg=2.4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (TrainOptions(data="digits"), "cross-validation is for classifiers"),
        (TrainOptions(data="digits", recipe="mlp", labels=20), "does not go with --labels"),
    ],
)
def test_folds_that_make_no_sense_are_refused(options: TrainOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cross_validate(options, 3)
    with pytest.raises(UsageError, match="expected 2 to"):
        cross_validate(options, 1)


def test_of_many_layers_some_are_looked_at_the_first_and_the_last_always() -> None:
    from sparring.data.spec import ImageSpec

    spec = ImageSpec(channels=1, height=8, width=8, classes=("a", "b"))
    names = some_layers(MLP(spec, depth=20, width=4))
    assert len(names) == 8
    assert names[0] == "layers.1"
    assert names[-1] == "head"
