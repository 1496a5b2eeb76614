"""How many of scikit-learn's own tests pass on our classes, file by file, as a table.

Run it as ``python -m tests.sklearn_suites.shares``, with names of groups or parts of file names to
print some of the files. All take a quarter of an hour.

A test counts if it names one of our classes. One that is left out counts as one that does not pass,
whatever the reason is. Tests that no library here can run count as neither.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import sklearn

from tests.sklearn_suites.our_classes import PRIVATE
from tests.sklearn_suites.running import EVERY_LIBRARY, run
from tests.sklearn_suites.test_their_tests import FILES

HEAD = (
    "| file | tests | pass | share | of private parts | skipped | why others do not pass |",
    "|---|---|---|---|---|---|---|",
)


class Share(NamedTuple):
    """What became of the tests of a file.

    Attributes
    ----------
    passed, private, not_run : int
    why : dict of str to int
        How often each other reason stands for a test that does not pass.
    """

    passed: int
    private: int
    not_run: int
    why: dict[str, int]

    @property
    def tests(self) -> int:
        """The number of tests that pass or do not."""
        return self.passed + self.private + sum(self.why.values())

    def line(self, file: str) -> str:
        """Return the line of the table."""
        reasons = sorted(self.why.items(), key=lambda one: -one[1])
        why = "; ".join(f"{n}: {reason}" for reason, n in reasons)
        share = f"{100 * self.passed / max(self.tests, 1):.1f} %"
        cells = (f"`{file}`", self.tests, self.passed, share, self.private, self.not_run, why)
        return f"| {' | '.join(map(str, cells))} |"


def share_of(file: str) -> Share:
    """Run a file of scikit-learn's tests, and return what became of them."""
    with TemporaryDirectory() as folder:
        found = Path(folder) / "counts.json"
        settings = EVERY_LIBRARY | {"STREAMLEARN_COUNTS": str(found)}
        path = Path(sklearn.__file__).parent / file
        ran = run([path], Path(folder), ("our_classes", "counts"), settings)
        if ran.returncode:
            raise RuntimeError(ran.stdout[-3000:] + ran.stderr[-3000:])
        counts = json.loads(found.read_text(encoding="utf-8"))
    what, why = counts["what"], counts["why"]
    private = why.pop(PRIVATE, 0)
    return Share(what.get("passed", 0), private, what.get("not run", 0), why)


def main(wanted: list[str]) -> None:
    """Print the table."""
    sys.stdout.write("\n".join(HEAD) + "\n")
    for group, files in FILES.items():
        if group.startswith("metrics"):
            continue
        for file in files:
            if not wanted or any(word == group or word in file for word in wanted):
                sys.stdout.write(share_of(file).line(file) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
