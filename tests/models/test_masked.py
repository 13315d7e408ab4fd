"""Masked autoencoders: what is hidden can't be seen, what is shown stays, and a classifier reads the same tokens."""

import pytest
import torch
from torch import Tensor

from sparring.data.spec import ImageSpec
from sparring.engine.corruptions.patches import HiddenPatches
from sparring.engine.deal import Share
from sparring.errors import UsageError
from sparring.losses.masked import Masked
from sparring.losses.reconstruction_error import Bernoulli, SquaredError
from sparring.models.autoencode.dense import DenseAutoencoder
from sparring.models.autoencode.masked import MaskedAutoencoder
from sparring.models.classify.vit import VisionTransformer
from sparring.nn.patches import Patches

SPEC = ImageSpec(channels=3, height=10, width=14, classes=("a", "b"))
SMALL = {"width": 12, "depth": 2, "heads": 2, "patch": 4}


def network() -> MaskedAutoencoder:
    torch.manual_seed(0)
    return MaskedAutoencoder(SPEC, decoder_width=8, **SMALL).eval()


def pictures(seed: int = 0) -> Tensor:
    return torch.rand(5, 3, 10, 14, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def spoilt(x_BCHW: Tensor, *, share: float = 0.75) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    return dict(HiddenPatches(share=share, side=4)({"x": x_BCHW}, draw))


@pytest.mark.parametrize(("height", "width", "side"), [(8, 8, 4), (10, 14, 4), (7, 7, 7), (9, 5, 2)])
def test_patches_are_cut_as_a_convolution_cuts_them_and_joined_again(height: int, width: int, side: int) -> None:
    places = Patches(height, width, side)
    x_BCHW = torch.rand(2, 3, height, width)
    padded = places.padded(x_BCHW)
    patch_BTV = torch.nn.functional.unfold(padded, side, stride=side).transpose(1, 2)
    assert patch_BTV.shape[1] == places.count
    assert torch.equal(places.joined(patch_BTV.contiguous()), x_BCHW)


def test_equally_many_patches_are_hidden_of_each_picture_and_they_are_grey() -> None:
    batch = spoilt(pictures())
    assert batch["shown"].shape == (5, 3), "a quarter of 12"
    assert all(len(set(row)) == 3 for row in batch["shown"].tolist())
    assert len({tuple(sorted(row)) for row in batch["shown"].tolist()}) > 1
    places = Patches(10, 14, 4)
    for number, row in enumerate(batch["shown"].tolist()):
        for patch in range(12):
            top, left = 4 * (patch // places.columns), 4 * (patch % places.columns)
            part = batch["seen"][number, :, top : top + 4, left : left + 4]
            original = batch["x"][number, :, top : top + 4, left : left + 4]
            assert torch.equal(part, original if patch in row else torch.zeros_like(original))


def test_two_processes_hide_what_one_would() -> None:
    x_BCHW = torch.cat([pictures(0)[:2], pictures(1)[:2]])
    whole = HiddenPatches(side=4)({"x": x_BCHW}, torch.Generator().manual_seed(3))
    halves = [
        HiddenPatches(side=4)(
            {"x": x_BCHW[2 * rank : 2 * rank + 2]}, torch.Generator().manual_seed(3), Share(rank=rank, ranks=2)
        )
        for rank in range(2)
    ]
    assert torch.equal(torch.cat([half["shown"] for half in halves]), whole["shown"])


def test_what_is_hidden_changes_nothing_and_what_is_shown_stays() -> None:
    module, x_BCHW = network(), pictures()
    batch = spoilt(x_BCHW)
    hidden_B1HW = ~module.places.shown(batch["shown"])
    other = torch.where(hidden_B1HW, pictures(9), x_BCHW)
    made = module.rebuild(batch)
    again = module.rebuild({**batch, "x": other})
    assert torch.equal(made, again), "guesses know nothing of what they are to guess"
    assert torch.equal(made.where(~hidden_B1HW, 0.0), x_BCHW.where(~hidden_B1HW, 0.0))
    assert not torch.allclose(made, x_BCHW)


def test_the_order_of_what_is_shown_means_nothing() -> None:
    module, batch = network(), spoilt(pictures())
    turned = {**batch, "shown": batch["shown"].flip(1)}
    torch.testing.assert_close(module.rebuild(turned), module.rebuild(batch), rtol=1e-4, atol=1e-5)


def test_where_all_is_shown_the_encoder_is_that_of_the_classifier() -> None:
    module, x_BCHW = network(), pictures()
    classifier = VisionTransformer(SPEC, **SMALL).eval()
    taken = classifier.load_state_dict(module.state_dict(), strict=False)
    assert taken.missing_keys == ["head.weight", "head.bias"]
    assert torch.equal(classifier.features(x_BCHW), module.encode(x_BCHW)[:, 0])
    order = torch.arange(12).expand(5, -1)
    torch.testing.assert_close(module.encoder(x_BCHW, order), module.encode(x_BCHW))


def test_the_objective_is_the_mean_over_hidden_values() -> None:
    torch.manual_seed(0)
    spec = ImageSpec(channels=2, height=8, width=8)
    module = MaskedAutoencoder(spec, decoder_width=8, **SMALL).eval()
    batch = spoilt(torch.rand(3, 2, 8, 8), share=0.5)
    found = Masked(module, SquaredError()).measured(module, batch)["objective"]
    hidden = ~module.places.shown(batch["shown"]).expand(-1, 2, -1, -1)
    difference = module.rebuild(batch) - batch["x"]
    by_hand = torch.stack([row[flag].square().mean() for row, flag in zip(difference, hidden, strict=True)])
    torch.testing.assert_close(found, by_hand)


def test_other_networks_likelihoods_and_single_patches_are_refused() -> None:
    with pytest.raises(UsageError, match="objective masked is of hidden patches"):
        Masked(DenseAutoencoder(SPEC, widths=(4,)), SquaredError())
    with pytest.raises(UsageError, match="no likelihood"):
        Masked(network(), Bernoulli())
    with pytest.raises(UsageError, match="one patch is the whole picture"):
        MaskedAutoencoder(SPEC, patch=14)


def test_by_itself_every_patch_is_guessed_from_others() -> None:
    module, x_BCHW = network(), pictures()
    made_BCHW = module(x_BCHW)
    assert torch.equal(made_BCHW, module.rebuild({"x": x_BCHW}))
    for patch in range(12):
        its_B1HW = module.places.shown(torch.full((5, 1), patch))
        others = module(torch.where(its_B1HW, pictures(9), x_BCHW))
        torch.testing.assert_close(others.where(its_B1HW, 0.0), made_BCHW.where(its_B1HW, 0.0))
        assert not torch.allclose(others, made_BCHW), "and the others are guessed from it"
    shown = [torch.arange(turn, 12, 4).expand(5, -1) for turn in range(4)]
    guesses = [module.rebuild({"x": x_BCHW, "shown": places}) for places in shown]
    hidden = [~module.places.shown(places) for places in shown]
    by_hand = sum(guess * flag for guess, flag in zip(guesses, hidden, strict=True)) / 3
    torch.testing.assert_close(made_BCHW, by_hand)
