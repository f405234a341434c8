"""The checklist: every item once, and nothing that no file knows."""

from __future__ import annotations

import re

from seggrid.report.manuscript.claim import ITEMS, OPEN, claim
from seggrid.report.manuscript.claim_answers import answers
from seggrid.report.results import Results
from tests.unit.report.conftest import MakeResults
from tests.unit.report.manuscript.test_methods import changed

#: What only authors know.
AUTHORS = {2, 3, 4, 15, 31, 34, 38, 41, 44}


def rows_of(text: str) -> dict[int, str]:
    return {int(number): answer for number, answer in re.findall(r"^\| (\d+) \| [^|]+ \| (.*) \|$", text, re.MULTILINE)}


def test_the_44_items_stand_once_in_order(complete: Results) -> None:
    assert [number for items in ITEMS.values() for number in items] == list(range(1, 45))
    assert list(rows_of(claim(complete))) == list(range(1, 45))


def test_what_no_file_knows_is_left_to_the_authors(complete: Results) -> None:
    rows = rows_of(claim(complete))
    assert {number for number, answer in rows.items() if answer == OPEN} >= AUTHORS
    assert not AUTHORS & set(answers(complete))
    for number in (1, 7, 8, 14, 20, 21, 36, 43):
        assert rows[number].endswith(f": {OPEN})")


def test_answers_are_the_files(complete: Results) -> None:
    found = answers(complete)
    assert "2 networks and 2 loss mixtures" in found[6].text
    assert "2 folds of groups at random (seed 0), 20% of the other" in found[19].text
    assert "8 test cases of 8 groups" in found[21].text
    winner = complete.ranked.iloc[0]
    assert winner["network"] in found[37].text and f"O {winner['overlap']:.3f}" in found[37].text
    assert "0 failed runs" in found[39].text


def test_before_scoring_there_are_no_results(make_results: MakeResults) -> None:
    found = answers(make_results(dict.fromkeys(range(8), "missing"), scored=False))
    assert not {21, 37, 39, 40} & set(found)


def test_a_phantom_has_no_patients(complete: Results) -> None:
    found = answers(changed(complete, data={"source": "phantom"}, splits={"folds": 2}))
    assert found[5].text == "Neither: simulated images."
    assert 8 not in found


def test_names_stay_text_in_markdown(complete: Results) -> None:
    text = claim(complete)
    assert "<img" not in text.replace("\\<img", "")
    assert "\\<img src=x onerror=alert(1)\\>" in text


def test_without_ensembles_every_figure_is_of_single_runs(complete: Results) -> None:
    assert answers(complete)[27].text == "None: every figure is a mean over single runs."
    joined = changed(complete, ensembles=[{"members": ["UNet_R18"], "over_seeds": True}], seeds=[0, 1])
    assert "1 ensemble of trained networks, which competes with them: mean(UNet_R18, over seeds) (mean of 2" in (
        answers(joined)[27].text
    )


def test_how_claims_were_tested_is_told(complete: Results) -> None:
    assert "claim" not in answers(complete)[29].text
    claims = [
        {"text": str(number), "better": {"loss": "ce"}, "worse": {"loss": "<i>"}, "metric": metric}
        for number, metric in enumerate(("dice", "absolute"))
    ]
    mixtures = ["ce", {"label": "<i>", "terms": [{"loss": "dice"}]}]
    text = answers(changed(complete, claims=claims, mixtures=mixtures))[29].text
    for words in (
        "2 claims: paired by fold, seed and group", "Holm's adjustment over all claims of the experiment",
        "exact sign test over the pairs of runs", "at least 3 seeds with all 2 folds",
    ):  # fmt: skip
        assert words in text, words
