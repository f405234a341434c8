"""The test that typesets needs TeX Live."""

from __future__ import annotations

import os
import shutil

PROGRAMS = ("pdflatex", "bibtex", "pdftotext")

# Where everything must run (SEGGRID_NO_SKIPS), a missing program is an error.
if not all(map(shutil.which, PROGRAMS)) and not os.environ.get("SEGGRID_NO_SKIPS"):
    collect_ignore = ["test_typeset.py"]
    print(
        "test_typeset.py is not collected: TeX Live is not installed "
        "(apt-get install texlive-latex-recommended lmodern poppler-utils)"
    )
