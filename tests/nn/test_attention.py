"""Attention and the transformer's block against torch's own."""

import math

import pytest
import torch
from torch import nn

from sparring.errors import UsageError
from sparring.nn.attention import EPS, SHORT, SelfAttention, TransformerBlock, attended


def test_attention_is_its_formula_in_each_subspace() -> None:
    """softmax(q k^T / sqrt(d)) v, by matrices of each head."""
    torch.manual_seed(0)
    layer = SelfAttention(6, 2).double()
    x_TC = torch.randn(5, 6, dtype=torch.float64)
    query_TC, key_TC, value_TC = layer.query_key_value(x_TC).chunk(3, 1)
    heads = []
    for head in (slice(0, 3), slice(3, 6)):
        weight_TT = (query_TC[:, head] @ key_TC[:, head].t() / math.sqrt(3)).softmax(1)
        heads.append(weight_TT @ value_TC[:, head])
    torch.testing.assert_close(layer(x_TC[None])[0], layer.out(torch.cat(heads, 1)))


@pytest.mark.parametrize("tokens", [17, SHORT, SHORT + 1])
def test_attention_that_learns_in_bfloat16_is_near_that_in_float64(tokens: int) -> None:
    """Its values and its gradients, by whichever kernel: within what eight bits of a number leave."""
    torch.manual_seed(0)
    exact = [torch.randn(2, 3, tokens, 8, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    rounded = [part.detach().bfloat16().requires_grad_() for part in exact]
    pull = torch.randn(2, 3, tokens, 8, dtype=torch.float64)
    for parts in (exact, rounded):
        attended(*parts).backward(pull.to(parts[0].dtype))
    pairs = [(attended(*rounded), attended(*exact)), *((r.grad, e.grad) for r, e in zip(rounded, exact, strict=True))]
    for found, true in pairs:
        assert found is not None and true is not None
        assert (found.double() - true).norm() < 0.02 * true.norm()


def test_the_variance_of_scaled_products_is_one() -> None:
    """Of q k / sqrt(d) with q and k of variance 1, whatever d is."""
    torch.manual_seed(0)
    for d in (4, 64):
        query, key = torch.randn(20_000, d), torch.randn(20_000, d)
        assert ((query * key).sum(1) / math.sqrt(d)).var().item() == pytest.approx(1, abs=0.05)


def test_the_block_is_torchs() -> None:
    torch.manual_seed(0)
    theirs = nn.TransformerEncoderLayer(
        24, 3, 96, dropout=0.0, activation="gelu", layer_norm_eps=EPS, batch_first=True, norm_first=True
    )
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.3)
    ours = TransformerBlock(24, 3)
    (norm1, attention, _), (norm2, first, _, _, second, _) = ours.attention, ours.perceptron
    norm1.load_state_dict(theirs.norm1.state_dict())
    norm2.load_state_dict(theirs.norm2.state_dict())
    first.load_state_dict(theirs.linear1.state_dict())
    second.load_state_dict(theirs.linear2.state_dict())
    attention.out.load_state_dict(theirs.self_attn.out_proj.state_dict())
    attention.query_key_value.load_state_dict(
        {"weight": theirs.self_attn.in_proj_weight, "bias": theirs.self_attn.in_proj_bias}
    )
    x_BTC = torch.randn(2, 7, 24)
    torch.testing.assert_close(ours(x_BTC), theirs(x_BTC))


def test_a_swap_of_places_swaps_the_results() -> None:
    torch.manual_seed(0)
    block, x_BTC, order = TransformerBlock(8, 2), torch.randn(1, 5, 8), torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(block(x_BTC[:, order]), block(x_BTC)[:, order])


def test_heads_of_unequal_size_are_refused() -> None:
    with pytest.raises(UsageError, match="width=8 can't be shared by heads=3"):
        SelfAttention(8, 3)
