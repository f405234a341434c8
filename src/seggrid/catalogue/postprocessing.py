"""The steps of post-processing: what is done to one object of a predicted mask."""

from __future__ import annotations

from seggrid.catalogue.rows import Parameter, Row

_CONNECTIVITY = Parameter(
    "full",
    "which pixels touch: by faces, edges and corners (8 in 2-D, 26 in 3-D), or by faces only (4, 6)",
    choices=("full", "faces"),
)

POSTPROCESSING: dict[str, Row] = {
    "largest_component": Row(
        "seggrid.inference.postprocessing:largest_component",
        "keep the largest connected component, of equals the first",
        parameters={"connectivity": _CONNECTIVITY},
    ),
    "fill_holes": Row(
        "seggrid.inference.postprocessing:fill_holes",
        "fill background that the object encloses; a hole that holds another object stays",
    ),
    "remove_small": Row(
        "seggrid.inference.postprocessing:remove_small",
        "remove connected components below a size",
        parameters={
            "minimum": Parameter(20.0, "smallest size that is kept, in pixels, or in mm2 or mm3 by unit", 0, 1e12),
            "unit": Parameter("px", "of the minimum; mm needs images of known spacing", choices=("px", "mm")),
            "connectivity": _CONNECTIVITY,
        },
    ),
}
