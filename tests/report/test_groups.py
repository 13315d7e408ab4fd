"""Which curves share a drawing, and under which heading."""

import pytest

from report import synthetic
from sparring.report.groups import SECTIONS, Panel, lines_of, panels


def _panels(**columns: list[float | None]) -> dict[str, Panel]:
    length = len(next(iter(columns.values())))
    rows = [{"kimg": float(i), **{name: values[i] for name, values in columns.items()}} for i in range(length)]
    return {panel.title: panel for panel in panels(rows)}


@pytest.mark.parametrize(
    ("name", "title", "section"),
    [
        ("fd_digits", "fd_digits", "Distances to the reals"),
        ("FID", "FID", "Distances to the reals"),
        ("D_loss", "Losses", "The players"),
        ("train_loss", "Cross-entropy", "Classes"),
        ("discriminator_adversarial", "Losses", "The players"),
        ("discriminator_accuracy", "Accuracies and shares", "The players"),
        ("d_auc_heldout", "Accuracies and shares", "The players"),
        ("validation_accuracy", "Accuracy", "Classes"),
        ("coverage", "coverage", "Like the reals"),
        ("class_kl", "class_kl", "Classes"),
        ("overfit", "overfit", "The players"),
        ("lr", "Learning rates", "Learning"),
        ("generator.learning_rate", "Learning rates", "Learning"),
        ("discriminator_r1", "discriminator_r1", "The players"),
        ("generator_grad_norm", "Gradient norms", "The players"),
        ("classifier_grad_norm", "Gradient norms", "Learning"),
        ("grad_norm_layer3", "Gradients by layer", "Learning"),
        ("accumulated", "accumulated", "Other measures"),
    ],
)
def test_a_column_is_where_people_look_for_it(name: str, title: str, section: str) -> None:
    assert [(panel.title, panel.section) for panel in _panels(**{name: [0.1, 0.2]}).values()] == [(title, section)]


def test_a_name_like_a_share_with_other_values_stands_alone() -> None:
    assert list(_panels(accuracy=[10.0, 90.0])) == ["accuracy"]


def test_a_floor_belongs_to_what_it_is_the_floor_of() -> None:
    found = _panels(fd_a=[3.0, 2.0], fd_a_floor=[1.0, 1.5], fd_b=[5.0, 4.0], accuracy=[0.1, 0.2], accuracy_floor=[0, 0])
    assert {title: [(line.name, line.last_floor) for line in panel.lines] for title, panel in found.items()} == {
        "fd_a": [("fd_a", 1.5)],
        "fd_b": [("fd_b", None)],
        "Accuracies and shares": [("accuracy", 0.0)],
    }


def test_a_floor_without_its_measure_is_still_shown() -> None:
    found = _panels(coverage=[None, None], coverage_floor=[0.9, 0.8])
    assert [(panel.title, panel.section) for panel in found.values()] == [("coverage_floor", "Like the reals")]


def test_what_never_moves_and_what_was_never_measured_is_left_out() -> None:
    found = _panels(
        lr=[2e-4, 2e-4],
        width=[64.0, 64.0],
        discriminator_skipped=[0.0, 0.0],
        fd_x=[None, None],
        nan=[float("nan")] * 2,
        D_loss=[1.0, 1.0],
        recall=[0.5, 0.5],
    )
    assert list(found) == ["recall", "Losses"]


def test_empty_cells_are_no_points_and_images_count_as_kimg() -> None:
    lines = lines_of([{"images": 500, "a": 1.0}, {"images": 1500, "a": None}, {"images": 2500, "a": 3}])
    assert lines["a"].points == [(0.5, 1.0), (2.5, 3.0)]
    assert lines["a"].last == 3.0


def test_a_judged_run_is_ordered_from_the_result_to_its_causes_and_every_axis_has_a_unit() -> None:
    found = panels(synthetic.rows())
    order = [SECTIONS.index(panel.section) for panel in found]
    assert order == sorted(order)
    assert {panel.section for panel in found} == set(SECTIONS[:4])
    assert all(panel.unit for panel in found)
    assert {panel.title: panel.better for panel in found if panel.better} == {
        **dict.fromkeys(("fd_judge", "fd_conv", "duplicates", "copies", "class_kl", "overfit"), "lower"),
        **dict.fromkeys(("precision", "recall", "coverage", "class_least", "class_agreement"), "higher"),
        "diversity": "floor",
    }
