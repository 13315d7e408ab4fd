"""The joint table: the explicit model P(x, y) of a table of categories, by counting.

It is the maximum of the likelihood over all distributions on the combinations that were seen: each probability is a
share of rows, kept as a fraction. Everything else follows by Bayes' rule, P(x, y) = P(x|y) P(y) = P(y|x) P(x).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise

import numpy as np

from sparring.errors import UsageError

Inputs = tuple[str, ...]
"""A value of each input column."""


@dataclass(frozen=True)
class JointTable:
    """P(x, y) of the rows of a table.

    Args:
        inputs: names of the columns that make up x.
        target: name of the column y.
        rows: x and y of each row; one or more.
    """

    inputs: tuple[str, ...]
    target: str
    rows: tuple[tuple[Inputs, str], ...]

    @cached_property
    def x_values(self) -> tuple[Inputs, ...]:
        """The combinations of inputs that were seen, sorted."""
        return tuple(sorted(self._x))

    @cached_property
    def y_values(self) -> tuple[str, ...]:
        """The classes that were seen, sorted."""
        return tuple(sorted(self._y))

    def p_x(self, x: Inputs) -> Fraction:
        """P(x): the evidence, 0 for what was never seen."""
        return Fraction(self._x[x], len(self.rows))

    def p_y(self, y: str) -> Fraction:
        """P(y): the prior."""
        return Fraction(self._y[y], len(self.rows))

    def p_xy(self, x: Inputs, y: str) -> Fraction:
        """P(x, y): the joint probability."""
        return Fraction(self._xy[x, y], len(self.rows))

    def p_x_given_y(self, x: Inputs, y: str) -> Fraction:
        """P(x|y): the likelihood of a class that was seen."""
        return Fraction(self._xy[x, y], self._y[self._known(y)])

    def p_y_given_x(self, y: str, x: Inputs) -> Fraction:
        """P(y|x): the posterior.

        Raises:
            UsageError: P(x) is 0: no row tells.
        """
        if not self._x[x]:
            seen = ", ".join(f"{name}={value}" for name, value in zip(self.inputs, x, strict=True))
            raise UsageError(
                f"none of the {len(self.rows)} rows has {seen}: P(x) is 0 and P(y|x) open. Ask for a combination that "
                "was seen, or take fewer inputs (--inputs)."
            )
        return Fraction(self._xy[x, y], self._x[x])

    def predict(self, x: Inputs) -> tuple[str, ...]:
        """The most probable class given x; several where they are equal.

        Raises:
            UsageError: as `p_y_given_x`.
        """
        posterior = {y: self.p_y_given_x(y, x) for y in self.y_values}
        most = max(posterior.values())
        return tuple(y for y, share in posterior.items() if share == most)

    @cached_property
    def intervals(self) -> tuple[tuple[Fraction, Fraction, Inputs, str], ...]:
        """[from, to) of the unit interval for each combination that was seen, in the order of x, then of y."""
        seen = sorted(self._xy)
        bounds = accumulate((self.p_xy(x, y) for x, y in seen), initial=Fraction(0))
        return tuple((low, high, x, y) for (low, high), (x, y) in zip(pairwise(bounds), seen, strict=True))

    def sample(self, count: int, *, seed: int = 0) -> list[tuple[float, Inputs, str]]:
        """Draws of P(x, y): a uniform number, and the combination in whose interval it lies."""
        uniform = np.random.Generator(np.random.Philox(key=seed)).random(count)
        ends = np.array([float(high) for _, high, _, _ in self.intervals])
        # The last end may be rounded to below 1.
        places = np.searchsorted(ends, uniform, side="right").clip(max=len(ends) - 1)
        return [(float(u), *self.intervals[place][2:]) for u, place in zip(uniform, places, strict=True)]

    @cached_property
    def _x(self) -> Counter[Inputs]:
        return Counter(x for x, _ in self.rows)

    @cached_property
    def _y(self) -> Counter[str]:
        return Counter(y for _, y in self.rows)

    @cached_property
    def _xy(self) -> Counter[tuple[Inputs, str]]:
        return Counter(self.rows)

    def _known(self, y: str) -> str:
        if y not in self._y:
            raise UsageError(f"column '{self.target}' never is '{y}'. It is one of {', '.join(self.y_values)}.")
        return y


def joint_table(
    names: Sequence[str], columns: Sequence[Sequence[str]], *, target: str | None, inputs: Sequence[str] | None
) -> JointTable:
    """The joint table of some columns of a table.

    Args:
        names, columns: of the table, column by column.
        target: y; None: the last column.
        inputs: what makes up x; None: all others.

    Raises:
        UsageError: no such column, or y among the inputs.
    """
    y_name = names[-1] if target is None else target
    x_names = [name for name in names if name != y_name] if inputs is None else list(inputs)
    for name in (y_name, *x_names):
        if name not in names:
            raise UsageError(f"there is no column '{name}'. There are {', '.join(names)}.")
    if y_name in x_names or not x_names:
        raise UsageError(f"'{y_name}' is y: x must be one or more of the other columns ({', '.join(names)}).")
    places = [names.index(name) for name in x_names]
    rows = zip(zip(*(columns[place] for place in places), strict=True), columns[names.index(y_name)], strict=True)
    return JointTable(tuple(x_names), y_name, tuple(rows))
