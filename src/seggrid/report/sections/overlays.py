"""Pictures: the best, median and worst test cases of the candidates that matter, and any other at a click."""

from __future__ import annotations

from typing import Any

from seggrid.report.figures import rounded
from seggrid.report.gallery import Gallery, build_gallery, caption_metric, case_frame, extreme_rows
from seggrid.report.page import Section
from seggrid.report.results import Results
from seggrid.report.sections.objects import metric_name


def build(results: Results) -> Section:
    """Draw the pictures; none while nobody is ranked or where the data set was deleted."""
    gallery = build_gallery(results)
    rows: list[dict[str, Any]] = []
    for position, (candidate, roles) in enumerate(gallery.roles.items()):
        frame = case_frame(results, candidate)
        names = {which: str(frame["case"].iloc[row]) for which, row in extreme_rows(frame).items()}
        shown = [
            {"which": which, "case": gallery.cases[case], "prediction": prediction}
            for which, case in names.items()
            if case in gallery.cases
            for prediction in gallery.cases[case].predictions
            if prediction.candidate == position
        ]
        if shown:
            rows.append({"candidate": candidate, "roles": roles, "shown": shown})
    values = {
        "rows": rows,
        "classes": results.grid.class_names,
        "metric": metric_name(caption_metric(results)),
        "ranked": len(results.ranked),
        "stored": results.data.index.is_file(),
        "cases": list(gallery.cases),
        "left_out": gallery.left_out,
        "gallery": packed(gallery, results),
    }
    return Section("overlays", "Pictures", values)


def packed(gallery: Gallery, results: Results) -> dict[str, Any]:
    """What the page needs to show any case."""
    return {
        "candidates": [
            {"network": c.network, "label": c.label, "roles": ", ".join(roles)} for c, roles in gallery.roles.items()
        ],
        "classes": list(results.grid.class_names),
        "metric": metric_name(caption_metric(results)),
        "unit": results.unit,
        "cases": {
            entry.case: {
                "group": entry.group,
                "uri": entry.picture.uri,
                "size": [entry.picture.width, entry.picture.height],
                "aspect": round(entry.picture.aspect, 4),
                "truth": entry.picture.truth,
                "predictions": [
                    {
                        "candidate": prediction.candidate,
                        "place": prediction.place,
                        "overlap": rounded([prediction.overlap])[0],
                        "distance": rounded([prediction.distance])[0],
                        "objects": [(*rounded([value], 4), status) for _, value, status in prediction.objects],
                        "outlines": prediction.outlines,
                    }
                    for prediction in entry.predictions
                ],
            }
            for entry in gallery.cases.values()
        },
    }
