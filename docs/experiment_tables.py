"""Write what the experiments of the papers gave here into ``docs/results-experiments.md``.

``python docs/experiment_tables.py NAME ...`` replaces, for every experiment that it is given, what stands between
``<!-- NAME -->`` and ``<!-- end of NAME -->`` by what the files in ``results/`` say: what ran where, the verdict on
every claim, and the tables in the form of the paper.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from seggrid.config.forms import load_form
from seggrid.report.manuscript.methods import command
from seggrid.report.numbers import between, duration, fixed, p_value
from seggrid.report.results import Results, read_results
from seggrid.report.sections.claims import claim_frame
from seggrid.report.sections.forms import form_table, written
from seggrid.report.sections.provenance import run_environments
from seggrid.specification import is_ensemble

PAGE = Path(__file__).with_name("results-experiments.md")
#: Rows that stand open on the page.
LONGEST = 40


def section(results: Results) -> str:
    """All that is written of one experiment."""
    parts = [what_ran(results)]
    if results.grid.experiment.claims:
        parts.append("\n".join(claims(results)))
    for name in results.grid.experiment.tables:
        form = load_form(name)
        for part in form.parts:
            if table := form_table(form, part, results):
                shown = written(table, form.reference)
                parts += [shown["caption"], folded("\n".join(paper_table(shown)), len(shown["rows"]))]
    return "\n\n".join(parts)


def what_ran(results: Results) -> str:
    """The runs, how long they took, on what and with which code."""
    if results.scores is None:
        sys.exit(f"{results.grid.experiment.name} is not scored as it is planned now: call {command(results)}")
    runs, counts = results.grid.runs, results.scores["counts"]
    # What an ensemble costs is what its members cost, which stand among the others.
    trained = [run.status.seconds for run in runs if run.status and not is_ensemble(run.planned.run_id)]
    joined = sum(is_ensemble(run.planned.run_id) for run in runs)
    environments = run_environments(results)
    commits = one_of_each(
        f"{environment['commit'][:7]}{' + changes' * environment['commit'].endswith('+changes')}"
        for environment in environments
        if environment.get("commit")
    )
    hardware = one_of_each(f"{e['processor']}, {e['cores']} cores" for e in environments if e.get("processor"))
    threads = results.grid.experiment.training.threads
    precisions = one_of_each(environment["precision"] for environment in environments if "precision" in environment)
    run = f"each run with {threads} thread{'s' * (threads != 1)} in {precisions}, on {hardware}"
    return (
        f"`{command(results)}`: {results.grid.states()['completed']} of {len(runs)} runs completed, "
        f"{f'{joined} of them ensembles, ' if joined else ''}"
        f"{duration(sum(trained))} of training and validation, {run}; code of {commits}. "
        f"Tested on {counts['cases']} {'slices' if results.slices else 'cases'} of {counts['groups']} groups."
    )


def one_of_each(values: Iterable[str]) -> str:
    """Values that differ, in their order."""
    return ", ".join(dict.fromkeys(values))


def claims(results: Results) -> Iterator[str]:
    """A table with the verdict on every claim."""
    yield from table_head(
        [
            "claim",
            "metric",
            "better",
            "worse",
            "difference [95 % interval]",
            "p (Holm)",
            "groups as claimed",
            "runs as claimed",
            "here",
        ],
        [False, False, True, True, True, True, True, True, False],
    )
    for row in claim_frame(results).to_dict("records"):
        places = row["places"]
        ends = {"value": row["difference"], "low": row["difference_low"], "high": row["difference_high"]}
        verdict = f"**{row['verdict']}**" if row["tag"] != "open" else row["verdict"]
        yield line(
            [
                row["claim"], row["measure"], fixed(row["value_better"], places), fixed(row["value_worse"], places),
                between(ends, places), p_value(row["p_holm"]), f"{row['wins']} of {row['groups']}",
                f"{row['run_wins']} of {row['comparisons']}", verdict,
            ]
        )  # fmt: skip


def paper_table(shown: dict[str, Any]) -> Iterator[str]:
    """A table in the form of a paper."""
    headings = [f"{h['text']} [{h['unit']}]" if h["unit"] else h["text"] for h in shown["headings"]]
    yield from table_head(headings, [heading["number"] for heading in shown["headings"]])
    for row in shown["rows"]:
        yield line(
            (f"**{cell['text']}**" if cell["best"] else cell["text"]) + (f" ± {cell['sd']}" if cell["sd"] else "")
            for cell in row
        )


def folded(table: str, rows: int) -> str:
    """A table that opens at a click where it is long."""
    if rows <= LONGEST:
        return table
    return f"<details>\n<summary>{rows} rows</summary>\n\n{table}\n\n</details>"


def table_head(headings: list[str], numbers: list[bool]) -> Iterator[str]:
    """The first two lines of a table; numbers are aligned to the right."""
    yield line(headings)
    yield line("---:" if number else "---" for number in numbers)


def line(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def main(names: list[str]) -> None:
    """Write the sections of the experiments that are named."""
    page = PAGE.read_text(encoding="utf-8")
    for name in names:
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(page):
            sys.exit(f"{PAGE.name} has no place for {name}: write {begin.strip()} and {end.strip()} into it")
        text = f"{begin}\n{section(read_results(name))}\n{end}"
        page = pattern.sub(text.replace("\\", r"\\"), page)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME", help="an experiment that lies complete in results/")
    main(parser.parse_args().names)
