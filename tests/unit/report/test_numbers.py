"""Numbers as they are written."""

import math

import pytest

from seggrid.report.numbers import duration, fixed, millions, percent, score, signed, sort_key


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (fixed(0.91249), "0.912"),
        (fixed(-1.5, 1), "−1.5"),
        (fixed(math.nan), "–"),
        (fixed(None), "–"),
        (signed(0.0119), "+0.012"),
        (signed(-0.0119), "−0.012"),
        (signed(-0.00001), "0.000"),
        (percent(0.641), "64 %"),
        (percent(0.9985), "> 99 %"),
        (percent(1.0), "100 %"),
        (percent(0.0015), "< 1 %"),
        (percent(0.0), "0 %"),
        (percent(0.0308, 1), "3.1 %"),
        (millions(3_560_000), "3.56"),
        (duration(3.63), "3.6 s"),
        (duration(75), "75 s"),
        (duration(600), "10.0 min"),
        (duration(7200), "2.0 h"),
        (score(2.0, "pareto"), "2"),
        (score(1.5, "rank"), "1.5"),
        (score(0.5, "minmax"), "0.500"),
        (sort_key(math.nan), ""),
        (sort_key(0.1), "0.1"),
    ],
)
def test_written(written: str, expected: str) -> None:
    assert written == expected
