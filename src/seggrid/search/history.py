"""What a search has told so far, as a table, and which of its variables matter."""

from __future__ import annotations

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from seggrid.config.schedule import WeightSchedule
from seggrid.scoring.criterion import pareto_fronts
from seggrid.search.rounds import told_trials
from seggrid.trials import Trial

#: Completed trials below which importances are noise.
ENOUGH = 10
_TERM, _RATE, _NETWORK = "weight of ", "learning rate", "network"


def search_history(experiment: str) -> pd.DataFrame:
    """Return a row per trial that was told, in their order; empty without any.

    Returns:
        ``round``, ``network``, ``loss``, ``state``, ``overlap``, ``distance`` and ``score`` on validation (NaN where it
        failed or was stopped), ``epochs`` (of one that was stopped), ``best`` (the highest score so far), ``front``
        (whether no other trial has a higher O and a lower D), and a column per variable, see ``variables``.
    """
    rows = []
    for number, trial, outcome in told_trials(experiment):
        told = outcome.model_dump(include={"state", "network", "loss", "overlap", "distance", "score", "epochs"})
        rows.append({"round": number, **told, **variables(trial)})
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    names = [name for name in map(str, frame) if name.startswith(_TERM)]
    frame[names] = frame[names].fillna(0.0)
    frame[["overlap", "distance", "score"]] = frame[["overlap", "distance", "score"]].astype(float)
    frame["best"] = frame["score"].cummax().ffill()
    done = frame["score"].notna()
    frame["front"] = False
    if done.any():
        overlap, distance = (frame.loc[done, name].to_numpy(float) for name in ("overlap", "distance"))
        frame.loc[done, "front"] = pareto_fronts(overlap, distance) == 1
    return frame


def variables(trial: Trial) -> dict[str, object]:
    """What a trial tries, in the terms of the experiment rather than of the sampler."""
    found: dict[str, object] = {}
    for term in trial.mixture.terms:
        if not isinstance(term.weight, WeightSchedule):
            found[f"{_TERM}{term.loss}"] = float(term.weight)
        numbers = {name: value for name, value in term.parameters.items() if f"{term.loss}.{name}" in trial.values}
        found |= {f"{term.loss}.{name}": float(value) for name, value in numbers.items()}
    if trial.learning_rate is not None:
        found[_RATE] = trial.learning_rate
    return {**found, _NETWORK: trial.network}


def importances(history: pd.DataFrame) -> dict[str, float]:
    """How much each variable has to do with being among the better trials (PED-ANOVA, Watanabe et al. 2023).

    Returns:
        Shares that sum to 1, the largest first; empty with fewer than 10 completed trials or one variable.
    """
    done = history[history["score"].notna()] if len(history) else history
    if len(done) < ENOUGH:
        return {}
    fixed = {"round", "loss", "state", "overlap", "distance", "score", "epochs", "best", "front"}
    names = [name for name in map(str, done) if name not in fixed and len(done[name].unique()) > 1]
    distributions = {name: _distribution(done[name]) for name in names if done[name].notna().all()}
    if len(distributions) < 2:
        return {}
    study = optuna.create_study(direction="maximize")
    for row in done.to_dict("records"):
        params = {name: row[name] for name in distributions}
        study.add_trial(create_trial(params=params, distributions=distributions, value=row["score"]))
    return get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())


def _distribution(values: pd.Series) -> BaseDistribution:
    if values.name == _NETWORK:
        return CategoricalDistribution(sorted(values.unique()))
    return FloatDistribution(float(values.min()), float(values.max()), log=values.name == _RATE)
