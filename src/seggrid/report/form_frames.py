"""The numbers behind the tables in the form of a paper: a data frame per part, and how its columns are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from seggrid.catalogue import METRICS
from seggrid.config.claims import canonical
from seggrid.config.forms import INSTABILITY, OTHER_VALUES, FormColumn, FormPart
from seggrid.report.numbers import LENGTH, SHARE, score_places
from seggrid.report.results import Results
from seggrid.report.tables import Better, Column
from seggrid.scoring import criterion
from seggrid.scoring.aggregate import Means, over_runs
from seggrid.scoring.comprehensive import comprehensive
from seggrid.scoring.grid import Candidate
from seggrid.scoring.ranking import SCORE_COLUMNS, on_split

_COUNTS = ["tp", "fp", "fn", "tn"]
_KEYS = ["network", "loss", "label"]


def part_frame(part: FormPart, results: Results) -> pd.DataFrame:
    """The rows of a part; empty before scoring.

    Raises:
        UserError: a file of the experiment is damaged.
    """
    means, scores = results.means, results.scores
    if means is None or scores is None:
        return pd.DataFrame()
    if part.rows == "image":
        return _images(results, shown(part, results))
    if part.rows == "object":
        return _objects(results, part)
    frame = _candidates(results, part)
    for column in part.columns:
        found = _values(column, results, means, scores)
        frame = frame.join(found, on="candidate") if found is not None else frame
    return frame.drop(columns="candidate").reset_index(drop=True)


def shown(part: FormPart, results: Results) -> Candidate:
    """The candidate whose images a part shows: the best with the mixture that it names, else the winner."""
    names = {part.loss, canonical(part.loss)} - {None} if part.loss is not None else set()
    scored = {results.grid.candidates[place] for place in results.grid.candidate_of[results.cases["run"].unique()]}
    named = [own for own in results.candidates if own in scored and names & {own.label, own.loss}]
    return (named or results.candidates)[0]


def completed(candidate: Candidate, results: Results) -> str:
    """``5 of 6``: completed runs of those that are planned; empty where all are."""
    runs = results.runs_of(candidate)
    done = sum(run.state == "completed" for run in runs)
    return f"{done} of {len(runs)}" if done < len(runs) else ""


def common_sample(results: Results, candidates: Sequence[Candidate]) -> str:
    """``n = 48 test cases of 12 groups, 4 folds, 1 seed``, as far as it is the same for all of these candidates.

    Those without any value are left out.
    """
    test = results.cases[results.cases["split"] == "test"]
    places = results.grid.candidate_of[test["run"].to_numpy()]
    planned = pd.DataFrame([{"fold": run.planned.fold, "seed": run.planned.seed} for run in results.grid.runs])
    counts = test[["run", "case", "group"]].join(planned, on="run").groupby(places).nunique()
    counts = counts.reindex([results.grid.candidates.index(candidate) for candidate in candidates]).dropna()
    same = {name: int(column.iloc[0]) for name, column in counts.items() if len(set(column)) == 1}
    of = f"{same['case']} test {'slices' if results.slices else 'cases'}" if "case" in same else ""
    parts = [f"{of} of {same['group']} groups" if of and "group" in same else of]
    parts += [f"{same[name]} {name}{'s' * (same[name] != 1)}" for name in ("fold", "seed") if name in same]
    return f"n = {', '.join(filter(None, parts))}" if any(parts) else ""


def measured(column: FormColumn, results: Results) -> bool:
    """Whether the experiment measures what a column shows."""
    return column.value in OTHER_VALUES or column.value in results.grid.experiment.evaluation.metrics


def columns_of(part: FormPart, frame: pd.DataFrame, results: Results) -> Iterator[Column]:
    """How a part is written: who the row is, and its numbers as far as they are measured."""
    if part.rows == "image":
        yield Column("case", "Image")
    else:
        yield from [Column("class", "Object")] if part.rows == "object" else []
        yield from (Column("network", "Network"), Column("label", "Loss mixture"))
        if (frame["completed"] != "").any():
            yield Column("completed", "Completed")
    for column in part.columns:
        if not measured(column, results):
            continue
        if column.of == "each":
            yield from (_written(column, f"{column.key}:{name}", results, name) for name in results.grid.class_names)
        elif column.key in frame:
            yield _written(column, column.key, results, "")


def _written(column: FormColumn, key: str, results: Results, name: str) -> Column:
    heading = f"{column.heading}, {name}" if name else column.heading
    sd = f"{key}_sd" if column.sd else ""
    if column.value in ("objects_found_share", "collapsed_share"):
        better: Better = "higher" if column.value == "objects_found_share" else "lower"
        return Column(key, heading, "%", 0, better=better, per=0.01)
    if column.value in ("objects_true", "objects_found"):
        return Column(key, heading, places=0 if len(results.grid.experiment.seeds) == 1 else 1)
    if column.value == "score":
        chosen: criterion.Name = (results.scores or {})["criterion"]
        lower = chosen in criterion.LOWER_IS_BETTER
        return Column(key, heading, places=score_places(chosen), better="lower" if lower else "higher")
    if column.value == "gradient_cv":
        return Column(key, heading, places=SHARE, better="lower")
    if column.value in INSTABILITY:
        return Column(key, heading, places=0)
    if column.value in ("overlap", "distance"):
        length, better = column.value == "distance", "lower" if column.value == "distance" else "higher"
    else:
        row = METRICS[column.value.partition("@")[0]]
        length, better = row.unit == "length", row.better
    return Column(key, heading, results.unit if length else "", LENGTH if length else SHARE, sd, better=better)


def _candidates(results: Results, part: FormPart) -> pd.DataFrame:
    """The candidates in the order of a part, with their position in the grid and whether they are ranked."""
    order = results.candidates if part.order == "ranking" else list(results.grid.candidates)
    frame = pd.DataFrame(order, columns=list(Candidate._fields))
    ranked = {tuple(row) for row in results.ranked[_KEYS].to_numpy()} if len(results.ranked) else set()
    return frame.assign(
        candidate=[results.grid.candidates.index(candidate) for candidate in order],
        ranked=[tuple(candidate) in ranked for candidate in order],
        completed=[completed(candidate, results) for candidate in order],
    )


def _values(column: FormColumn, results: Results, means: Means, scores: dict[str, Any]) -> pd.DataFrame | None:
    """One column by the position of the candidate, with its deviation; ``None`` where it is not measured."""
    if not measured(column, results):
        return None
    if column.of == "each":
        return _each(column, results)
    if column.of == "images":
        by_image = _by_image(results, column.value).groupby("candidate")
        return pd.DataFrame({column.key: by_image.mean(), f"{column.key}_sd": by_image.std(ddof=1)})
    if column.of == "pooled":
        return _pooled(results)[[column.value]].set_axis([column.key], axis="columns")
    if column.value in INSTABILITY:
        return results.instability[[column.value]]
    if column.value.startswith("objects_"):
        return _found(results)[[column.value]]
    if column.value == "score":
        return _score(results, scores)
    return _mean(column, results, means)


def _mean(column: FormColumn, results: Results, means: Means) -> pd.DataFrame:
    runs = on_split(means.runs, "test")
    if column.value in ("overlap", "distance"):
        runs = comprehensive(runs, results.grid.experiment.scoring)
    mean, spread = over_runs(runs[[column.value]], results.grid.candidate_of)
    return mean.join(spread.add_suffix("_sd"))


def _each(column: FormColumn, results: Results) -> pd.DataFrame:
    test = results.objects[results.objects["split"] == "test"]
    test = test.assign(candidate=_positions(results, test))
    found: dict[str, pd.Series] = {}
    for name in results.grid.class_names:
        own = test[test["class"] == name].set_index("candidate")
        found |= {f"{column.key}:{name}{end}": own[f"{column.value}{end}"] for end in ("", "_sd")}
    return pd.DataFrame(found)


def _score(results: Results, scores: dict[str, Any]) -> pd.DataFrame:
    values = results.ranking[SCORE_COLUMNS[scores["criterion"]]].to_numpy(float)
    return pd.DataFrame({"score": values}, index=_positions(results, results.ranking))


def _positions(results: Results, table: pd.DataFrame) -> list[int]:
    """The candidate of every row, as its position in the grid."""
    places = {tuple(candidate): place for place, candidate in enumerate(results.grid.candidates)}
    return [places[tuple(row)] for row in table[_KEYS].to_numpy()]


def _by_image(results: Results, metric: str) -> pd.Series:
    """A metric of every test image: mean over its objects, then over the runs; by ``candidate, case``."""
    test = results.cases[results.cases["split"] == "test"]
    by_run = test.groupby(["run", "case"], observed=True)[metric].mean()
    candidate = pd.Index(results.grid.candidate_of[by_run.index.get_level_values("run").to_numpy()], name="candidate")
    return by_run.groupby([candidate, by_run.index.get_level_values("case")], observed=True).mean()


def _counts(results: Results) -> pd.DataFrame:
    """Pixel counts of every test row, with its candidate and run."""
    counts = pd.read_csv(results.folder.cases, usecols=_COUNTS)
    rows = results.cases[["run", "split", "class"]].join(counts)
    test = rows[rows["split"] == "test"]
    return test.assign(candidate=results.grid.candidate_of[test["run"].to_numpy()])


def _pooled(results: Results) -> pd.DataFrame:
    """The metrics of pixel counts over all images, objects and runs of a candidate."""
    total = _counts(results).groupby("candidate")[_COUNTS].sum()
    tp, fp, fn, tn = (total[name] for name in _COUNTS)
    return pd.DataFrame(
        {
            "iou": tp / (tp + fp + fn),
            "dice": 2 * tp / (2 * tp + fp + fn),
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "specificity": tn / (tn + fp),
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
        }
    )


def _found(results: Results) -> pd.DataFrame:
    """Test images whose truth shows an object, per object and seed, and those whose prediction holds a pixel of it."""
    rows = _counts(results)
    rows = rows[rows["tp"] + rows["fn"] > 0]
    seeds = pd.Series([run.planned.seed for run in results.grid.runs])
    several = rows.assign(seed=seeds.loc[rows["run"]].to_numpy()).groupby("candidate")["seed"].nunique()
    true, found = rows.groupby("candidate").size(), (rows["tp"] > 0).groupby(rows["candidate"]).sum()
    columns = {"objects_true": true / several, "objects_found": found / several, "objects_found_share": found / true}
    return pd.DataFrame(columns)


def _objects(results: Results, part: FormPart) -> pd.DataFrame:
    """A row per object and candidate: ``objects.csv`` on test."""
    test = results.objects[results.objects["split"] == "test"]
    names = {name: place for place, name in enumerate(results.grid.class_names)}
    frame = test.merge(_candidates(results, part).drop(columns="candidate").reset_index(names="place"), on=_KEYS)
    frame = frame.assign(object=frame["class"].map(names)).sort_values(["object", "place"], kind="stable")
    numbers = [key for column in part.columns for key in (column.key, f"{column.key}_sd") if key in frame]
    return frame[["class", *_KEYS, "ranked", "completed", *numbers]].reset_index(drop=True)


def _images(results: Results, candidate: Candidate) -> pd.DataFrame:
    """A row per test image of a candidate."""
    metrics = list(results.grid.experiment.evaluation.metrics)
    place = results.grid.candidates.index(candidate)
    table = pd.DataFrame({metric: _by_image(results, metric) for metric in metrics})
    found = table[table.index.get_level_values("candidate") == place].droplevel("candidate").reset_index()
    return found.astype({"case": "str"}).sort_values("case", kind="stable").reset_index(drop=True)
