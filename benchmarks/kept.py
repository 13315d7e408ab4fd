"""Runs that a benchmark keeps: one that is there is not trained again, one that was cut short goes on."""

import json
from dataclasses import dataclass
from pathlib import Path

import sparring
from sparring.errors import CollapsedError, DivergedError


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A run at its end.

    Args:
        ended: "well", "collapsed" or "diverged".
    """

    run: sparring.Run
    ended: str

    @property
    def seconds(self) -> float:
        """Seconds of training and judging."""
        timing = json.loads((self.run.path / "timing.json").read_text(encoding="utf-8"))
        return float(timing["training_seconds"])


def trained(
    data: str | Path,
    out: Path,
    *,
    recipe: str,
    minutes: float | None = None,
    kimg: float | None = None,
    seed: int = 0,
    settings: tuple[str, ...] = (),
    unconditional: bool = False,
    labels: int | None = None,
    batch: int | None = None,
    size: int | None = None,
    begin_with: Path | None = None,
) -> Kept:
    """The run in `out` at its end, whichever way it ended; trained, or trained further, where it is not there yet."""
    try:
        if not (out / "checkpoints").is_dir():
            sparring.train(
                data,
                recipe=recipe,
                minutes=minutes,
                kimg=kimg,
                seed=seed,
                settings=settings,
                unconditional=unconditional,
                labels=labels,
                batch=batch,
                size=size,
                begin_with=begin_with,
                out=out,
            )
        elif not _is_spent(out):
            sparring.resume(out)
    except CollapsedError:
        return Kept(run=sparring.load(out), ended="collapsed")
    except DivergedError:
        return Kept(run=sparring.load(out), ended="diverged")
    return Kept(run=sparring.load(out), ended=_told(out))


def _is_spent(out: Path) -> bool:
    last = sparring.load(out, checkpoint="last")
    return last.checkpoint.images >= round(last.recipe.kimg * 1000) or _told(out) == "diverged"


def _told(out: Path) -> str:
    """How a run ended, from its own records: the same whether it ended now or before."""
    kinds = {event["kind"] for event in sparring.load(out).events if event["severity"] == "error"}
    if "diverged" in kinds:
        return "diverged"
    return "collapsed" if _collapsed(out) else "well"


def _collapsed(out: Path) -> bool:
    from sparring.diagnose.hints import diagnose, exit_code
    from sparring.diagnose.records import Records
    from sparring.runfolder import RunFolder

    return exit_code(diagnose(Records.read(RunFolder.open(out)))) == CollapsedError.exit_code
