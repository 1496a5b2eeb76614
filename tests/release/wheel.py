"""Check what a wheel contains: ``python tests/release/wheel.py FILE``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZipFile

PACKAGE = Path(__file__).resolve().parents[2] / "streamlearn"


def faults(names: Iterable[str], modules: Iterable[str]) -> list[str]:
    """Return what is wrong with the files of a wheel, which should have these modules."""
    names = set(names)
    needed = {"streamlearn/py.typed", *modules}
    found = [f"{name} is missing" for name in sorted(needed - names)]
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in names):
        found.append("the license is missing")
    for name in sorted(names - needed):
        top = name.partition("/")[0]
        if not (top.startswith("dask_streamlearn-") and top.endswith(".dist-info")):
            found.append(f"{name} does not belong in the wheel")
    return found


def modules() -> set[str]:
    """Return the modules of the checkout."""
    return {path.relative_to(PACKAGE.parent).as_posix() for path in PACKAGE.rglob("*.py")}


def main(wheel: str) -> None:
    """Exit with a message if something is wrong."""
    with ZipFile(wheel) as archive:
        found = faults(archive.namelist(), modules())
    if found:
        sys.exit("\n".join([f"{wheel}:", *found]))


if __name__ == "__main__":
    main(*sys.argv[1:])
