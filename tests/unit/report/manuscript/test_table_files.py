"""Tables as CSV and as LaTeX."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from seggrid.report.manuscript.table_files import tex, write_tables
from seggrid.report.tables import Column, Table

FRAME = pd.DataFrame(
    {
        "name": ["a_1", "b & c"],
        "score": [0.123456789, 0.98765],
        "score_sd": [0.01, float("nan")],
        "low": [0.1, 0.9],
        "high": [0.2, 0.99],
        "hidden": [1, 2],
    }
)
SCORE = Column("score", "O", "mm", 2, "score_sd", ("low", "high"), "higher")


def table(frame: pd.DataFrame = FRAME, *columns: Column, name: str = "some") -> Table:
    return Table(name, "100 % of n = 2", frame, columns or (Column("name", "Name"), SCORE))


def rows_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.endswith("\\\\")]


def test_csv_is_unrounded_and_holds_every_column(tmp_path: Path) -> None:
    write_tables([table()], tmp_path)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "some.csv"), FRAME)


def test_cells_have_unit_deviation_interval_and_bold() -> None:
    assert rows_of(tex(table())) == [
        r"Name & O {[}mm{]} & 95\,\% interval \\",
        r"a\_1 & 0.12 $\pm$ 0.01 & {[}0.10, 0.20{]} \\",
        r"b \& c & \textbf{0.99} & {[}0.90, 0.99{]} \\",
    ]


def test_caption_and_label_stand_once() -> None:
    text = tex(table())
    assert text.count(r"\caption{100 \% of n = 2}") == text.count(r"\label{tab:some}") == 1
    for rule in ("toprule", "midrule", "bottomrule"):
        assert text.count(f"\\{rule}") == 1


def test_an_interval_that_is_nowhere_known_has_no_column() -> None:
    frame = FRAME.assign(low=float("nan"), high=float("nan"))
    assert "interval" not in tex(table(frame))


def test_units_are_those_of_the_heading() -> None:
    frame = pd.DataFrame({"parameters": [14_300_000, float("nan")]})
    assert rows_of(tex(table(frame, Column("parameters", "Parameters", "M", 2, per=1e6))))[1:] == [
        r"14.30 \\",
        r"-- \\",
    ]


def test_groups_are_set_apart() -> None:
    frame = pd.DataFrame({"object": ["a", "a", "b"], "x": [1, 2, 3]})
    apart = Table("t", "", frame, (Column("object", "Object"), Column("x", "X", places=0)), within=("object",))
    lines = tex(apart).splitlines()
    assert lines[lines.index("\\addlinespace") + 1] == r"b & 3 \\"
    assert lines.count("\\addlinespace") == 1


def test_a_long_table_is_set_in_parts_under_one_number() -> None:
    frame = pd.DataFrame({"name": [f"row {number}" for number in range(100)]})
    text = tex(table(frame, Column("name", "Name")))
    assert text.count(r"\begin{table}") == 3
    assert text.count(r"\addtocounter{table}{-1}") == 2
    assert text.count(r"\label{") == 1
    assert "Part 1 of 3." in text and "Continued, part 3 of 3." in text
    assert rows_of(text).count(r"Name \\") == 3
    assert len(rows_of(text)) == 103


def test_parts_of_a_very_long_table_do_not_wait_for_ever() -> None:
    frame = pd.DataFrame({"name": ["x" * 200] * 300})
    text = tex(table(frame, Column("name", "Name")))
    assert 0 < text.count(r"\clearpage") == (text.count(r"\begin{table}") - 1) // 12


def test_long_names_are_broken() -> None:
    frame = pd.DataFrame({"name": ["0.50*dual_level_ce + 0.25*dice + 0.25*boundary", ""]})
    text = tex(table(frame, Column("name", "Name")))
    assert r"\begin{tabular}{@{}>{\raggedright\arraybackslash}p{14em}@{}}" in text


def test_a_table_without_rows_is_not_written(tmp_path: Path) -> None:
    write_tables([table(FRAME.iloc[:0])], tmp_path)
    assert list(tmp_path.iterdir()) == []
