"""Batches as pure functions of their counters."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparring.engine.deal import Dealer, Labels, Noise, Order, Pictures, generator, key, to_bytes, to_unit

CPU = torch.device("cpu")


def order(length: int = 10, *, batch: int = 4, seed: int = 0, stream: str = "d/reals") -> Order:
    return Order(length, batch=batch, seed=seed, stream=stream)


@settings(max_examples=50, deadline=None)
@given(length=st.integers(1, 40), batch=st.integers(1, 90), epochs=st.integers(1, 4))
def test_every_example_comes_exactly_once_an_epoch(length: int, batch: int, epochs: int) -> None:
    """Whatever the sizes: the batches laid end to end are whole epochs laid end to end."""
    dealt = order(length, batch=batch)
    count = -(-length * epochs // batch)
    positions = np.concatenate([dealt(c) for c in range(count)])
    for epoch in range(epochs):
        assert sorted(positions[epoch * length : (epoch + 1) * length]) == list(range(length))


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)))
def test_a_batch_depends_on_its_counter_alone(counters: list[int]) -> None:
    in_turn = order()
    expected = [in_turn(c).tolist() for c in range(12)]
    jumping = order()
    assert {c: jumping(c).tolist() for c in counters} == dict(enumerate(expected))


def test_epochs_seeds_and_streams_are_shuffled_differently() -> None:
    first = order(100, batch=100)
    permutations = [first(0), first(1), order(100, batch=100, seed=1)(0), order(100, batch=100, stream="g/reals")(0)]
    assert len({tuple(p) for p in [*permutations, range(100)]}) == 5


def test_an_order_keeps_two_epochs_at_most() -> None:
    dealt = order(10, batch=5)
    for counter in range(50):
        dealt(counter)
    assert len(dealt._epochs) <= 2


def test_first_places_are_taken_by_every_example_equally_often() -> None:
    """Over many epochs each of 5 examples leads in about a fifth (chi-square with 4 degrees, 99.9 %: 18.5)."""
    dealt = order(5, batch=5)
    led = Counter(int(dealt(epoch)[0]) for epoch in range(1000))
    assert sum((led[e] - 200) ** 2 / 200 for e in range(5)) < 18.5


def test_keys_tell_every_part_and_every_border_apart() -> None:
    words = [
        ("a", "bc"),
        ("ab", "c"),
        ("abc",),
        ("abc", ""),
        ("", "abc"),
        (1, 23),
        (12, 3),
        (123,),
        (0, "z", 1),
        (0, "z", 11),
    ]
    assert len({key(*parts) for parts in words}) == len(words)
    assert all(0 <= key(*parts) < 2**63 for parts in words)


def test_keys_of_all_streams_of_a_long_run_do_not_collide() -> None:
    streams = ["discriminator/z", "generator/z", "discriminator/labels", "generator/labels", "modules", "init"]
    keys = [key(seed, stream, counter) for seed in range(3) for stream in streams for counter in range(5000)]
    assert len(set(keys)) == len(keys)


def test_neighbouring_counters_have_independent_noise() -> None:
    rows = torch.stack([torch.randn(1000, generator=generator(0, "z", counter)) for counter in range(20)])
    between = torch.corrcoef(rows) - torch.eye(20)
    assert between.abs().max() < 0.15


def test_noise_is_standard_normal_and_a_function_of_its_counter() -> None:
    noise = Noise(50, batch=200, seed=0, stream="d/z", device=CPU)
    z_BZ = noise(3)["z"]
    assert z_BZ.shape == (200, 50)
    assert z_BZ.mean().item() == pytest.approx(0, abs=0.04)
    assert z_BZ.std().item() == pytest.approx(1, abs=0.04)
    noise(9)
    assert torch.equal(noise(3)["z"], z_BZ)
    assert not torch.equal(noise(4)["z"], z_BZ)
    assert not torch.equal(Noise(50, batch=200, seed=0, stream="g/z", device=CPU)(3)["z"], z_BZ)


def test_noise_is_the_same_in_every_precision() -> None:
    single, double = (
        Noise(50, batch=20, seed=0, stream="d/z", device=CPU, dtype=dtype)(3)["z"]
        for dtype in (torch.float32, torch.float64)
    )
    assert double.dtype == torch.float64
    assert torch.equal(double, single.double())


def test_labels_follow_the_shares() -> None:
    labels = Labels(np.array([0.5, 0.0, 0.3, 0.2]), batch=4000, seed=0, stream="d/labels", device=CPU)
    drawn = labels(0)["label"]
    assert drawn.dtype == torch.int64
    shares = torch.bincount(drawn, minlength=4) / 4000
    assert shares.tolist() == pytest.approx([0.5, 0.0, 0.3, 0.2], abs=0.03)
    assert shares[1] == 0
    assert torch.equal(labels(0)["label"], drawn)
    assert not torch.equal(labels(1)["label"], drawn)


def test_pictures_are_the_chosen_ones_with_their_labels() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (10, 4, 6, 3), np.uint8)
    labels = np.array([0, 1, 2, -1, 0, 1, 2, -1, 0, 1])
    source = Pictures(pictures, labels, order=order(), device=CPU)
    batch = source(2)
    chosen = order()(2)
    assert batch["index"].tolist() == chosen.tolist()
    assert batch["y"].tolist() == labels[chosen].tolist()
    assert batch["x"].shape == (4, 3, 4, 6)
    assert batch["x"].dtype == torch.float32
    assert batch["x"].is_contiguous(memory_format=torch.channels_last)
    expected = pictures[chosen].transpose(0, 3, 1, 2) / 127.5 - 1
    np.testing.assert_allclose(batch["x"].numpy(), expected, atol=1e-6)
    assert "y" not in Pictures(pictures, None, order=order(), device=CPU)(0)


def test_a_batch_can_be_changed_without_touching_the_store() -> None:
    pictures = np.zeros((10, 2, 2, 1), np.uint8)
    pictures.setflags(write=False)
    source = Pictures(pictures, None, order=order(), device=CPU)
    source(0)["x"].fill_(7)
    assert (source(0)["x"] == -1).all()


def test_every_grey_level_survives_the_device() -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(4, 8, 8, 1)
    for dtype in (torch.float32, torch.float64):
        unit = to_unit(levels, dtype)
        assert (unit.min().item(), unit.max().item()) == (-1, 1)
        assert (to_bytes(unit) == levels.numpy()).all()


def test_what_lies_outside_is_clipped() -> None:
    assert to_bytes(torch.tensor([-9.0, -1.0, 0.0, 1.0, 9.0]).reshape(1, 1, 1, 5)).ravel().tolist() == [
        0,
        0,
        128,
        255,
        255,
    ]


def test_a_dealer_joins_the_sources_of_each_player() -> None:
    def ones(counter: int) -> dict[str, torch.Tensor]:
        return {"x": torch.ones(2), "z": torch.tensor(counter)}

    def twos(counter: int) -> dict[str, torch.Tensor]:
        return {"x": torch.full((2,), 2.0)}

    deal = Dealer({"both": [ones, twos], "one": [ones], "none": []})
    assert {name: value.tolist() for name, value in deal("both", 5).items()} == {"x": [2.0, 2.0], "z": 5}
    assert deal("one", 6)["x"].tolist() == [1.0, 1.0]
    assert deal("none", 0) == {}
