"""Where cases come from: one module a source behind one protocol."""

from __future__ import annotations

from seggrid.config.data import CocoData, Data, FolderData, PhantomData
from seggrid.data.sources.base import Case, Listing, RawCase, Source
from seggrid.data.sources.coco import CocoSource
from seggrid.data.sources.cuts import CutSource
from seggrid.data.sources.folder import FolderSource
from seggrid.data.sources.nnunet import NnunetSource

__all__ = ["Case", "Listing", "RawCase", "Source", "open_source"]


def open_source(data: Data) -> Source:
    """Return the source that ``data.source`` names; reads at most its annotation file.

    Raises:
        UserError: the annotation file is missing or damaged.
    """
    if isinstance(data, PhantomData):
        # Imported here, for it takes longer than all other sources and most data sets are files.
        from seggrid.data.sources.phantom import PhantomSource

        return PhantomSource(data)
    if isinstance(data, CocoData):
        return CocoSource(data)
    files = FolderSource(data) if isinstance(data, FolderData) else NnunetSource(data)
    return files if data.subvolumes is None and data.slices is None else CutSource(files, data)
