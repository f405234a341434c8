"""Our way to every public value of a loss, a module a family; ``FAMILIES`` joins them.

A module holds ``COUNTERPARTS`` (name in the oracles -> our computation) and ``DEFINED_OTHERWISE`` (name -> why no
computation of ours gives it; ``*@code`` stands for all that a public code gave). A new loss adds its lines to the
module of its family.
"""

from tests.oracles.counterparts import cross_entropy, maps, overlap, pixel, regions

FAMILIES = (cross_entropy, pixel, overlap, maps, regions)
