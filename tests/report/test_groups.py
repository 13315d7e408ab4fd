"""Which curves share a drawing."""

import pytest

from sparring.report.groups import Panel, lines_of, panels


def _panels(**columns: list[float | None]) -> dict[str, Panel]:
    length = len(next(iter(columns.values())))
    rows = [{"kimg": float(i), **{name: values[i] for name, values in columns.items()}} for i in range(length)]
    return {panel.title: panel for panel in panels(rows)}


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("fd_digits", "fd_digits"),
        ("D_loss", "Losses"),
        ("loss_G", "Losses"),
        ("discriminator_adversarial", "Losses"),
        ("D_accuracy", "Accuracies and shares"),
        ("d_auc_heldout", "Accuracies and shares"),
        ("coverage", "Accuracies and shares"),
        ("lr", "Learning rates"),
        ("generator.learning_rate", "Learning rates"),
        ("r1", "r1"),
        ("generator_grad_norm", "Gradient norms"),
        ("accumulated", "accumulated"),
    ],
)
def test_a_column_is_where_people_look_for_it(name: str, title: str) -> None:
    assert list(_panels(**{name: [0.1, 0.2]})) == [title]


def test_a_name_like_a_share_with_other_values_stands_alone() -> None:
    assert list(_panels(accuracy=[10.0, 90.0])) == ["accuracy"]


def test_a_floor_is_drawn_with_what_it_is_the_floor_of() -> None:
    found = _panels(fd_a=[3.0, 2.0], fd_a_floor=[1.0, 1.0], fd_b=[5.0, 4.0], accuracy=[0.1, 0.2], accuracy_floor=[0, 0])
    assert {title: [line.name for line in panel.lines] for title, panel in found.items()} == {
        "fd_a": ["fd_a", "fd_a_floor"],
        "fd_b": ["fd_b"],
        "Accuracies and shares": ["accuracy", "accuracy_floor"],
    }
    assert [line.floor for line in found["fd_a"].lines] == [False, True]


def test_what_never_moves_and_what_was_never_measured_is_left_out() -> None:
    found = _panels(lr=[2e-4, 2e-4], width=[64.0, 64.0], fd_x=[None, None], nan=[float("nan")] * 2, D_loss=[1.0, 1.0])
    assert list(found) == ["Losses"]


def test_empty_cells_are_no_points_and_images_count_as_kimg() -> None:
    lines = lines_of([{"images": 500, "a": 1.0}, {"images": 1500, "a": None}, {"images": 2500, "a": 3}])
    assert lines["a"].points == [(0.5, 1.0), (2.5, 3.0)]
    assert lines["a"].last == 3.0
