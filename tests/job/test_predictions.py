"""A file of predictions becomes a table; what is wrong with a file is said by the name of its array or line."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics

from sparring.errors import DataError, UsageError
from sparring.job.prediction_files import is_predictions, read_predictions
from sparring.job.predictions import Judged, evaluate_predictions

Arrays = dict[str, npt.NDArray[Any]]


def arrays(count: int = 200, classes: int = 3, seed: int = 0) -> Arrays:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, count)
    odds = np.exp(draw.normal(size=(count, classes)) + 1.5 * np.eye(classes)[labels])
    return {"labels": labels, "probabilities": odds / odds.sum(1, keepdims=True)}


def rare(count: int = 400, seed: int = 0) -> Arrays:
    """Scores of two classes, a fifth of the examples being of the second."""
    draw = np.random.default_rng(seed)
    labels = (draw.random(count) < 0.2).astype(np.int64)
    return {"labels": labels, "scores": draw.normal(size=count) + 2 * labels}


def saved(folder: Path, given: Arrays) -> Path:
    path = folder / "predictions.npz"
    np.savez(path, **given)
    return path


def written(folder: Path, text: str) -> Path:
    path = folder / "predictions.csv"
    path.write_text(text, encoding="utf-8")
    return path


def values(found: Judged) -> dict[str, float]:
    return {row.name: row.value for row in (*found.rows, *found.threshold_rows, *found.class_rows)}


def test_a_table_of_probabilities(tmp_path: Path) -> None:
    given = arrays()
    found = evaluate_predictions(saved(tmp_path, given))
    predicted = given["probabilities"].argmax(1)
    assert (found.count, found.part, found.classes, found.seed) == (200, "all", ("0", "1", "2"), 0)
    assert values(found)["accuracy"] == pytest.approx(metrics.accuracy_score(given["labels"], predicted))
    assert values(found)["f1: 2"] == pytest.approx(metrics.f1_score(given["labels"], predicted, average=None)[2])
    np.testing.assert_array_equal(found.matrix, metrics.confusion_matrix(given["labels"], predicted))
    assert found.notes == () and found.threshold_rows == ()


def test_json_is_plain_and_finite(tmp_path: Path) -> None:
    text = json.dumps(evaluate_predictions(saved(tmp_path, arrays())).to_json(), allow_nan=False)
    table = json.loads(text)
    assert table["rows"][0]["name"] == "accuracy" and table["rows"][0]["count"] == 200
    assert table["rows"][0]["low"] < table["rows"][0]["value"] < table["rows"][0]["high"]


def test_csv_and_npz_say_the_same(tmp_path: Path) -> None:
    given = arrays()
    names = np.array(["cat", "dog", "a bird"])
    with (tmp_path / "predictions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["label", *(f"p_{name}" for name in names)])
        writer.writerows(
            [names[k], *map(repr, row)] for k, row in zip(given["labels"], given["probabilities"].tolist(), strict=True)
        )
    by_csv = evaluate_predictions(tmp_path / "predictions.csv")
    by_npz = evaluate_predictions(saved(tmp_path, given | {"classes": names}))
    assert by_csv.rows == by_npz.rows and by_csv.class_rows == by_npz.class_rows
    assert by_csv.classes == ("cat", "dog", "a bird")
    texts = evaluate_predictions(saved(tmp_path, given | {"labels": names[given["labels"]], "classes": names}))
    assert texts.rows == by_npz.rows


def test_a_spreadsheets_csv_is_read(tmp_path: Path) -> None:
    """With a byte order mark, Windows line ends, blanks and an empty line at the end."""
    path = tmp_path / "sheet.CSV"
    path.write_bytes("\ufefflabel, p_no, p_yes\r\nno, 0.9, 0.1\r\nyes, 0.2, 0.8\r\n\r\n".encode())
    assert values(evaluate_predictions(path))["accuracy"] == 1


def test_one_column_is_the_probability_of_the_second_class(tmp_path: Path) -> None:
    labels, second = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.4, 0.2], np.float32)
    for shape in ((4,), (4, 1)):
        found = evaluate_predictions(saved(tmp_path, {"labels": labels, "probabilities": second.reshape(shape)}))
        assert values(found)["recall"] == 0.5 and values(found)["precision"] == 1


def test_scores_rank_and_need_a_threshold(tmp_path: Path) -> None:
    given = rare()
    found = evaluate_predictions(saved(tmp_path, given))
    assert set(values(found)) == {"roc_auc", "average_precision"}
    assert values(found)["roc_auc"] == pytest.approx(metrics.roc_auc_score(given["labels"], given["scores"]))
    assert found.matrix is None and "--min-recall" in found.notes[0]


def test_a_threshold_is_reported_on_examples_it_was_not_chosen_on(tmp_path: Path) -> None:
    given = rare(4_000)
    given["parts"] = np.where(np.arange(4_000) % 2 == 0, "validation", "test")
    found = values(evaluate_predictions(saved(tmp_path, given), min_recall=0.9))
    labels, scores, test = given["labels"], given["scores"], given["parts"] == "test"
    said = scores[test] >= found["threshold"]
    assert found["recall_at_threshold"] == pytest.approx(metrics.recall_score(labels[test], said))
    assert found["precision_at_threshold"] == pytest.approx(metrics.precision_score(labels[test], said))
    assert found["f1_at_threshold"] == pytest.approx(metrics.f1_score(labels[test], said))
    assert found["accuracy_at_threshold"] == pytest.approx(metrics.accuracy_score(labels[test], said))
    assert found["flagged_at_threshold"] == pytest.approx(said.mean())
    kept = scores[~test][labels[~test] == 1] >= found["threshold"]
    assert 0.9 <= kept.mean() < 0.9 + 1.01 / len(kept) + 0.01
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(labels[test], scores[test]))


def test_without_parts_one_half_chooses_and_the_other_reports(tmp_path: Path) -> None:
    """A score of noise: what looks precise on the half it was chosen on is not on the other."""
    draw = np.random.default_rng(0)
    path = saved(tmp_path, {"labels": np.arange(600) % 2, "scores": draw.normal(size=600)})
    found = [evaluate_predictions(path, min_precision=0.58, seed=seed) for seed in range(6)]
    rows = [{row.name: row for row in one.threshold_rows} for one in found]
    assert all(row["accuracy_at_threshold"].count == row["threshold"].count == 300 for row in rows)
    assert np.mean([row["precision_at_threshold"].value for row in rows]) < 0.56
    assert all("on the other half: there recall 0." in row["threshold"].note for row in rows)
    assert {(one.count, one.part) for one in found} == {(600, "all")}
    assert evaluate_predictions(path, min_precision=0.58, seed=5) == found[5]


def test_a_precision_out_of_reach_is_refused(tmp_path: Path) -> None:
    given = rare()
    given["labels"][given["scores"].argsort()[-40:]] = 0
    with pytest.raises(UsageError, match=r"--min-precision 0\.99: .* can't be reached: the best on 200 examples is"):
        evaluate_predictions(saved(tmp_path, given), min_precision=0.99)
    with pytest.raises(UsageError, match=r"--min-recall 95: .* expected a share above 0 and at most 1"):
        evaluate_predictions(saved(tmp_path, given), min_recall=95)


def test_a_threshold_divides_two_classes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--min-recall: .* has 3 classes, and a threshold divides two"):
        evaluate_predictions(saved(tmp_path, arrays()), min_recall=0.9)
    with pytest.raises(UsageError, match="Give one of them"):
        evaluate_predictions(saved(tmp_path, rare()), min_recall=0.9, min_precision=0.9)
    lonely = {"labels": np.arange(20) == 0, "scores": np.arange(20.0)}
    with pytest.raises(DataError, match=r"1 example of a class: .* 2 of each"):
        evaluate_predictions(saved(tmp_path, lonely), min_recall=0.9)


def test_the_test_part_alone_is_judged(tmp_path: Path) -> None:
    given = arrays(300)
    given["parts"] = np.repeat(["train", "validation", "test"], 100)
    found = evaluate_predictions(saved(tmp_path, given))
    alone = evaluate_predictions(saved(tmp_path, {name: given[name][200:] for name in ("labels", "probabilities")}))
    assert (found.count, found.part) == (100, "test") and found.rows == alone.rows
    given["parts"][:] = "train"
    with pytest.raises(DataError, match="no example of `parts` is 'test'"):
        evaluate_predictions(saved(tmp_path, given))


def test_examples_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    given = arrays()
    given["labels"][:5] = -1
    found = evaluate_predictions(saved(tmp_path, given))
    assert found.count == 195 and found.notes == ("5 of 200 examples have no label and are left out",)


def test_rounded_probabilities_are_taken_and_sum_to_one(tmp_path: Path) -> None:
    given = arrays(20)
    for rounded in (given["probabilities"].round(3), given["probabilities"].astype(np.float16)):
        answers = read_predictions(saved(tmp_path, given | {"probabilities": rounded})).answers
        np.testing.assert_allclose(answers.sum(1), 1, rtol=1e-12)
        np.testing.assert_allclose(answers, given["probabilities"], atol=2e-3)


LABELS, HALVES = np.array([0, 1, 1]), np.full((3, 2), 0.5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": LABELS}, "holds labels; expected labels, and either probabilities or scores"),
        ({"labels": LABELS, "probabilities": HALVES, "scores": LABELS}, "and either probabilities or scores"),
        ({"labels": LABELS, "probabilites": HALVES}, "array 'probabilites'. Did you mean 'probabilities'"),
        ({"labels": LABELS[:2], "probabilities": HALVES}, "labels has 2 entries, but there are answers to 3 examples"),
        (
            {"labels": LABELS, "probabilities": HALVES * 3},
            r"probabilities holds values from 1\.5 to 1\.5; expected 0 to 1",
        ),
        ({"labels": LABELS, "probabilities": -HALVES}, r"values from -0\.5 to -0\.5; expected 0 to 1.*not logits"),
        ({"labels": LABELS, "probabilities": HALVES * 0.9}, r"sums to 0\.9 in row 0, and 2 other rows"),
        ({"labels": LABELS, "probabilities": HALVES * np.nan}, "probabilities holds 6 values that are not finite"),
        ({"labels": LABELS, "probabilities": HALVES[None]}, r"probabilities is float64 \[1, 3, 2\]; expected \[N, K\]"),
        ({"labels": LABELS, "probabilities": HALVES.astype(str)}, r"probabilities is <U\d+ \[3, 2\]; expected numbers"),
        ({"labels": LABELS, "scores": HALVES}, r"scores is float64 \[3, 2\]; expected \[N\]"),
        ({"labels": LABELS + 1, "probabilities": HALVES}, "labels holds the label 2, but only 2 classes are named"),
        ({"labels": LABELS - 2, "probabilities": HALVES}, "labels holds labels from -2 to -1"),
        ({"labels": LABELS * 0.5, "probabilities": HALVES}, "labels is float64 .*; labels are whole numbers"),
        ({"labels": LABELS * 0 - 1, "probabilities": HALVES}, "labels has none for any of 3 examples"),
        ({"labels": np.array(["a", "b", "a"]), "probabilities": HALVES}, r"labels is texts; expected classes \[2\]"),
        (
            {"labels": np.array(["a", "c", "a"]), "probabilities": HALVES, "classes": np.array(["a", "b"])},
            "holds the label 'c', which is no class",
        ),
        ({"labels": LABELS, "probabilities": HALVES, "classes": np.array(["a"])}, "expected 2 different texts"),
        ({"labels": LABELS, "probabilities": HALVES, "classes": np.array(["a", "a"])}, "expected 2 different texts"),
        ({"labels": LABELS, "probabilities": HALVES, "parts": np.array(["test"])}, "parts has 1 entries"),
        (
            {"labels": LABELS, "probabilities": HALVES, "parts": np.array(["tset"] * 3)},
            "parts holds 'tset'. Did you mean 'test'",
        ),
        ({"labels": LABELS, "probabilities": HALVES, "parts": LABELS}, r"parts is int64 \[3\]; expected texts"),
        ({"labels": LABELS[:0], "probabilities": HALVES[:0]}, "labels has none for any of 0 examples"),
        ({"labels": np.array([object()] * 3), "probabilities": HALVES}, "no .npz of plain arrays"),
    ],
)
def test_a_wrong_array_is_named(tmp_path: Path, given: Arrays, message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate_predictions(saved(tmp_path, given))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the columns are ''; expected: label,p_<class>"),
        ("label;p_a;p_b\n0;1;0\n", "the columns are 'label;p_a;p_b'"),
        ("label,p_a,score\na,1,2\n", "the columns are 'label,p_a,score'"),
        ("label,p_a,p_a\na,1,0\n", "a column occurs twice"),
        ("label,p_a,p_b\na,0.5\n", "line 2: 2 cells, but the header has 3 columns"),
        ("label,p_a,p_b\na,1,0\nb,0,one\n", "line 3, column p_b: 'one' is no number"),
        ("label,p_a,p_b\na,1,0\nc,0,1\n", "holds the label 'c', which is no class"),
        ("label,p_a,p_b\n", "labels has none for any of 0 examples"),
        ("label,score\n1,0.5\n2,0.1\n", "holds the label '2', which is no class. Known: 0, 1"),
        ("label,score\n1,nan\n0,0.1\n", "scores holds 1 values that are not finite"),
        ('label,score\n"1,0.5\n', "can't be read as CSV"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate_predictions(written(tmp_path, text))


def test_what_is_no_file_of_predictions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        evaluate_predictions(tmp_path / "absent.npz")
    (tmp_path / "answers.txt").write_text("0 1")
    with pytest.raises(DataError, match=r"a \.npz or a \.csv file, not '\.txt'"):
        evaluate_predictions(tmp_path / "answers.txt")
    for content in (b"", b"no archive", b"PK\x03\x04 cut"):
        (tmp_path / "broken.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"no \.npz of plain arrays"):
            evaluate_predictions(tmp_path / "broken.npz")
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, LABELS)
    with pytest.raises(DataError, match=r"no \.npz of plain arrays"):
        evaluate_predictions(tmp_path / "single.npz")
    (tmp_path / "latin.csv").write_bytes("label,p_caf\xe9\n".encode("latin-1"))
    with pytest.raises(DataError, match="CSV in UTF-8"):
        evaluate_predictions(tmp_path / "latin.csv")


def test_names_tell_files_of_predictions() -> None:
    assert is_predictions(Path("a/b.npz")) and is_predictions(Path("B.CSV"))
    assert not is_predictions(Path("runs/latest")) and not is_predictions(Path("a.npy"))


def test_every_interval_is_finite_and_around_something(tmp_path: Path) -> None:
    for row in evaluate_predictions(saved(tmp_path, rare()), min_recall=0.8).threshold_rows:
        assert math.isfinite(row.value)
        assert row.low is None or row.high is None or row.low <= row.value <= row.high
