"""The average of the weights against a loop written by hand, and against what a half-life is."""

import pytest
import torch
from torch import nn

from sparring.engine.ema import EMA


def module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def moved(net: nn.Module, step: int) -> None:
    """Change every parameter and buffer, as a step of training would."""
    draw = torch.Generator().manual_seed(step)
    with torch.no_grad():
        for tensor in [*net.parameters(), *net.buffers()]:
            if tensor.is_floating_point():
                tensor.add_(torch.randn(tensor.shape, generator=draw))
            else:
                tensor.add_(1)


def test_it_is_the_average_that_a_loop_by_hand_makes() -> None:
    net = module().double()
    ema = EMA(net, half_life=500.0)
    by_hand = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    for step in range(40):
        moved(net, step)
        examples = step * 32
        half_life = min(500.0, 0.05 * max(examples, 32))
        share = 0.5 ** (32 / half_life)
        for name, tensor in net.state_dict().items():
            by_hand[name] = (
                share * by_hand[name] + (1 - share) * tensor if tensor.is_floating_point() else tensor.clone()
            )
        ema.update(examples=examples, batch=32)
    for name, tensor in ema.module.state_dict().items():
        torch.testing.assert_close(tensor, by_hand[name], rtol=1e-12, atol=1e-12)


def test_after_a_half_life_a_past_weight_counts_half() -> None:
    net = module()
    ema = EMA(net, half_life=320.0, ramp=1e9)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with torch.no_grad():
        for tensor in [*net.parameters(), *net.buffers()]:
            tensor.fill_(8)
    for step in range(10):
        ema.update(examples=32 * step, batch=32)
    for name, tensor in ema.module.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, (before[name] + 8) / 2)


def test_the_half_life_grows_with_the_examples_seen() -> None:
    ema = EMA(module(), half_life=5000.0)
    assert ema.decay(examples=0, batch=32) == pytest.approx(0.5**20), "the first weights are forgotten at once"
    assert ema.decay(examples=10_000, batch=32) == pytest.approx(0.5 ** (32 / 500))
    assert ema.decay(examples=10**9, batch=32) == pytest.approx(0.5 ** (32 / 5000))
    assert EMA(module(), half_life=0.0).decay(examples=10**6, batch=32) == 0.0


def test_counters_are_copied() -> None:
    net = module()
    ema = EMA(net, half_life=100.0)
    for step in range(3):
        moved(net, step)
        ema.update(examples=32 * step, batch=32)
    assert dict(ema.module.named_buffers())["1.num_batches_tracked"].item() == 3


def test_it_stays_where_the_step_was_left_out() -> None:
    net = module()
    ema = EMA(net, half_life=100.0)
    before = [tensor.clone() for tensor in ema.module.parameters()]
    moved(net, 0)
    ema.update(examples=64, batch=32, skipped=torch.tensor(1.0))
    assert all(torch.equal(a, b) for a, b in zip(before, ema.module.parameters(), strict=True))
    flagged, plain = EMA(net, half_life=100.0), EMA(net, half_life=100.0)
    moved(net, 1)
    flagged.update(examples=64, batch=32, skipped=torch.tensor(0.0))
    plain.update(examples=64, batch=32)
    assert all(torch.equal(a, b) for a, b in zip(plain.module.parameters(), flagged.module.parameters(), strict=True))


def test_a_statistic_that_is_not_finite_is_healed_by_the_average() -> None:
    net = module()
    ema = EMA(net, half_life=100.0)
    net[1].running_mean[0] = float("nan")  # type: ignore[index, operator]
    ema.update(examples=64, batch=32)
    assert all(torch.isfinite(tensor).all() for tensor in [*net.buffers(), *ema.module.buffers()])


def test_it_is_apart_from_the_module_that_trains() -> None:
    net = module().train()
    ema = EMA(net, half_life=100.0)
    assert not ema.module.training
    assert not any(parameter.requires_grad for parameter in ema.module.parameters())
    assert net.training
    moved(net, 0)
    assert not torch.equal(next(net.parameters()), next(ema.module.parameters()))
