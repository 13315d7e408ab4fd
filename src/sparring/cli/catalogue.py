"""`sparring list`: everything that has a name."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args

from tyro.conf import Positional, arg

from sparring.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from sparring.registry import Setting

HELP = """Recipes, models, losses, hints and data sets, a line each; with a name: every setting with its meaning.

$ sparring list
$ sparring list dcgan
$ sparring list --json
"""


@dataclass(frozen=True, kw_only=True)
class List:
    """Recipes, models, losses, hints and data sets, a line each; with a name: every setting with its meaning."""

    name: Annotated[Positional[str | None], arg(metavar="[NAME]", help_behavior_hint="")] = None
    """A recipe, a model, a loss, a penalty or a hint."""
    json: bool = False
    """Print JSON."""

    def run(self) -> None:
        """Do it."""
        if self.name is None:
            self._print_index(index())
        else:
            self._print_settings(settings(self.name))

    def _print_index(self, found: dict[str, dict[str, str]]) -> None:
        if self.json:
            print(json.dumps(found, indent=2))
            return
        for kind, entries in found.items():
            print(kind)
            width = max([16, *map(len, entries)])
            for name, summary in entries.items():
                print(f"  {name:<{width}} {summary}")

    def _print_settings(self, found: dict[str, dict[str, dict[str, Any]]]) -> None:
        if self.json:
            print(json.dumps(found, indent=2))
            return
        for title, entries in found.items():
            print(title)
            width = max((len(name) for name in entries), default=0)
            for name, setting in entries.items():
                print(f"  {name:<{width}}  {setting['default']!s:<12} {setting['meaning']} ({setting['type']})")
            if not entries:
                print("  no settings")


def index() -> dict[str, dict[str, str]]:
    """Kind -> name -> summary."""
    from sparring.data.named import summaries
    from sparring.job.parts import registries
    from sparring.recipe import PURPOSES, Task
    from sparring.recipes.base import recipes, recipes_for

    by_task = {
        f"recipes that {PURPOSES[task]}": {name: recipes[name].summary for name in recipes_for(task)}
        for task in get_args(Task)
    }
    found = {kind: {name: registry[name].summary for name in registry} for kind, registry in registries().items()}
    return {**by_task, **found, "data sets": dict(summaries())}


def settings(name: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Title -> setting -> default, type and meaning, for every entry of this name.

    Raises:
        UsageError: nothing has this name.
    """
    from sparring.job.parts import registries
    from sparring.recipes.base import recipes

    if name in recipes:
        return _recipe_settings(name)
    found = {
        f"{kind}: {name}. {registry[name].summary}": {
            n: _shown(s, s.default) for n, s in registry[name].settings.items()
        }
        for kind, registry in registries().items()
        if name in registry
    }
    if not found:
        known = {entry for registry in registries().values() for entry in registry}
        raise UsageError(f"nothing is called '{name}'. {did_you_mean(name, known)}")
    return found


def _recipe_settings(name: str) -> dict[str, dict[str, dict[str, Any]]]:
    """What `--set` knows for a recipe, with the defaults it would choose for 64x64 colour pictures of ten classes."""
    from sparring.job.parts import known_settings
    from sparring.recipe import DataChoice
    from sparring.recipes.base import USUAL, recipes

    recipe = recipes.build(name, DataChoice(source="pictures"), USUAL)
    own = {n: _shown(s, s.default) for n, s in recipes[name].settings.items()}
    told = "--set NAME=VALUE; defaults for 64x64 colour pictures of ten classes on a CPU"
    title = f"recipe: {name}. {recipes[name].summary}\n{told}"
    grouped = {
        f"{group}.{n}": _shown(setting, _chosen(recipe, group, n, setting.default))
        for group, members in known_settings(recipe).items()
        for n, setting in members.items()
    }
    return {title: {**own, **grouped}}


def _chosen(recipe: Any, group: str, name: str, default: Any) -> Any:
    if group in recipe.players:
        player = recipe.players[group]
        return player.model.settings.get(name, getattr(player, name, default))
    parts = {"loss": recipe.loss, "objective": recipe.objective, **{p.name: p for p in recipe.penalties}}
    parts |= {"augment": recipe.augment} if recipe.augment is not None else {}
    return parts[group].settings.get(name, default)


def _shown(setting: "Setting", value: Any) -> dict[str, Any]:
    from sparring.typed import describe_type

    default = ",".join(map(str, value)) if isinstance(value, tuple) else value
    return {"default": default, "type": describe_type(setting.type), "meaning": setting.meaning}
