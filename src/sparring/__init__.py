"""sparring: train, judge and ship neural networks as games.

>>> import sparring
>>> run = sparring.train("photos/", minutes=20)        # doctest: +SKIP
>>> pictures = run.sample(8)                           # doctest: +SKIP
>>> run.metrics["fd_conv"]                             # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparring.api import check as check
    from sparring.api import compare as compare
    from sparring.api import evaluate as evaluate
    from sparring.api import load as load
    from sparring.api import resume as resume
    from sparring.api import train as train
    from sparring.job.run import Run as Run

__version__ = "0.1.0"
__all__ = ["Run", "__version__", "check", "compare", "evaluate", "load", "resume", "train"]


def __getattr__(name: str) -> Any:
    # PEP 562: `import sparring` costs nothing; torch comes with the first call.
    if name == "Run":
        from sparring.job.run import Run

        return Run
    if name in __all__:
        import sparring.api

        return getattr(sparring.api, name)
    raise AttributeError(f"module 'sparring' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
