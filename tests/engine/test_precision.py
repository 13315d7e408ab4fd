"""What a device or a precision is called, which one is taken, and what is said where there is none."""

import pytest
import torch
from small_games import gan_game, gan_recipe

from sparring.engine import precision as module
from sparring.engine.game import play_round
from sparring.engine.precision import Precision, choose_device, choose_precision
from sparring.errors import UsageError

CPU = torch.device("cpu")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a processor and nothing else."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("asked", [None, "auto", "cpu", "cpu:0"])
def test_without_a_gpu_the_processor_is_taken(asked: str | None) -> None:
    assert choose_device(asked).type == "cpu"


def test_the_fastest_that_is_there_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device(None).type == "cuda"


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("asked", ["cuda", "cuda:0", "mps", "cpu:1", "xpu"])
def test_a_device_that_is_not_there_is_refused(asked: str) -> None:
    with pytest.raises(UsageError, match=rf"--device {asked}: this machine has \d .* device.*Leave --device out"):
        choose_device(asked)


def test_a_gpu_by_number_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(UsageError, match="has 2 cuda device"):
        choose_device("cuda:2")


@pytest.mark.parametrize("asked", ["gpu", "cuda:x", "", "cuda 0"])
def test_a_device_that_nobody_knows_is_refused(asked: str) -> None:
    with pytest.raises(UsageError, match=r"--device .*: no such kind of device\. Known: auto, cpu, cuda"):
        choose_device(asked)


@pytest.mark.parametrize(
    ("flags", "name"), [("avx512_bf16", "bf16"), ("amx_bf16 amx_tile", "bf16"), ("avx2 avx512f", "fp32")]
)
def test_bf16_is_taken_where_the_processor_multiplies_it(
    flags: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_cpu_flags", lambda: frozenset(flags.split()))
    assert choose_precision("auto", CPU) == choose_precision(None, CPU) == Precision(name, CPU)  # type: ignore[arg-type]


@pytest.mark.parametrize(("capability", "name"), [((7, 5), "fp32"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_bf16_is_taken_where_the_gpu_multiplies_it(
    capability: tuple[int, int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision("auto", torch.device("cuda")).name == name
    assert choose_precision("auto", torch.device("mps")).name == "fp32"


@pytest.mark.parametrize("asked", ["fp16", "bfloat16", "", "BF16"])
def test_a_precision_that_nobody_knows_is_refused(asked: str) -> None:
    with pytest.raises(UsageError, match=r"--precision .*: unknown\. .*bf16.*fp32.*fp64"):
        choose_precision(asked, CPU)


def test_fp64_on_mps_is_refused() -> None:
    with pytest.raises(UsageError, match=r"MPS has no fp64\. Give --device cpu"):
        choose_precision("fp64", torch.device("mps"))
    assert choose_precision("fp32", torch.device("mps")).name == "fp32"


def test_weights_stay_in_fp32_under_bf16_and_the_passes_do_not() -> None:
    game = gan_game(gan_recipe("gan"), precision="bf16")
    seen: list[torch.dtype] = []
    game.players[1].module.register_forward_hook(lambda m, given, made: seen.append(made.dtype))
    play_round(game)
    assert torch.bfloat16 in seen
    assert {p.dtype for player in game.players for p in player.module.parameters()} == {torch.float32}


def test_fp64_is_fp64_throughout() -> None:
    game = gan_game(gan_recipe("gan"), precision="fp64")
    scalars = play_round(game)
    assert {p.dtype for player in game.players for p in player.module.parameters()} == {torch.float64}
    assert {batch.dtype for batch in (game.deal("discriminator", 0)[name] for name in ("x", "z"))} == {torch.float64}
    assert scalars["discriminator_adversarial"].dtype == torch.float64


@pytest.mark.parametrize("recipe", ["gan", "dcgan"])
def test_the_first_losses_agree_over_the_precisions(recipe: str) -> None:
    first = {p: play_round(gan_game(gan_recipe(recipe), precision=p)) for p in ("fp64", "fp32", "bf16")}  # type: ignore[arg-type]
    for name in ("discriminator_adversarial", "generator_adversarial"):
        exact = first["fp64"][name].item()
        assert first["fp32"][name].item() == pytest.approx(exact, abs=1e-3)
        assert first["bf16"][name].item() == pytest.approx(exact, abs=0.1)
