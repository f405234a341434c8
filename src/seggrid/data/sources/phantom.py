"""The built-in phantoms as a source."""

from __future__ import annotations

from seggrid.config.data import PhantomData
from seggrid.config.phantom import PHANTOM_CLASSES, HipSettings, KneeSettings
from seggrid.data.sources.base import Case, Listing, RawCase
from seggrid.errors import UserError
from seggrid.phantom import (
    PhantomVolume,
    PoseError,
    flexion_of,
    fracture_radiograph,
    hip_volume,
    radiograph,
    volume,
    wrist_views,
)


class PhantomSource:
    """Images of a phantom; a group is a subject."""

    def __init__(self, data: PhantomData) -> None:
        self._classes = PHANTOM_CLASSES[data.kind]
        self._settings = data.settings

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the objects 1 to K."""
        return self._classes

    def list_cases(self) -> Listing:
        """Name every frame of every subject; draws none."""
        cases = (
            Case(f"s{subject:03d}_f{frame:02d}", f"s{subject:03d}")
            for subject in range(self._settings.subjects)
            for frame in range(self._frames(subject))
        )
        return Listing(tuple(cases), ())

    def _frames(self, subject: int) -> int:
        if isinstance(self._settings, KneeSettings):
            return self._settings.frames
        return 1 if isinstance(self._settings, HipSettings) else wrist_views(self._settings, subject)

    def load(self, case: Case) -> RawCase:
        """Draw one image with its mask; the spacing of a radiograph is in mm in the plane of the joint.

        Raises:
            UserError: this knee cannot take the pose.
        """
        subject, frame = map(int, case.case.removeprefix("s").split("_f"))
        if isinstance(self._settings, KneeSettings):
            return _knee(case, self._settings, subject, frame)
        if isinstance(self._settings, HipSettings):
            return _raw_volume(case, hip_volume(self._settings, subject))
        image, labels, spacing = fracture_radiograph(self._settings, subject, frame)
        return RawCase(case.case, case.group, image[None], labels, (spacing, spacing))


def _raw_volume(case: Case, drawn: PhantomVolume) -> RawCase:
    return RawCase(case.case, case.group, drawn.hu[None], drawn.labels, drawn.spacing)


def _knee(case: Case, settings: KneeSettings, subject: int, frame: int) -> RawCase:
    try:
        if settings.volume_spacing is not None:
            flexion = flexion_of(settings, subject, frame)
            return _raw_volume(case, volume(settings, subject, flexion, settings.volume_spacing))
        drawn = radiograph(settings, subject, frame)
    except PoseError as error:
        raise UserError(
            f"{case.case}: {error}; lower data.knee.anatomical_spread, narrow data.knee.flexion, or change "
            "data.knee.seed"
        ) from error
    return RawCase(case.case, case.group, drawn.image[None], drawn.labels, drawn.spacing)
