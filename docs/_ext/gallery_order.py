"""The order of the gallery: from the main job to the special ones."""

import os

ORDER = (
    *("flights", "text", "kmeans", "search", "threshold"),
    *("drift", "stream", "resume", "torch", "workers"),
)


class GalleryOrder:
    """Sort scripts as in `ORDER`, and others behind them by name."""

    def __init__(self, src_dir: str) -> None:
        pass

    def __call__(self, filename: str) -> tuple[int, str]:
        """Return the key of a script."""
        name = os.path.basename(filename).removeprefix("plot_").removesuffix(".py")
        return (ORDER.index(name) if name in ORDER else len(ORDER)), name
