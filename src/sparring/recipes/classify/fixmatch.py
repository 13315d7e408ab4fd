"""`fixmatch`: Sohn et al. 2020, a classifier from few labels that takes what it is sure of for labels of the others."""

from sparring.losses.classification import CLASSIFIER
from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import batch_that_fits, default_kimg, log_interval, needs_labels, recipes, usual_changes

EPOCHS = 20.0


@recipes("fixmatch", paper="arXiv:2001.07685")
def fixmatch(data: DataChoice, facts: Facts) -> Recipe:
    """A classifier from few labels and many pictures without one: it learns what it is sure of already.

    What is counted are pictures without a label, or whose label is not looked at; a batch has a labelled one for every
    four of them.

    Command: sparring train mnist.npz --recipe fixmatch --labels 100 --minutes 5
    """
    needs_labels("fixmatch", facts)
    batch = batch_that_fits(64, facts.examples)
    kimg = max(default_kimg(facts)[0], EPOCHS * facts.examples / 1000)
    return Recipe(
        name="fixmatch",
        task="classify",
        data=data,
        players={
            CLASSIFIER: PlayerChoice(
                model=Part(name="quick"), optimizer="sgd", lr=0.1, decay=5e-4, fall="cosine", ema_kimg=20.0
            )
        },
        objective=Part(name="fixmatch"),
        loss=Part(name="cross-entropy"),
        augment=usual_changes(facts),
        batch=batch,
        kimg=kimg,
        log_kimg=log_interval(kimg, batch),
        reasons={
            "kimg": f"{kimg:g}: {EPOCHS:g} epochs of all pictures; --kimg and --minutes change it",
            "classifier.lr": "0.1: of the digits with 30 labels it named 94 % right after 24 kimg, and 75 % by the "
            "paper's 0.03, which is for many more steps",
            "objective.ratio": "4: the paper has 7, whose batches need more than twice as long on a CPU",
        },
    )
