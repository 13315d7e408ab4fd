"""Every task, by its name."""

from collections.abc import Mapping

from sparring.job.aims import Aim
from sparring.job.anomaly import ANOMALY
from sparring.job.classify import CLASSIFY
from sparring.job.judging import GENERATE
from sparring.job.rebuild import REBUILD
from sparring.recipe import Task

TASKS: Mapping[Task, Aim] = {
    "generate": GENERATE,
    "classify": CLASSIFY,
    "rebuild": REBUILD,
    "anomaly": ANOMALY,
}
