"""The door to dask: the names of `streamlearn.blocks.with_dask`, imported when one is first used.

dask takes a third as long to import as scikit-learn, and rows in memory do not need it. So dask is
imported when the first collection comes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamlearn.blocks.with_dask import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        value = globals()[name] = getattr(import_module("streamlearn.blocks.with_dask"), name)
        return value
