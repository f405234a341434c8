"""What lies beside the report."""

from __future__ import annotations

from seggrid.paths import ExperimentFolder
from seggrid.report.manuscript.bibliography import cited
from seggrid.report.manuscript.write import write_manuscript
from seggrid.report.results import Results
from seggrid.report.sections import objects, ranking
from tests.unit.report.conftest import MakeResults
from tests.unit.report.grid import NAME


def write(results: Results) -> dict[str, bytes]:
    """Write and read back the two folders and the crate."""
    write_manuscript(results, [ranking.build(results), objects.build(results)])
    folder = ExperimentFolder(NAME)
    paths = [*folder.tables.iterdir(), *folder.manuscript.iterdir(), folder.crate]
    return {str(path.relative_to(folder.folder)): path.read_bytes() for path in paths}


def test_everything_is_written_and_twice_the_same(complete: Results) -> None:
    first = write(complete)
    assert set(first) == {
        "tables/ranking.csv", "tables/ranking.tex", "tables/objects.csv", "tables/objects.tex",
        "manuscript/main.tex", "manuscript/methods.tex", "manuscript/characters.tex", "manuscript/references.bib",
        "manuscript/claim.md", "ro-crate-metadata.json",
    }  # fmt: skip
    assert write(complete) == first


def test_nothing_of_an_earlier_report_stays(complete: Results) -> None:
    write(complete)
    folder = ExperimentFolder(NAME)
    (folder.tables / "old.tex").write_text("stale", encoding="utf-8")
    (folder.manuscript / "main.pdf").write_text("stale", encoding="utf-8")
    write(complete)
    assert not (folder.tables / "old.tex").exists()
    assert not (folder.manuscript / "main.pdf").exists()
    assert not list(folder.folder.glob(".*"))


def test_the_document_holds_every_table_and_figure(complete: Results) -> None:
    figures = ExperimentFolder(NAME).figures
    figures.mkdir(exist_ok=True)
    (figures / "some_figure.pdf").write_bytes(b"%PDF-1.4")
    main = write(complete)["manuscript/main.tex"].decode()
    (figures / "some_figure.pdf").unlink()
    assert main.index("\\input{../tables/ranking}") < main.index("\\input{../tables/objects}")
    assert "{../figures/some_figure.pdf}" in main
    assert "\\caption{some\\_figure}" in main


def test_every_citation_has_its_entry(complete: Results) -> None:
    files = write(complete)
    bibliography = files["manuscript/references.bib"].decode()
    for key in cited(files["manuscript/methods.tex"].decode()):
        assert f"{{{key}," in bibliography


def test_a_grid_that_is_planned_only_has_methods_and_no_tables(make_results: MakeResults) -> None:
    results = make_results(dict.fromkeys(range(8), "missing"), scored=False)
    files = write(results)
    assert not [name for name in files if name.startswith("tables/")]
    assert b"\\section{Tables}" not in files["manuscript/main.tex"]


def test_no_file_tells_where_it_was_written(complete: Results) -> None:
    place = str(ExperimentFolder(NAME).folder.parents[2])
    for name, content in write(complete).items():
        assert place.encode() not in content, name
