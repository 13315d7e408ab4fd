"""What Bayes' rule is worth with a variational autoencoder that is told the class: classes, and strangers."""

import dataclasses

import numpy as np

from sparring.job.coded import by_bayes_rule
from sparring.job.evaluate_data import Against
from sparring.job.evaluate_measures import Pool
from sparring.job.predict import HELD_OUT
from sparring.job.run import Run, evidence
from sparring.metrics.base import Floats
from sparring.metrics.intervals import Measure, proportion
from sparring.metrics.ranking import ranking
from sparring.metrics.strangers import Familiar
from sparring.metrics.supervised import classification

WEIGHED = 1_000
"""Examples whose classes are weighed at most; each needs as many passes as there are classes times z."""
STRANGE = 0.05
OF_CLASSES = ("accuracy", "f1_macro", "ece", "log_loss")


def bayes_rows(run: Run, found: Against, held: Pool, *, strangers: bool) -> list[Measure]:
    """Of a run that weighs evidence, rows `bayes_...`; of any other nothing.

    Args:
        held: what is evaluated.
        strangers: whether these are other data than the run's own: then how well log p(x) tells them apart.
    """
    if not run.weighs_evidence:
        return []
    few = held.drawn(WEIGHED, seed=0)
    joint_NK = run.log_joint(np.asarray(few.pictures))
    rows = _stranger_rows(run, found, evidence(joint_NK)) if strangers else []
    if few.labels is None or (few.labels < 0).all():
        return rows
    known = few.labels >= 0
    told = [("bayes", "by Bayes' rule", by_bayes_rule(joint_NK))]
    if run.guesses_classes:
        told.append(("guess", "by q(y | x)", run.posterior(np.asarray(few.pictures))))
    for kind, how, likely_NK in told:
        judged = classification(few.labels[known], likely_NK[known], classes=run.spec.classes)
        rows += [_named(row, kind, how) for row in judged.rows if row.name in OF_CLASSES]
    return rows


def _named(row: Measure, kind: str, how: str) -> Measure:
    return dataclasses.replace(row, name=f"{kind}_{row.name}", note=row.note or how)


def _stranger_rows(run: Run, found: Against, others_N: Floats) -> list[Measure]:
    """How well the evidence tells other examples from the run's own held-out ones."""
    own_M = evidence(run.log_joint(run.unseen_labelled(HELD_OUT)[0]))
    others = np.concatenate([np.zeros(len(own_M), np.int64), np.ones(len(others_N), np.int64)])
    auc = next(row for row in ranking(others, -np.concatenate([own_M, others_N])) if row.name == "roc_auc")
    strange = int((Familiar(own_M).tails(others_N) <= STRANGE).sum())
    note = f"{found.name} told from the run's own held-out ones by log p(x): 0.5 not at all"
    return [
        dataclasses.replace(auc, name="evidence_auc", note=note),
        proportion(
            "strange", strange, len(others_N), f"log p(x) below that of {100 * STRANGE:g} % of held-out ones", better=""
        ),
    ]
