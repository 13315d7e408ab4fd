"""A run on points of a plane, from its plan to its report: what is written, that it resumes, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import sparring
from job.helpers import outputs
from job.test_resume import stop_at
from sparring.data import open_data
from sparring.engine.deal import Pictures
from sparring.engine.game import play_round
from sparring.errors import InterruptedRunError, UsageError
from sparring.job import train as job
from sparring.job.build import build_game
from sparring.job.evaluate import evaluate
from sparring.job.frames import PlaneFrames, _pushes, _seen
from sparring.job.options import TrainOptions
from sparring.job.plan import make_plan
from sparring.job.rehearse import rehearse
from sparring.losses.gan import AdversarialObjective
from sparring.metrics.modes import found_modes
from sparring.planes import Moment, Window, frame

SMALL = ("generator.width=8", "discriminator.width=8")


def options(**changed: Any) -> TrainOptions:
    given: dict[str, Any] = {"data": "ring", "kimg": 0.64, "batch": 64, "settings": SMALL, "device": "cpu"}
    return TrainOptions(**{**given, **changed})


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; not to be changed."""
    root = tmp_path_factory.mktemp("ring")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        return job.start(options(out=root / "one"))


def test_a_frame_at_every_row_and_an_animation_of_all(ring: Path) -> None:
    rows = (ring / "metrics.csv").read_text().splitlines()[1:]
    frames = sorted(path.name for path in (ring / "samples").glob("kimg-*.png"))
    assert [float(name[5:-4]) for name in frames] == [float(row.split(",")[0]) for row in rows]
    sizes = {Image.open(path).size for path in (ring / "samples").glob("kimg-*.png")}
    assert len(sizes) == 1
    with Image.open(ring / "samples" / "animation.webp") as moving:
        width, height = next(iter(sizes))
        assert (moving.n_frames, moving.size) == (len(frames) + 1, (width * 3 // 4, height * 3 // 4))
    assert "data:image/webp;base64," in (ring / "report.html").read_text()


def test_it_is_judged_beside_floors(ring: Path) -> None:
    run = sparring.load(ring, device="cpu")
    last = {name: values[-1] for name, values in run.metrics.items()}
    assert (last["modes_floor"], last["quality_floor"]) == (8, pytest.approx(0.989, abs=0.01))
    for name in ("fd_fourier", "precision", "recall", "coverage", "diversity", "duplicates", "copies"):
        assert last[name] is not None and last[f"{name}_floor"] is not None, name
    assert last["fd_fourier"] > 10 * last["fd_fourier_floor"], "it has hardly begun"
    assert {event["kind"] for event in run.events} >= {"best", "logits"}
    assert run.recipe.precision == "fp32"


def test_samples_are_points_whatever_their_number(ring: Path) -> None:
    run = sparring.load(ring, device="cpu")
    points = run.sample(8)
    assert points.shape == (8, 2) and points.dtype == np.float32
    assert np.array_equal(run.sample(100)[:8], points)
    modes = open_data("ring").modes
    assert modes is not None and found_modes(points, modes).modes <= 8


def test_stopped_and_resumed_is_the_same_as_never_stopped(ring: Path, place: Path) -> None:
    with pytest.raises(InterruptedRunError):
        job.start(options(out=place / "one"), stop_at(0.2))
    job.resume(place / "one")
    assert outputs(place / "one") == outputs(ring)


def test_it_evaluates_and_compares(ring: Path, place: Path) -> None:
    other = job.start(options(out=place / "two", seed=1, kimg=0.128))
    found = sparring.compare(ring, other, out=place / "compared")
    assert found.measures["fd_fourier"] and (place / "compared" / "compare.png").exists()
    (evaluation,) = evaluate(other, count=100, seeds=1, device="cpu").evaluations
    rows = {row.measure: row for row in evaluation.rows}
    assert rows["fd_fourier"].floor is not None and rows["fd_fourier"].blurred is None
    assert rows["fd_fourier"].duplicated is not None and 0 <= rows["d_auc_validation"].value <= 1
    with pytest.raises(UsageError, match="--extractor conv: ring has rows"):
        evaluate(other, extractor="conv", count=100)


def test_a_rehearsal_measures_it_and_writes_nothing(place: Path) -> None:
    plan, report = rehearse(options(minutes=0.05, kimg=None))
    assert report.columns == ("x", "y") and plan.seconds is not None and plan.row_seconds > 0
    assert plan.recipe.precision == "fp32" and plan.parameters["generator"] > 0
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("recipe", ["gan", "dcgan", "gan2014", "lsgan", "r3gan", "wgan", "wgan-gp"])
def test_recipes_play_with_networks_for_rows(recipe: str) -> None:
    data = open_data("ring")
    plan = make_plan(options(recipe=recipe), data.spec, examples=9_000, labelled=0)
    game = build_game(plan.recipe, data.spec, data.parts, plan.precision)
    scalars = play_round(game)
    assert all(torch.isfinite(value) for value in scalars.values())
    assert all(player.steps and not player.skipped for player in game.players)


@pytest.mark.parametrize(
    ("settings", "said"),
    [(("augment=diffaugment",), "changes pictures"), (("generator.model=compact",), "this network is for")],
)
def test_what_is_for_pictures_is_refused(settings: tuple[str, ...], said: str, place: Path) -> None:
    with pytest.raises(UsageError, match=said):
        job.start(options(settings=settings, out=place / "run"))
    assert not (place / "run").exists()


# -- what is drawn -----------------------------------------------------------------------------------------------------


def test_rows_are_dealt_as_they_are() -> None:
    x = np.random.default_rng(0).standard_normal((10, 2)).astype(np.float32)
    source = Pictures(x, None, order=lambda _: np.array([3, 1]), device=torch.device("cpu"))  # type: ignore[arg-type]
    assert np.array_equal(source(0)["x"].numpy(), x[[3, 1]])


@pytest.mark.filterwarnings("error")
def test_a_push_of_nothing_is_drawn_beside_others() -> None:
    """In float32, as they come: a collapsed run's D is flat under some fakes."""
    nothing = np.zeros((4, 2), np.float32)
    pushes = np.array([[0, 0], [0, 0], [1, 0], [0, 1]], np.float32)
    moment = Moment(
        title="flat",
        reals=nothing,
        fakes=nothing,
        surface=np.full((8, 8), 0.5),
        surface_is="",
        starts=nothing,
        pushes=pushes,
        curves=[],
        curves_are="",
    )
    assert frame(moment, Window.around(np.array([[-1.0, -1.0], [1.0, 1.0]]))).mode == "RGB"


def test_pushes_are_the_negative_slope_of_the_generators_loss(place: Path) -> None:
    """By differences: a step along the arrow makes the loss smaller by its length squared."""
    data = open_data("ring")
    plan = make_plan(options(precision="fp64"), data.spec, examples=9_000, labelled=0)
    game = build_game(plan.recipe, data.spec, data.parts, plan.precision)
    objective = game.objective
    assert isinstance(objective, AdversarialObjective)
    discriminator = objective.discriminator.requires_grad_(False)
    points = torch.tensor([[0.3, 0.2], [-0.7, 0.1]], dtype=torch.float64)
    real = torch.zeros(2, dtype=torch.float64)
    push = _pushes(objective, discriminator, points, real)
    for axis in range(2):
        step = torch.zeros(2, dtype=torch.float64)
        step[axis] = 1e-6
        ahead, behind = (objective.loss.g_loss(real, discriminator(points + way * step)).detach() for way in (1, -1))
        assert push[:, axis].tolist() == pytest.approx(((behind - ahead) / 2e-6).tolist(), rel=1e-4, abs=1e-8)


def test_the_surface_is_a_probability_where_the_loss_has_one() -> None:
    logits = torch.tensor([-2.0, 0.0, 2.0])
    seen, told = _seen(logits, logits, logits, probability=True)
    assert seen.tolist() == pytest.approx([0.119, 0.5, 0.881], abs=1e-3) and "probability" in told
    shifted, told = _seen(logits + 7, logits[2:] + 7, logits[:1] + 7, probability=False)
    assert shifted[1] == 0.5 and shifted[0] < 0.1 and shifted[2] > 0.9, "only differences mean something"
    assert "logit" in told


def test_a_window_shows_all_reals_and_its_lattice_lies_in_it() -> None:
    points = np.array([(0, 0), (2, 1)], np.float32)
    window = Window.around(points)
    left, right, bottom, top = window.extent
    assert left < 0 and right > 2 and bottom < 0 and top > 1 and right - left == pytest.approx(top - bottom)
    lattice = window.lattice(3)
    assert lattice[0].tolist() == pytest.approx([left, bottom]) and lattice[1].tolist() == pytest.approx([1.0, bottom])
    assert lattice[-1].tolist() == pytest.approx([right, top])


def test_pictures_have_no_frames_of_a_plane(finished_run: Path) -> None:
    assert not (finished_run / "samples" / "animation.webp").exists()
    assert PlaneFrames.every_row
