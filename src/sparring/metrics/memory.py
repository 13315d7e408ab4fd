"""A memory of what places of normal pictures look like, and how far a new one is from all of it.

Source: Roth et al., "Towards Total Recall in Industrial Anomaly Detection" (PatchCore), arXiv:2106.08265: features of
middle layers averaged over the places around each (section 3.1), a greedy coreset of them (section 3.2, algorithm 1),
the distance to the nearest one as the score of a place (section 3.3). Departures: each value of a feature is scaled to
one spread, and the position of a place is a part of its feature; how the score of a picture follows from those of its
places is told in `job.evidence`.

Shape suffixes: N pictures, P places, M places remembered, D values of a place's feature.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from sparring.engine.deal import generator
from sparring.nn.resized import brought_to

CANDIDATES = 30_000
"""Places that the coreset is chosen from, drawn at random: greedy choice passes over all of them once for each one."""
PROJECTED = 64
"""Dimensions of the random projection in which places are chosen (section 3.2)."""
POSITION = 10.0
"""How much half the picture's side counts, in standard deviations of a feature: places are compared with those of about
the same position in other pictures. Where normal pictures are all of one object, an odd thing in the wrong place is
found by it; textures lose nothing (`benchmarks/anomaly.py`)."""

Layers = Callable[[Tensor], Sequence[Tensor]]


def places_of(maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """The feature of each place [N, P, D]: maps [N, F, H', W'], each the mean over 3x3 places, brought to one size."""
    aware = [avg_pool2d(h_NFHW, 3, 1, 1, count_include_pad=False) for h_NFHW in maps]
    joined_NDHW = torch.cat([brought_to(h_NFHW, size) for h_NFHW in aware], 1)
    return joined_NDHW.flatten(2).transpose(1, 2)


def coreset(z_PD: Tensor, count: int, *, seed: int = 0) -> Tensor:
    """Which of the features to keep, int64 [count]: each next one is the farthest from all that were kept before.

    Distances are those of a random projection where features have more than `PROJECTED` values (Johnson and
    Lindenstrauss). The largest distance of any feature to a kept one is at most twice the least that can be reached
    (Gonzalez 1985).
    """
    draw = generator(seed, "coreset")
    if z_PD.shape[1] > PROJECTED:
        along = torch.randn(z_PD.shape[1], PROJECTED, generator=draw) / PROJECTED**0.5
        z_PD = z_PD @ along.to(z_PD.device, z_PD.dtype)
    newest = int(torch.randint(len(z_PD), (1,), generator=draw))
    kept, nearest_P = [newest], z_PD.new_full((len(z_PD),), torch.inf)
    half_P = z_PD.square().sum(1) / 2
    while len(kept) < min(count, len(z_PD)):
        # Half of each squared distance, without what does not change: one pass over the features.
        torch.minimum(nearest_P, half_P + half_P[newest] - z_PD @ z_PD[newest], out=nearest_P)
        newest = int(nearest_P.argmax())
        kept.append(newest)
    return torch.tensor(kept, device=z_PD.device)


def remember(
    layers: Layers, blocks: Iterable[Tensor], pictures: int, size: tuple[int, int], *, count: int, seed: int = 0
) -> "Memory":
    """A memory of normal pictures.

    Args:
        layers: from pictures [B, C, H, W] to maps.
        blocks: the pictures, block by block.
        pictures: how many there are in all.
        size: rows and columns of places in a picture.
        count: places to remember.
    """
    draw = generator(seed, "places")
    each = min(size[0] * size[1], max(1, -(-CANDIDATES // pictures)))
    features, places = [], []
    for x_BCHW in blocks:
        z_BPD = places_of(layers(x_BCHW), size)
        chosen_BK = torch.rand(z_BPD.shape[:2], generator=draw).argsort(1)[:, :each].to(z_BPD.device)
        features.append(z_BPD.gather(1, chosen_BK[:, :, None].expand(-1, -1, z_BPD.shape[2])).flatten(0, 1))
        places.append(chosen_BK.flatten())
    z_PD = torch.cat(features)
    mean_D, scale_D = z_PD.mean(0), z_PD.std(0)
    # A feature that is always the same would be divided by nothing.
    scale_D = scale_D + 1e-3 * scale_D.mean().clamp_min(1e-6)
    z_PD = torch.cat([(z_PD - mean_D) / scale_D, positions(size).to(z_PD)[torch.cat(places)]], 1)
    return Memory(z_PD[coreset(z_PD, count, seed=seed)], mean_D, scale_D, size)


def positions(size: tuple[int, int]) -> Tensor:
    """Row and column of each place, from -POSITION to POSITION, [P, 2]."""
    rows, columns = (torch.linspace(-POSITION, POSITION, count) for count in size)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"), 2).flatten(0, 1)


@dataclass(frozen=True)
class Memory:
    """What is remembered: features of normal places with their positions [M, D + 2].

    Args:
        kept_MD: features, each value shifted and scaled as `mean` and `scale` say, and positions.
        mean_D, scale_D: of all normal places: what varies little counts as much as what varies a lot.
        size: rows and columns of places.
    """

    kept_MD: Tensor
    mean_D: Tensor
    scale_D: Tensor
    size: tuple[int, int]

    @torch.no_grad()
    def distances(self, maps: Sequence[Tensor]) -> Tensor:
        """How far each place is from the nearest one remembered, [N, H', W'].

        Args:
            maps: [N, F, H', W'] of each layer.
        """
        z_NPD = (places_of(maps, self.size) - self.mean_D) / self.scale_D
        where_NP2 = positions(self.size).to(z_NPD).expand(len(z_NPD), -1, -1)
        z_NPD = torch.cat([z_NPD, where_NP2], 2)
        far_NP = torch.cdist(z_NPD.flatten(0, 1), self.kept_MD).amin(1)
        return far_NP.view(len(z_NPD), *self.size)

    def tensors(self) -> Mapping[str, Tensor]:
        """For a file."""
        size = torch.tensor(self.size)
        return {"kept": self.kept_MD, "mean": self.mean_D, "scale": self.scale_D, "size": size}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], device: torch.device) -> "Memory":
        """What `tensors` gave, on the device."""
        rows, columns = tensors["size"].tolist()
        kept_MD, mean_D, scale_D = (tensors[name].to(device) for name in ("kept", "mean", "scale"))
        return cls(kept_MD, mean_D, scale_D, (rows, columns))
