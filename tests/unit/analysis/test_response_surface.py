"""Scheffe models find planted surfaces, and say how well they predict."""

from __future__ import annotations

import numpy as np
import pytest

from seggrid.analysis.response_surface import find_simplices, fit_surface, simplex_lattice, surface_frame
from seggrid.config.mixture import Mixture
from seggrid.config.simplex import Simplex
from seggrid.scoring.criterion import Floats
from tests.unit.analysis.conftest import MakeEvidence

TERMS = ["dual_level_ce", "dice", "boundary"]
MIXTURES = list(Simplex.model_validate({"terms": TERMS, "step": "0.2"}).mixtures())
LOSSES = [mixture.name for mixture in MIXTURES]
GROUPS = np.random.default_rng(4).normal(0, 0.02, 12)


def weights(mixture: Mixture) -> Floats:
    named = {term.name: float(term.weight) for term in mixture.terms}
    return np.array([named.get(name, 0.0) for name in TERMS])


def planted(table: Floats) -> Floats:
    """A quadratic surface with its top at 0.5 : 0.3 : 0.2."""
    top = np.array([0.5, 0.3, 0.2])
    return 0.9 - ((table - top) ** 2).sum(axis=-1)


@pytest.fixture
def surface_values() -> Floats:
    return np.stack([planted(weights(mixture)) + GROUPS - GROUPS.mean() for mixture in MIXTURES])


def test_a_planted_quadratic_surface_is_found(make_evidence: MakeEvidence, surface_values: Floats) -> None:
    evidence = make_evidence(surface_values, losses=LOSSES)
    (simplex,) = find_simplices(evidence)
    assert simplex.terms == tuple(TERMS)
    assert len(simplex.rows) == 21
    found = fit_surface(evidence, simplex, "overlap")
    assert found.order in ("quadratic", "special cubic")
    assert found.explained == pytest.approx(1)
    assert found.predicted == pytest.approx(1)
    assert found.optimum.tolist() == pytest.approx([0.5, 0.3, 0.2], abs=1e-9)
    assert found.value == pytest.approx(0.9)
    # Groups move all mixtures alike, so the optimum never moves.
    assert found.shares.max() == 1
    assert found.region.sum() == 1
    assert found.surface == pytest.approx(planted(found.lattice))
    assert fit_surface(evidence, simplex, "distance").optimum.tolist() == pytest.approx([0.5, 0.3, 0.2], abs=1e-9)


def test_noise_widens_the_region(make_evidence: MakeEvidence, surface_values: Floats) -> None:
    noise = np.random.default_rng(5).normal(0, 0.5, surface_values.shape)
    evidence = make_evidence(surface_values + noise, losses=LOSSES)
    (simplex,) = find_simplices(evidence)
    found = fit_surface(evidence, simplex, "overlap")
    assert found.region.sum() > 10
    assert found.shares[found.region].sum() >= 0.95
    assert found.predicted < found.explained
    frame = surface_frame(found)
    assert frame[TERMS].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(frame)))


def test_pure_noise_is_not_predicted(make_evidence: MakeEvidence) -> None:
    evidence = make_evidence(np.random.default_rng(6).normal(0.5, 0.1, (21, 12)), losses=LOSSES)
    (simplex,) = find_simplices(evidence)
    assert fit_surface(evidence, simplex, "overlap").predicted < 0.3


def test_a_plane_takes_the_linear_model(make_evidence: MakeEvidence) -> None:
    rng = np.random.default_rng(7)
    table = np.stack([weights(mixture) for mixture in MIXTURES])
    values = (table @ [0.7, 0.8, 0.6])[:, None] + rng.normal(0, 0.01, (21, 12))
    evidence = make_evidence(values, losses=LOSSES)
    (simplex,) = find_simplices(evidence)
    found = fit_surface(evidence, simplex, "overlap")
    assert found.order == "linear"
    assert found.names == tuple(TERMS)
    assert found.coefficients == pytest.approx([0.7, 0.8, 0.6], abs=0.01)
    assert ((found.low < found.coefficients) & (found.coefficients < found.high)).all()


def test_each_network_and_set_of_terms_has_a_simplex_of_its_own(make_evidence: MakeEvidence) -> None:
    pairs = [f"{share:.2f}*ce + {1 - share:.2f}*dice" for share in (0.25, 0.5, 0.75)]
    losses = [*LOSSES, *pairs, "ce", "dice", "2*ce + 2*focal", "linear(0, 1)*ce + 0.50*dice"]
    losses = [Mixture.model_validate(loss).name for loss in losses]
    networks = ["a"] * 21 + ["b"] * (len(losses) - 21)
    values = np.random.default_rng(8).uniform(0.4, 0.6, (len(losses), 8))
    found = find_simplices(make_evidence(values, losses=losses, networks=networks))
    assert [(simplex.network, simplex.terms, len(simplex.rows)) for simplex in found] == [
        ("a", tuple(TERMS), 21),
        ("b", ("ce", "dice"), 5),
    ]


def test_too_few_mixtures_make_no_surface(make_evidence: MakeEvidence) -> None:
    losses = ["ce", "dice", "0.50*ce + 0.50*dice"]
    assert find_simplices(make_evidence(np.full((3, 8), 0.5), losses=losses)) == []


def test_a_simplex_of_pairs_only_is_one_simplex(make_evidence: MakeEvidence) -> None:
    losses = [mixture.name for mixture in Simplex.model_validate({"terms": TERMS, "step": "0.5"}).mixtures()]
    (simplex,) = find_simplices(make_evidence(np.full((6, 8), 0.5), losses=losses))
    assert (simplex.terms, len(simplex.rows)) == (tuple(TERMS), 6)


def test_few_groups_have_no_region(make_evidence: MakeEvidence, surface_values: Floats) -> None:
    evidence = make_evidence(surface_values[:, :5], losses=LOSSES)
    (simplex,) = find_simplices(evidence)
    found = fit_surface(evidence, simplex, "overlap")
    assert not found.region.any()
    assert np.isnan(found.low).all()


def test_mixtures_on_a_line_make_no_surface(make_evidence: MakeEvidence) -> None:
    losses = [f"{(1 - b) / 2:.2f}*ce + {(1 - b) / 2:.2f}*dice + {b:.2f}*boundary" for b in np.arange(0.1, 0.7, 0.1)]
    assert find_simplices(make_evidence(np.full((6, 8), 0.5), losses=losses)) == []


def test_a_term_of_one_mixture_only_is_not_modelled(make_evidence: MakeEvidence) -> None:
    edge = ["ce", "0.75*ce + 0.25*dice", "0.50*ce + 0.50*dice", "0.25*ce + 0.75*dice", "dice"]
    losses = [*edge, "0.40*ce + 0.30*dice + 0.30*boundary"]
    values = np.random.default_rng(9).normal(0.6, 0.05, (6, 8))
    (simplex,) = find_simplices(make_evidence(values, losses=losses))
    assert simplex.terms == ("ce", "dice")
    assert simplex.rows == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("terms", [2, 3, 4, 5])
def test_the_lattice_is_the_whole_simplex(terms: int) -> None:
    found = simplex_lattice(terms)
    assert found.sum(axis=1) == pytest.approx(np.ones(len(found)))
    assert (found >= 0).all()
    assert len(np.unique(found.round(6), axis=0)) == len(found)
    for corner in np.eye(terms):
        assert (found == corner).all(axis=1).any()
