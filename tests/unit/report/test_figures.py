"""Text and numbers inside figures."""

import json

import numpy as np
import pytest

from seggrid.report.figures import rounded, script_json, text, wrapped


@pytest.mark.parametrize("name", ["</script>", "<!--", "a & b", "line\u2028end", "]]>", "é"])
def test_json_cannot_leave_its_element(name: str) -> None:
    encoded = script_json({name: [name]})
    assert not set("<>&\u2028\u2029") & set(encoded)
    assert json.loads(encoded) == {name: [name]}


def test_json_refuses_what_a_browser_cannot_read() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        script_json([float("nan")])


def test_names_are_escaped_for_plotly() -> None:
    assert text("<b>x</b> & y") == "&lt;b&gt;x&lt;/b&gt; &amp; y"


def test_long_names_break_at_plus_signs_only() -> None:
    assert wrapped("0.50*dual_level_ce + 0.25*dice + 0.25*boundary") == (
        "0.50*dual_level_ce<br>+ 0.25*dice + 0.25*boundary"
    )
    assert wrapped("a" * 60) == "a" * 60


def test_numbers_keep_five_digits_and_gaps() -> None:
    assert rounded(np.array([0.123456789, np.nan, 123456.0])) == [0.12346, None, 123460.0]
