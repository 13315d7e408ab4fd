"""The index of names: what is found, what is refused, and what an annotation says about a setting."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest

from sparring import registry as registry_module
from sparring.errors import UsageError
from sparring.registry import Range, Registry

SHELF = """
from sparring.registry import Registry

tools = Registry("tool", package="shelf")
"""
HAMMER = '''
"""A hammer."""
from typing import Annotated
from shelf import tools
from sparring.registry import Range

Weight = Annotated[float, "kilograms", Range(0.1, below=5.0)]


@tools("hammer", paper="arXiv:0000.00000")
class Hammer:
    """Drives nails.

    And nothing else.
    """

    def __init__(self, material, *, weight: Weight = 0.5, claws: bool = True):
        self.material, self.weight, self.claws = material, weight, claws
'''
SAW = '''
from shelf import tools


@tools("saw")
def saw(material, *, teeth: int = 32):
    """Cuts wood."""
    return (material, teeth)
'''


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with two entries in two files, one of them nested, importable as `shelf`."""
    package = tmp_path / "shelf"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text(SHELF)
    (package / "hammer.py").write_text(HAMMER)
    (package / "inner" / "__init__.py").write_text("")
    (package / "inner" / "saw.py").write_text(SAW)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package
    for name in [name for name in sys.modules if name.split(".")[0] == "shelf"]:
        del sys.modules[name]


def tools() -> Registry[Any]:
    import shelf  # type: ignore[import-not-found]

    found: Registry[Any] = shelf.tools
    return found


def test_a_file_dropped_into_the_package_is_found_however_deep(shelf: Path) -> None:
    assert list(tools()) == ["hammer", "saw"]
    assert "saw" in tools()
    assert "axe" not in tools()


def test_nothing_is_imported_before_a_name_is_asked_for(shelf: Path) -> None:
    index = tools()
    assert "shelf.hammer" not in sys.modules
    index["hammer"]
    assert "shelf.hammer" in sys.modules


def test_an_entry_is_built_with_its_settings(shelf: Path) -> None:
    hammer = tools().build("hammer", "steel", settings={"weight": 2.0})
    assert (hammer.material, hammer.weight, hammer.claws) == ("steel", 2.0, True)
    assert tools().build("saw", "oak") == ("oak", 32)


def test_an_entry_tells_its_summary_paper_and_settings(shelf: Path) -> None:
    entry = tools()["hammer"]
    assert (entry.summary, entry.paper) == ("Drives nails.", "arXiv:0000.00000")
    weight, claws = entry.settings["weight"], entry.settings["claws"]
    assert (weight.type, weight.default, weight.meaning, weight.range) == (
        float,
        0.5,
        "kilograms",
        Range(0.1, below=5.0),
    )
    assert (claws.type, claws.default, claws.meaning, claws.range) == (bool, True, "", None)
    assert "material" not in entry.settings, "what is given by position is no setting"


def test_an_unknown_name_is_answered_with_the_closest(shelf: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown tool 'hamer'\. Did you mean 'hammer'\? Known: hammer, saw\."):
        tools()["hamer"]


def test_an_unknown_setting_is_answered_with_the_closest(shelf: Path) -> None:
    with pytest.raises(UsageError, match=r"tool 'saw' has no setting 'tooth'\. .*Known: teeth\."):
        tools().build("saw", "oak", settings={"tooth": 1})


@pytest.mark.parametrize("weight", [0.0, 5.0, -1.0, float("nan"), float("inf")])
def test_a_value_out_of_range_is_refused(shelf: Path, weight: float) -> None:
    with pytest.raises(UsageError, match=r"tool 'hammer': weight=.*: expected 0\.1 or more and below 5\."):
        tools().build("hammer", "steel", settings={"weight": weight})


def test_the_ends_of_a_range(shelf: Path) -> None:
    assert tools().build("hammer", "steel", settings={"weight": 0.1}).weight == 0.1
    assert tools().build("hammer", "steel", settings={"weight": 4.99}).weight == 4.99


def test_a_name_that_is_taken_raises_and_names_both(shelf: Path) -> None:
    index = tools()
    list(index)
    with pytest.raises(ValueError, match=r"tool 'saw' is registered twice: .*saw.* and .*imposter"):

        @index("saw")
        def imposter(material: str) -> None: ...

    assert index.build("saw", "oak") == ("oak", 32), "the first one stays"


def test_an_entry_can_open_onto_names_of_others(shelf: Path) -> None:
    index = tools()

    @index("rented", behind_colon="which")
    def rented(material: str, *, which: Annotated[str, "its name there"] = "", days: Annotated[int, "for"] = 1) -> Any:
        return material, which, days

    assert index.build("rented:crane:big", "steel", settings={"days": 3}) == ("steel", "crane:big", 3)
    entry = index["rented:crane"]
    assert (entry.name, list(entry.settings)) == ("rented:crane", ["days"])
    assert "rented:crane" in index and "rented" in index
    assert list(index) == ["hammer", "rented", "saw"], "what lies behind the colon is not known here"
    for name in ("rented:", "hammer:heavy", "lent:crane"):
        assert name not in index
        with pytest.raises(UsageError, match=f"unknown tool '{name}'"):
            index[name]


def test_a_file_that_cannot_be_imported_is_not_passed_over_in_silence(shelf: Path) -> None:
    (shelf / "broken.py").write_text("import a_package_that_is_not_there\n")
    index = tools()
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_there"):
            index["saw"]


def test_other_packages_add_entries_through_their_entry_points(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Point:
        def load(self) -> None:
            tools()("drill")(lambda material: ("drilled", material))

    def entry_points(*, group: str) -> list[Point]:
        asked.append(group)
        return [Point()]

    monkeypatch.setattr(registry_module, "entry_points", entry_points)
    assert tools().build("drill", "tin") == ("drilled", "tin")
    assert asked == ["sparring.tool"]


def test_an_annotation_may_name_the_range_first() -> None:
    setting = registry_module.annotated_setting("n", Annotated[int, Range(1), "how many"], 3)
    assert (setting.type, setting.meaning, setting.range) == (int, "how many", Range(1))


@pytest.mark.parametrize(
    ("value", "fits"), [(None, True), ((0.0, 0.5), True), ((0.0, 1.0), False), ((), True), (-0.1, False)]
)
def test_a_range_holds_for_each_of_a_tuple_and_not_for_none(value: Any, fits: bool) -> None:
    setting = registry_module.annotated_setting("betas", Annotated[Any, Range(0, below=1)], None)
    if fits:
        setting.refuse_outside(value, "--set betas")
    else:
        with pytest.raises(UsageError, match="--set betas"):
            setting.refuse_outside(value, "--set betas")


def test_one_function_stands_under_several_names_and_is_told_which() -> None:
    tools: Registry[str] = Registry("tool", package="sparring.losses")

    @tools("saw", "file", name_as="kind", preset={"size": 2})
    def made(*, kind: str, size: int, colour: str = "grey") -> str:
        """Names itself."""
        return f"{colour} {kind} {size}"

    assert [tools.build(name) for name in ("saw", "file")] == ["grey saw 2", "grey file 2"]
    assert set(tools["saw"].settings) == {"colour"}
    with pytest.raises(ValueError, match="'file' is registered twice"):
        tools("rasp", "file")(made)
