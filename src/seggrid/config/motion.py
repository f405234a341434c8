"""Motion analysis of knees on lateral radiographs."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import model_validator

from seggrid.config.base import Section
from seggrid.errors import UserError, nearest


class Motion(Section):
    """Which objects are the parts of a knee; a group is a sequence, its cases in the order of their names."""

    patella: str = "patella"
    """Name of the object that is the patella."""
    femur: str = "femur"
    """Name of the object that is the femur."""
    tibia: str = "tibia"
    """Name of the object that is the tibia."""
    patellar_tendon: str = "patellar_tendon"
    """Name of the object that is the patellar tendon."""

    @model_validator(mode="after")
    def _each_its_own(self) -> Motion:
        names = list(self.model_dump().values())
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} plays two parts; name an object for each")
        return self

    def labels(self, class_names: Sequence[str]) -> dict[str, int]:
        """The value that each part of the knee has in a mask.

        Args:
            class_names: of the objects 1 to K.

        Raises:
            UserError: there is no object of that name.
        """
        found = {}
        for part, name in self.model_dump().items():
            if name not in class_names:
                raise UserError(
                    f"motion.{part}: {name} is not one of the objects ({', '.join(class_names)})"
                    f"{nearest(name, list(class_names))}"
                )
            found[part] = class_names.index(name) + 1
        return found
