"""What one example looks like: everything that a model needs to know about the data to be built."""

from dataclasses import dataclass

NAMED = 8
"""Columns that are named where a table is told of; of more than these only how many there are."""


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """Pictures, or volumes where `depth` is given. Stored as uint8 [H, W, C]; float in [-1, 1], NCHW, on the device.

    Args:
        source_channels: of the picture that each one comes with and is to be made from; 0 where there is none.
    """

    channels: int
    height: int
    width: int
    depth: int | None = None
    classes: tuple[str, ...] = ()
    source_channels: int = 0

    @property
    def places(self) -> int:
        """How many values a channel of an example has."""
        return (self.depth or 1) * self.height * self.width

    @property
    def form(self) -> str:
        """For people: channels, depth where there is one, height, width."""
        sides = [self.channels, *([] if self.depth is None else [self.depth]), self.height, self.width]
        return "x".join(map(str, sides))


@dataclass(frozen=True, kw_only=True)
class SequenceSpec:
    """Real-valued series of `length` steps with `channels` values each: float32 [L, C]."""

    channels: int
    length: int
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TokenSpec:
    """Whole numbers below `vocabulary`, `length` of them an example: int32 [L]."""

    vocabulary: int
    length: int
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    """Rows of named real-valued columns: float32 [F]."""

    columns: tuple[str, ...]
    classes: tuple[str, ...] = ()

    @property
    def source_channels(self) -> int:
        """Rows are not made from pictures."""
        return 0

    @property
    def places(self) -> int:
        """As many as a picture of one pixel has."""
        return 1

    @property
    def form(self) -> str:
        """For people: the columns, or how many where they are many."""
        few = len(self.columns) <= NAMED
        return f"rows of {', '.join(self.columns) if few else f'{len(self.columns)} columns'}"


Spec = ImageSpec | SequenceSpec | TokenSpec | TableSpec
OpenedSpec = ImageSpec | TableSpec
"""Of what `open_data` opens."""
