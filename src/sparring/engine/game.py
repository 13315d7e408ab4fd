"""Players and the round they play: the only place that calls backward and step.

A classifier is a game with one player, a GAN a game with two; how often each moves is data, not code.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from sparring.engine.deal import key, seed_device
from sparring.engine.denormals import flushed_denormals
from sparring.engine.distributed import average, same_as_first
from sparring.engine.ema import EMA
from sparring.engine.precision import Precision
from sparring.engine.schedule import Schedule
from sparring.engine.sharding import norm, piece, shard
from sparring.losses.base import Batch, Moment, Objective, Turn
from sparring.nn import ranks
from sparring.nn.wide import wide

Deal = Callable[[str, int], Batch]
"""Player's name and count of its updates so far -> everything random or read that the update needs."""
Phase = Callable[[str], AbstractContextManager[object]]
"""The name of a part of a round -> the context that it runs in."""
_NOTHING = nullcontext()


def unmarked(phase: str) -> AbstractContextManager[object]:
    """Nobody looks where the time goes."""
    return _NOTHING


@dataclass(kw_only=True)
class Player:
    """A module with its optimiser and the rules of its moves.

    Args:
        updates: updates in one round.
        accumulate: equal parts that a batch is cut into; their gradients are added before the step.
        clip: largest norm of the gradient; a longer one is scaled down to it.
        ema: average of the weights, or none.
        schedule: factor on the optimiser's rate, by examples seen.
        frozen: examples in which a part of the module waits.
        body: the parameters that wait.
        freeze: told whether they wait, before the first of them does and before they learn again.

    Attributes:
        parameters: of the module.
        own: what the optimiser moves of each: the parameter itself, or this rank's piece where the player is sharded.
        sharded: whether it is, see `share_out`.
        twin: in rank 0, for one who is sharded: the same player in one piece, on the host, see `whole.in_one_piece`.
    """

    name: str
    module: nn.Module
    optimizer: torch.optim.Optimizer
    updates: int = 1
    accumulate: int = 1
    clip: float | None = None
    ema: EMA | None = None
    schedule: Schedule = field(default_factory=Schedule)
    frozen: int = 0
    body: Sequence[nn.Parameter] = ()
    freeze: Callable[[bool], None] | None = None
    steps: int = 0
    skipped: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.parameters = self.own = list(self.module.parameters())
        self.sharded = False
        self.twin: Player | None = None
        self.skipped = torch.zeros((), device=self.parameters[0].device)
        self._is_frozen = False
        self._rates = [group["lr"] for group in self.optimizer.param_groups]

    def trains(self, whether: bool, *, examples: int) -> None:
        """Let gradients reach the weights, or freeze them; the body of what is `frozen` waits."""
        for parameter in self.parameters:
            parameter.requires_grad_(whether)
        waits = examples < self.frozen
        if waits:
            for parameter in self.body:
                parameter.requires_grad_(False)
        if waits != self._is_frozen and self.freeze is not None:
            self.freeze(waits)
        self._is_frozen = waits

    def averaged(self) -> nn.Module:
        """What is judged and shipped, in evaluation mode: the average of the weights, or a copy where there is none."""
        return (copy.deepcopy(self.module) if self.ema is None else self.ema.module).eval()

    def step(self, *, examples: int, batch: int, phase: Phase = unmarked) -> Tensor:
        """Clip and step, unless the gradient is not finite: then nothing moves. Returns the gradient's norm, [].

        The gradient is the mean of all ranks', so they all see the same norm, and step or do not step together.
        """
        if self.sharded:  # its gradients are pieces of the mean already
            for parameter, own in zip(self.parameters, self.own, strict=True):
                own.grad = None if parameter.grad is None else piece(parameter.grad)
        gradients = [own.grad for own in self.own if own.grad is not None]
        if not self.sharded:
            with phase("mean over processes"):
                average(gradients)
        with phase(f"{self.name} step"):
            length, not_finite = self._stepped(gradients, examples=examples)
        self.steps += 1
        if self.ema is not None:
            with phase("average of the weights"):
                self.ema.update(examples=examples, batch=batch, skipped=not_finite)
        return length

    def share_out(self) -> None:
        """Leave this rank its piece of everything of the player, before its first move; its network then computes by
        being called, and not otherwise."""
        same_as_first({self.name: self.module.state_dict()})
        if ranks.world().rank == 0:
            self.twin = copy.deepcopy(self)
            self.twin.move(torch.device("cpu"))
        before = self.own
        shard(self.module)
        self.parameters = list(self.module.parameters())
        self.own = [nn.Parameter(piece(parameter.detach())) for parameter in self.parameters]
        now = dict(zip(before, self.own, strict=True))
        for group in self.optimizer.param_groups:
            group["params"] = [now[parameter] for parameter in group["params"]]
        if self.ema is not None:
            shard(self.ema.module)
            self.ema.follow(self.module)
        self.sharded = True

    def move(self, device: torch.device) -> None:
        """Put the weights and their average there; the optimiser's moments stay where they are."""
        self.module.to(device)
        if self.ema is not None:
            self.ema.module.to(device)

    def _stepped(self, gradients: list[Tensor], *, examples: int) -> tuple[Tensor, Tensor]:
        """The norm, and whether nothing moved."""
        length = norm(gradients, sharded=self.sharded)
        not_finite = torch.isfinite(length).logical_not().to(torch.float32)
        self.skipped += not_finite
        if self.clip is not None:
            torch._foreach_mul_(gradients, (self.clip / length.clamp_min(self.clip)).to(length.dtype))
        factor = self.schedule.factor(examples)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        # A fused optimiser reads this flag on the device and leaves weights and moments alone where it is 1.
        self.optimizer.found_inf = not_finite  # type: ignore[attr-defined]
        self.optimizer.step()
        return length, not_finite


@dataclass(kw_only=True)
class Game:
    """Everything that changes while training.

    Args:
        players: in the order in which they move.
        objective: what each is judged by.
        deal: where batches come from; a pure function of its arguments.
        precision: what the forward passes compute in.
        batch: examples of one update, of all ranks together.
        counted: name of the player whose examples are counted (the discriminator's reals, or the one player's).
        seed: of whatever is random inside the modules.
        phase: what each part of a round runs in: for whoever looks where the time goes.
        round, images: rounds played and examples counted so far.
    """

    players: Sequence[Player]
    objective: Objective
    deal: Deal
    precision: Precision
    batch: int
    counted: str
    seed: int = 0
    phase: Phase = unmarked
    round: int = 0
    images: int = 0

    @property
    def kimg(self) -> float:
        """Thousands of examples counted so far."""
        return self.images / 1000

    def player(self, name: str) -> Player:
        """The player of that name."""
        return next(player for player in self.players if player.name == name)


@flushed_denormals()
def play_round(game: Game) -> dict[str, Tensor]:
    """Let every player make its updates once; returns named scalars [], still on the device."""
    scalars: dict[str, Tensor] = {}
    _seed_modules(game)
    for player in game.players:
        for other in game.players:
            other.trains(other is player, examples=game.images)
        for update in range(player.updates):
            moment = Moment(round=game.round, update=update, last=update + 1 == player.updates, count=player.steps)
            with game.phase("dealing"):
                batch = game.deal(player.name, player.steps)
            with ranks.exchanging():
                scalars |= _play_update(game, player, batch, moment)
            if player.name == game.counted:
                game.images += game.batch
    game.round += 1
    return scalars


def _seed_modules(game: Game) -> None:
    """Dropout and noise inside modules draw from the device's own generator: it depends on nothing but the round.

    Each rank has noise of its own; what an objective draws for examples, all draw alike, see `nn.ranks`.
    """
    device, world = game.precision.device, ranks.world()
    shared = key(game.seed, "modules", game.round)
    if world.ranks == 1:
        seed_device(shared, device)
        return
    world.seed(shared, device)
    seed_device(key(game.seed, "modules", game.round, world.rank), device)


def _play_update(game: Game, player: Player, batch: Batch, moment: Moment) -> dict[str, Tensor]:
    seen: list[dict[str, Tensor]] = []
    for parameter in player.parameters:
        parameter.grad = None
    for part in split(batch, player.accumulate):
        with game.phase(f"{player.name} forward"), game.precision.autocast():
            turn = game.objective.turn(player.name, part, moment)
            terms = torch.stack([_mean(term) for term in turn.terms.values()])
        with game.phase(f"{player.name} backward"):
            (terms.sum() / player.accumulate).backward()  # type: ignore[no-untyped-call]
        with game.phase("what is logged"):
            seen.append(_scalars(player.name, turn, terms))
    scalars = seen[0] if len(seen) == 1 else {name: torch.stack([s[name] for s in seen]).mean() for name in seen[0]}
    length = player.step(examples=game.images, batch=game.batch, phase=game.phase)
    game.objective.after_step(player.name)
    return scalars | {f"{player.name}_grad_norm": length}


def split(batch: Batch, parts: int) -> list[Batch]:
    """Cut every tensor of a batch into `parts` equal pieces along its first axis; their sizes may differ by name.

    Raises:
        ValueError: a size that `parts` does not divide: the mean of the parts' means would not be the batch's mean.
    """
    if parts == 1:
        return [batch]
    for name, tensor in batch.items():
        if len(tensor) % parts:
            raise ValueError(f"accumulate={parts} does not divide the {len(tensor)} examples of '{name}' in a batch.")
    pieces = {name: tensor.chunk(parts) for name, tensor in batch.items()}
    return [{name: piece[index] for name, piece in pieces.items()} for index in range(parts)]


def _mean(term: Tensor) -> Tensor:
    return term.mean(dtype=wide(term.dtype))


def _scalars(player: str, turn: Turn, terms: Tensor) -> dict[str, Tensor]:
    named = {f"{player}_{name}": value for name, value in zip(turn.terms, terms.detach().unbind(), strict=True)}
    named |= {f"{player}_{name}": value.detach() for name, value in turn.scalars.items()}
    if {"real_logit_B", "fake_logit_B"} <= turn.stats.keys():
        named[f"{player}_accuracy"] = ranked_right(turn.stats)
    return named


def ranked_right(stats: Mapping[str, Tensor]) -> Tensor:
    """Share of (real, fake) pairs in which the real has the higher logit, ties half: the area under D's ROC curve, [].

    1/2 is fooled, 1 is perfect; unlike the share of right signs it means the same for every loss.
    """
    real_B, fake_B = (ranks.gathered(stats[name].float()) for name in ("real_logit_B", "fake_logit_B"))
    difference = real_B[:, None] - fake_B[None, :]
    return (difference.sign().mean() + 1) / 2
