"""`--dry-run`: the whole plan from the headers of the data, with speed and memory measured on random pictures."""

from sparring.data import DataReport, inspect_data
from sparring.data.report import PartReport
from sparring.engine.distributed import agreed
from sparring.errors import DataError, UsageError
from sparring.job.listeners import Listeners, OnData
from sparring.job.measure import measured, with_budget
from sparring.job.options import TrainOptions
from sparring.job.plan import Plan, check_options, make_plan
from sparring.job.together import together
from sparring.runfolder.places import refuse_filled


def rehearse(options: TrainOptions, *, on_data: OnData | None = None) -> tuple[Plan, DataReport]:
    """The plan that `start` would follow, and the report on the data; nothing is written.

    Raises:
        as `start`.
    """
    with together(Listeners(data=on_data)) as listeners:
        return _rehearsed(options, listeners)


def _rehearsed(options: TrainOptions, listeners: Listeners) -> tuple[Plan, DataReport]:
    agreed(lambda: _check(options))
    choice = options.data_choice()
    report = agreed(
        lambda: inspect_data(
            choice.source,
            size=choice.size,
            fit=choice.fit,
            channels=choice.channels,
            conditional=choice.conditional,
            pairs=choice.pairs,
            on_progress=listeners.data,
        )
    )
    train = report.parts["train"]
    labelled = agreed(lambda: _labelled(train, options.labels))
    plan = agreed(lambda: make_plan(options, report.spec, examples=train.pictures, labelled=labelled))
    if options.minutes is not None:
        return with_budget(plan, report, minutes=options.minutes), report
    return measured(plan, report), report


def _check(options: TrainOptions) -> None:
    check_options(options)
    if options.out is not None and options.out.is_dir():
        refuse_filled(options.out)


def _labelled(train: PartReport, asked: int | None) -> int:
    """How many labels would be kept."""
    there = train.pictures - train.unlabelled if train.classes else 0
    if asked is None:
        return there
    if not there:
        raise DataError(
            f"--labels {asked}: these pictures have no labels. Put them into class folders, or leave it out."
        )
    if not len(train.classes) <= asked <= there:
        raise UsageError(f"--labels {asked}: expected {len(train.classes)} (one a class) to {there} (all there are).")
    return asked
