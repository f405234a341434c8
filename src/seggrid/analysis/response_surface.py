"""The ratio simplex as a surface: Scheffe's canonical mixture polynomials (Scheffe 1958), fitted to the candidates.

Weights that sum to 1 leave no room for an intercept: a linear model has one coefficient per term (the value of the
pure loss), a quadratic one adds a product per pair of terms, a special cubic one the product of all three. Of the
models that the number of mixtures allows, the one with the smallest leave-one-out error is taken.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import statsmodels.api as sm

from seggrid.analysis.evidence import Evidence
from seggrid.catalogue import LOSSES
from seggrid.config.schedule import WeightSchedule
from seggrid.scoring.criterion import Floats, absolute

Order = Literal["linear", "quadratic", "special cubic"]
Response = Literal["overlap", "distance", "absolute"]
#: What is read from a surface: O, D, and S of the criterion ``absolute``, which needs no other candidates.
RESPONSES: tuple[Response, ...] = ("overlap", "distance", "absolute")
#: Mixtures beyond the number of coefficients that a model must leave.
_SPARE = 2
#: Steps of the lattice on which the optimum is sought, by the number of terms.
_STEPS = {2: 100, 3: 50, 4: 20, 5: 10}
_REGION = 0.95


@dataclass(frozen=True)
class Simplex:
    """The candidates of one network that mix the same terms.

    Attributes:
        rows: of the evidence.
        weights: shape ``(rows, terms)``, each row sums to 1.
    """

    network: str
    terms: tuple[str, ...]
    rows: tuple[int, ...]
    weights: Floats


@dataclass(frozen=True)
class Surface:
    """A model of one response over a simplex.

    Attributes:
        order: of the model.
        names: of its coefficients, such as ``dice`` or ``ce x dice``; ``coefficients`` with 95 % intervals under
            resampled groups, NaN where groups are too few.
        explained: R2 of the fit, and ``predicted``: R2 of the mixtures left out one at a time.
        lattice: weights, shape ``(L, terms)``; ``surface``: the response there.
        optimum: the weights of the best response, ``value`` what the model says there.
        region: per point of the lattice, whether it belongs to the smallest set of points that holds the optimum in
            95 % of the resamples; no point where groups are too few.
        shares: per point, the share of the resamples with their optimum there.
    """

    simplex: Simplex
    response: Response
    order: Order
    names: tuple[str, ...]
    coefficients: Floats
    low: Floats
    high: Floats
    explained: float
    predicted: float
    lattice: Floats
    surface: Floats
    optimum: Floats
    value: float
    region: npt.NDArray[np.bool_]
    shares: Floats


def find_simplices(evidence: Evidence) -> list[Simplex]:
    """Return, by network (and learning rate), the sets of 2 to 5 terms that a model can be fitted to.

    Only mixtures of constant weights that sum to 1 count. A set that lies within a larger one is no simplex of its own.
    """
    found = []
    for setting in dict.fromkeys(evidence.settings):
        weights: dict[int, dict[str, float]] = {}
        for row, mixture in enumerate(evidence.mixtures):
            if mixture is not None and evidence.settings[row] == setting and not mixture.scheduled:
                named = {
                    term.name: float(term.weight)
                    for term in mixture.terms
                    if not isinstance(term.weight, WeightSchedule)
                }
                if abs(sum(named.values()) - 1) < 1e-6:
                    weights[row] = named
        simplices = {terms: _simplex(setting, terms, weights) for terms in _sets(weights.values())}
        fitting = {terms: simplex for terms, simplex in simplices.items() if _identified(simplex.weights, "linear")}
        found += [simplex for terms, simplex in fitting.items() if not any(terms < other for other in fitting)]
    return found


def _sets(mixtures: Collection[Mapping[str, float]]) -> list[frozenset[str]]:
    """The sets of terms that were mixed, and all terms together where every two of them were."""
    sets = {frozenset(named) for named in mixtures}
    together = frozenset[str]().union(*sets)
    if all(any({a, b} <= mixed for mixed in sets) for a, b in itertools.combinations(together, 2)):
        sets.add(together)
    return sorted((terms for terms in sets if 2 <= len(terms) <= max(_STEPS)), key=sorted)


def _simplex(setting: str, terms: frozenset[str], weights: Mapping[int, Mapping[str, float]]) -> Simplex:
    places = list(LOSSES)
    order = tuple(sorted(terms, key=lambda name: (places.index(name.partition("(")[0]), name)))
    rows = tuple(row for row, named in weights.items() if set(named) <= terms)
    return Simplex(setting, order, rows, np.array([[weights[row].get(name, 0.0) for name in order] for row in rows]))


def fit_surface(evidence: Evidence, simplex: Simplex, response: Response) -> Surface:
    """Fit a response, find its best ratio, and where that lies under resampled groups."""
    rows = list(simplex.rows)
    if response == "absolute":
        values = absolute(evidence.overlap, evidence.distance, evidence.reference)[rows]
        resampled = evidence.absolute[:, rows]
    else:
        values, resampled = evidence.values(response)[rows], evidence.resampled(response)[:, rows]
    order, fitted = _best_model(simplex, values)
    design = _design(simplex.weights, order)
    lattice = simplex_lattice(len(simplex.terms))
    over_lattice = _design(lattice, order)
    coefficients = resampled @ np.linalg.pinv(design).T
    sign = -1.0 if response == "distance" else 1.0
    surface = over_lattice @ fitted.params
    best = int(np.argmax(sign * np.round(surface, 12)))
    optima = np.argmax(sign * np.round(coefficients @ over_lattice.T, 12), axis=1)
    shares = np.bincount(optima, minlength=len(lattice)) / len(optima)
    low, high = evidence.interval(coefficients)
    return Surface(
        simplex, response, order, _names(simplex.terms, order), fitted.params, low, high,
        float(fitted.centered_tss and 1 - fitted.ssr / fitted.centered_tss), _left_out(fitted), lattice, surface,
        lattice[best], float(surface[best]), _smallest_set(shares) & evidence.enough, shares,
    )  # fmt: skip


def simplex_lattice(terms: int) -> Floats:
    """Weights on an even lattice over the simplex, shape ``(L, terms)``, the first falling."""
    steps = _STEPS[terms]
    bars = np.array(list(itertools.combinations(range(steps + terms - 1), terms - 1)))
    ends = np.hstack([np.full((len(bars), 1), -1), bars, np.full((len(bars), 1), steps + terms - 1)])
    return (np.diff(ends, axis=1) - 1)[::-1] / steps


def _powers(terms: int, order: Order) -> list[tuple[int, ...]]:
    """Which weights are multiplied in each coefficient's product."""
    degrees = {"linear": 1, "quadratic": 2, "special cubic": 3}[order]
    return [chosen for size in range(1, degrees + 1) for chosen in itertools.combinations(range(terms), size)]


def _design(weights: Floats, order: Order) -> Floats:
    return np.stack([weights[:, list(chosen)].prod(axis=1) for chosen in _powers(weights.shape[1], order)], axis=1)


def _names(terms: Sequence[str], order: Order) -> tuple[str, ...]:
    return tuple(" × ".join(terms[number] for number in chosen) for chosen in _powers(len(terms), order))


def _best_model(simplex: Simplex, values: Floats) -> tuple[Order, sm.regression.linear_model.RegressionResults]:
    """The order whose leave-one-out error is smallest, of those that leave mixtures to spare and are identified."""
    orders: tuple[Order, ...] = ("linear", "quadratic", "special cubic")
    fits = []
    for order in orders[: len(simplex.terms)]:
        if _identified(simplex.weights, order):
            fits.append((order, sm.OLS(values, _design(simplex.weights, order)).fit()))
    return max(fits, key=lambda fit: _left_out(fit[1]))


def _identified(weights: Floats, order: Order) -> bool:
    """Whether the mixtures determine every coefficient, with some to spare and whichever one is left out.

    They do not where they lie on a line, or where one alone holds a term: its residual is 0 whatever it measured.
    """
    design = _design(weights, order)
    if design.shape[0] < design.shape[1] + _SPARE or np.linalg.matrix_rank(design) < design.shape[1]:
        return False
    leverages = (np.linalg.qr(design)[0] ** 2).sum(axis=1)
    return bool(leverages.max() < 1 - 1e-6)


def _left_out(fitted: sm.regression.linear_model.RegressionResults) -> float:
    """R2 of predictions of mixtures that the model has not seen; 0 where all values are equal."""
    residuals = fitted.get_influence().resid_press
    total = fitted.centered_tss
    return float(1 - (residuals**2).sum() / total) if total > 0 else 0.0


def _smallest_set(shares: Floats) -> npt.NDArray[np.bool_]:
    order = np.argsort(-shares, kind="stable")
    enough = int(np.searchsorted(np.cumsum(shares[order]), _REGION - 1e-9)) + 1
    found = np.zeros(len(shares), dtype=bool)
    found[order[:enough]] = True
    return found


def surface_frame(surface: Surface) -> pd.DataFrame:
    """The lattice with what the model says: a column per term, ``value``, ``share`` and ``region``."""
    table = pd.DataFrame(surface.lattice, columns=list(surface.simplex.terms))
    return table.assign(value=surface.surface, share=surface.shares, region=surface.region)
