"""An index of names: what can be asked for by a word on the command line, and which settings it takes.

A registry is an index, not a gate: every entry can be imported and called without it.

    generators: Registry[nn.Module] = Registry("generator", package="sparring.models.gan")

    @generators("dcgan", paper="arXiv:1511.06434")
    class DCGANGenerator(nn.Module):
        '''Fractionally-strided convolutions from noise to a picture.'''
        def __init__(self, spec, *, width: Annotated[int, "channels of the layer next to the picture"] = 64): ...

Keyword-only parameters are the entry's settings: their annotation is the type, the text in `Annotated` the meaning, a
`Range` behind it the values that can be. A `preset` gives some of them a value for good, so that one class can stand
under several published names. An entry with `behind_colon` opens onto names of others: `timm:resnet18` is the entry
`timm` whose setting of that name is given the text behind the colon.
A file dropped into the package is found, because the package is walked; outside packages add theirs through the
entry-point group `sparring.<kind>`.
"""

import importlib
import inspect
import math
import pkgutil
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from typing import Annotated, Any, Generic, TypeVar

from sparring.errors import UsageError, did_you_mean

T = TypeVar("T")
Builder = TypeVar("Builder", bound=Callable[..., Any])


@dataclass(frozen=True)
class Range:
    """Stands behind the meaning in `Annotated`: what a number, in tuples each, is at least, below, and at most."""

    least: float
    below: float = math.inf
    most: float = math.inf


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One keyword of an entry: its type, its default, what it means, and the values that can be."""

    name: str
    type: Any
    default: Any
    meaning: str
    range: Range | None = None

    def refuse_outside(self, value: Any, option: str) -> None:
        """Raise `UsageError` where `value` is a number, or holds one, outside the range. None is no number."""
        numbers = value if isinstance(value, tuple) else () if value is None else (value,)
        if self.range is None:
            return
        least, below, most = self.range.least, self.range.below, self.range.most
        if all(least <= number < below and number <= most for number in numbers):
            return
        end = f" and below {below:g}" if below < math.inf else f" and at most {most:g}" if most < math.inf else ""
        raise UsageError(f"{option}={value}: expected {least:g} or more{end}.")


@dataclass(frozen=True, kw_only=True)
class Entry(Generic[T]):
    """One registered name."""

    name: str
    build: Callable[..., T]
    paper: str
    preset: Mapping[str, Any] = field(default_factory=dict)
    behind_colon: str | None = None

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.build) or "").split("\n", 1)[0]

    @property
    def settings(self) -> Mapping[str, Setting]:
        """The keyword-only parameters of the constructor or function that the name does not give already."""
        return {setting.name: setting for setting in _keyword_settings(self.build) if setting.name not in self.preset}


class Registry(Generic[T]):
    """Names of one kind, filled by decorators in the modules of `package`.

    Args:
        kind: what an entry is, as an error message calls it ("generator").
        package: dotted name of the package whose modules register the entries; all of them are imported at first use.
    """

    def __init__(self, kind: str, *, package: str) -> None:
        self.kind = kind
        self.package = package
        self._entries: dict[str, Entry[T]] = {}
        self._walked = False

    def __call__(
        self,
        *names: str,
        paper: str = "",
        preset: Mapping[str, Any] | None = None,
        name_as: str | None = None,
        behind_colon: str | None = None,
    ) -> Callable[[Builder], Builder]:
        """Register a class or function under each of `names`; a name that is taken raises.

        Args:
            preset: settings that the names stand for, as depth=16 in `vgg16`.
            name_as: the setting that each name itself is given as.
            behind_colon: the setting that a text behind the name and a colon gives.
        """

        def register(build: Builder) -> Builder:
            for name in names:
                if name in self._entries:
                    raise ValueError(
                        f"{self.kind} '{name}' is registered twice: {self._entries[name].build} and {build}"
                    )
                own = {} if name_as is None else {name_as: name}
                self._entries[name] = Entry(
                    name=name, build=build, paper=paper, preset={**(preset or {}), **own}, behind_colon=behind_colon
                )
            return build

        return register

    def __getitem__(self, name: str) -> Entry[T]:
        entry = self._found(name)
        if entry is None:
            raise UsageError(f"unknown {self.kind} '{name}'. {did_you_mean(name, self._entries)}")
        return entry

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._found(name) is not None

    def __len__(self) -> int:
        self._walk()
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        self._walk()
        return iter(sorted(self._entries))

    def build(self, name: str, *args: Any, settings: Mapping[str, Any] | None = None) -> T:
        """Build an entry.

        Raises:
            UsageError: a setting that it does not take, with the closest match, or a value out of its range.
        """
        entry = self[name]
        chosen = dict(settings or {})
        known = entry.settings
        for key, value in chosen.items():
            if key not in known:
                raise UsageError(f"{self.kind} '{name}' has no setting '{key}'. {did_you_mean(key, known)}")
            known[key].refuse_outside(value, f"{self.kind} '{name}': {key}")
        return entry.build(*args, **entry.preset, **chosen)

    def _found(self, name: str) -> Entry[T] | None:
        self._walk()
        first, colon, rest = name.partition(":")
        entry = self._entries.get(first)
        if entry is None or not colon:
            return entry
        if entry.behind_colon is None or not rest:
            return None
        return replace(entry, name=name, preset={**entry.preset, entry.behind_colon: rest})

    def _walk(self) -> None:
        if self._walked:
            return
        package = importlib.import_module(self.package)
        for module in pkgutil.walk_packages(package.__path__, prefix=f"{self.package}."):
            importlib.import_module(module.name)
        for point in entry_points(group=f"sparring.{self.kind.replace(' ', '_')}"):
            point.load()
        # Only now: after a module that can't be imported, the next look must fail as loudly as the first.
        self._walked = True


def _keyword_settings(build: Callable[..., Any]) -> Iterator[Setting]:
    target = build.__init__ if inspect.isclass(build) else build
    hints = typing.get_type_hints(target, include_extras=True)
    for parameter in inspect.signature(target).parameters.values():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        hint = hints.get(parameter.name, Any)
        yield annotated_setting(parameter.name, hint, parameter.default)


def annotated_setting(name: str, hint: Any, default: Any, *, meaning: str = "") -> Setting:
    """The setting that an annotation describes: `Annotated[type, "meaning", Range(...)]`, the notes in any order."""
    notes: list[Any] = []
    if typing.get_origin(hint) is Annotated:
        hint, *notes = typing.get_args(hint)
    meaning = next((note for note in notes if isinstance(note, str)), meaning)
    limits = next((note for note in notes if isinstance(note, Range)), None)
    return Setting(name=name, type=hint, default=default, meaning=meaning, range=limits)
