"""The built-in phantom as a source."""

from __future__ import annotations

from seggrid.config.data import PhantomData
from seggrid.data.sources.base import Case, Listing, RawCase
from seggrid.errors import UserError
from seggrid.phantom import CLASS_NAMES, PoseError, radiograph


class PhantomSource:
    """Radiographs of the knee phantom; a group is a subject."""

    def __init__(self, data: PhantomData) -> None:
        self._settings = data.knee

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the objects 1 to K."""
        return CLASS_NAMES

    def list_cases(self) -> Listing:
        """Name every frame of every subject; draws none."""
        subjects, frames = range(self._settings.subjects), range(self._settings.frames)
        cases = (Case(f"s{subject:03d}_f{frame:02d}", f"s{subject:03d}") for subject in subjects for frame in frames)
        return Listing(tuple(cases), ())

    def load(self, case: Case) -> RawCase:
        """Draw one radiograph with its mask; spacing in mm in the plane of the joint.

        Raises:
            UserError: this knee cannot take the pose.
        """
        subject, frame = case.case.removeprefix("s").split("_f")
        try:
            drawn = radiograph(self._settings, int(subject), int(frame))
        except PoseError as error:
            raise UserError(
                f"{case.case}: {error}; lower data.knee.anatomical_spread, narrow data.knee.flexion, or change "
                "data.knee.seed"
            ) from error
        return RawCase(case.case, case.group, drawn.image[None], drawn.labels, drawn.spacing)
