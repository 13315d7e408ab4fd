"""The turn of an autoencoder: spoilt inputs and clean targets, sparse codes, and codebooks."""

import pytest
import torch
from torch import distributions

from sparring.data.spec import ImageSpec, TableSpec
from sparring.engine.corruptions.base import corruptions
from sparring.errors import UsageError
from sparring.losses.base import Moment
from sparring.losses.rebuilding import Reconstruction, sparsity_kl
from sparring.losses.reconstruction_error import SquaredError
from sparring.losses.vector_quantisation import VectorQuantisation, moved, perplexity, revived
from sparring.models.autoencode.dense import DenseAutoencoder, halves
from sparring.models.autoencode.quantised import Codebook, VectorQuantised

NOW = Moment(round=0, update=0, last=True, count=0)
ROWS = TableSpec(columns=tuple("abcd"))
PICTURES = ImageSpec(channels=1, height=8, width=8)


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_target_of_what_was_spoilt_is_clean() -> None:
    torch.manual_seed(0)
    model = DenseAutoencoder(ROWS, widths=(3,))
    x = torch.randn(6, 4, generator=draw())
    spoilt = corruptions.build("masking", settings={"share": 0.5})({"x": x}, draw())
    assert torch.equal(spoilt["x"], x) and not torch.equal(spoilt["seen"], x)
    hidden = spoilt["seen"] != x
    assert bool((spoilt["seen"][hidden] == 0).all())
    (term,) = Reconstruction(model, SquaredError()).turn("autoencoder", spoilt, NOW).terms.values()
    torch.testing.assert_close(term, (model(spoilt["seen"]) - x).square().mean(1))


@pytest.mark.parametrize(("name", "share"), [("masking", 0.25), ("noise", 0.3), ("binarised", 0.0)])
def test_corruptions_do_what_they_say(name: str, share: float) -> None:
    x = torch.full((50, 3, 8, 8), 0.5)
    key = {"masking": "share", "noise": "sd"}.get(name)
    made = corruptions.build(name, settings={} if key is None else {key: share})({"x": x}, draw())
    if name == "masking":
        hidden = made["seen"] == -1
        assert hidden.float().mean().item() == pytest.approx(share, abs=0.02)
        assert torch.equal(hidden.all(1), hidden.any(1)), "the channels of a place are hidden together"
    elif name == "noise":
        assert (made["seen"] - x).std().item() == pytest.approx(share, abs=0.01)
    else:
        assert set(made["x"].unique().tolist()) == {-1.0, 1.0}
        assert (made["x"] == 1).float().mean().item() == pytest.approx(0.75, abs=0.02)


def test_the_price_of_a_code_is_torchs_divergence() -> None:
    z = torch.rand(7, 5, generator=draw(), dtype=torch.float64)
    wanted, mean = distributions.Bernoulli(probs=torch.full((5,), 0.1).double()), distributions.Bernoulli(z.mean(0))
    torch.testing.assert_close(sparsity_kl(z, 0.1), distributions.kl_divergence(wanted, mean).mean())


def test_a_price_that_needs_a_sigmoid_code_says_so() -> None:
    with pytest.raises(UsageError, match="code_activation=sigmoid"):
        Reconstruction(DenseAutoencoder(ROWS), SquaredError(), sparsity=0.1)
    model = DenseAutoencoder(ROWS, widths=(3,), code_activation="sigmoid")
    terms = Reconstruction(model, SquaredError(), sparsity=0.1).turn("autoencoder", {"x": torch.randn(6, 4)}, NOW).terms
    assert set(terms) == {"reconstruction", "sparsity"}


def test_the_narrowest_layer_is_the_code() -> None:
    assert halves((8, 4, 2, 2, 4, 8)) == ((8, 4, 2), (2, 4, 8))
    assert halves((16, 8, 4, 6, 12, 16)) == ((16, 8, 4), (6, 12, 16))
    model = DenseAutoencoder(ROWS, widths=(16, 8, 4, 6, 12, 16))
    assert [tuple(p.shape) for p in model.decoder.parameters() if p.ndim > 1] == [(6, 4), (12, 6), (16, 12), (4, 16)]
    assert model.code == (4,)


# -- codebooks -----------------------------------------------------------------------------------------------------


def test_the_nearest_vector_is_chosen_and_its_gradient_passes_by() -> None:
    torch.manual_seed(0)
    model = VectorQuantised(PICTURES, width=4, channels=3, codebook=5, halvings=1)
    dealt = {"x": torch.rand(2, 1, 8, 8, generator=draw()) * 2 - 1}
    h = model.vectors(dealt["x"])
    rows = h.movedim(1, -1).reshape(-1, 3)
    by_torch = torch.cdist(rows, model.codebook.vectors).argmin(1)
    assert torch.equal(model.encode(dealt["x"]).flatten(), by_torch)
    torch.testing.assert_close(model.decode(model.encode(dealt["x"])), model.decode_vectors(model.codebook(h)[0]))
    # Straight through (section 3.2): without commitment the encoder's gradient is that at the chosen vectors.
    objective = VectorQuantisation(model, SquaredError(), commitment=0.0)
    terms = objective.turn("autoencoder", dealt, NOW).terms
    weight = model.encoder[-1].weight
    (slope,) = torch.autograd.grad(terms["reconstruction"].sum(), weight, retain_graph=True)
    chosen = model.codebook(h)[0].detach().requires_grad_()
    (passed,) = torch.autograd.grad(SquaredError()(model.decode_vectors(chosen), dealt["x"]).sum(), chosen)
    (by_hand,) = torch.autograd.grad(h, weight, passed)
    torch.testing.assert_close(slope, by_hand)


def test_vectors_move_to_the_averages_of_what_falls_to_them() -> None:
    book = Codebook(3, 2)
    with torch.no_grad():
        book.vectors.copy_(torch.tensor([[0.0, 0.0], [4.0, 4.0], [9.0, 9.0]]))
        book.sums.copy_(book.vectors)
    h = torch.tensor([[1.0, 0.0], [3.0, 0.0], [4.0, 6.0]])
    with torch.no_grad():
        moved(book, h, torch.tensor([0, 0, 1]), decay=0.75)
    # Counts 0.75 + 0.25 (2, 1, 0); sums 0.75 (the vectors) + 0.25 of what fell: eq. 6 to 8 by hand.
    torch.testing.assert_close(book.counts, torch.tensor([1.25, 1.0, 0.75]))
    torch.testing.assert_close(book.vectors.detach(), torch.tensor([[0.8, 0.0], [4.0, 4.5], [9.0, 9.0]]))
    with torch.no_grad():
        revived(book, h, least=0.8)
    assert book.vectors[2].tolist() in h.tolist(), "nothing fell to it: it is put onto a place"
    assert book.vectors[1].tolist() == [4.0, 4.5]


def test_perplexity_counts_the_vectors_that_are_used() -> None:
    assert perplexity(torch.tensor([3, 3, 3, 3]), 8).item() == pytest.approx(1.0)
    assert perplexity(torch.tensor([[0, 1], [2, 3]]), 8).item() == pytest.approx(4.0)
