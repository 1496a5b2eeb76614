"""Run the README's first lines of code and compare what they print with what the README says.

``python -I tests/release/quickstart.py`` does it with the installed package, in the current folder.
It needs nothing but the package.
"""

from __future__ import annotations

import re
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
README = CHECKOUT / "README.md"


def quickstart() -> tuple[list[str], list[str]]:
    """Return the lines that the snippet should print, and the lines that it prints."""
    text = README.read_text(encoding="utf-8")
    snippet = text.partition("```python\n")[2].partition("```")[0]
    expected = re.findall(r"^print\(.*# (.*)$", snippet, re.MULTILINE)
    out = StringIO()
    with redirect_stdout(out):
        exec(compile(snippet, str(README), "exec"), {})
    return expected, out.getvalue().splitlines()


def main() -> None:
    """Exit with a message if the package is the checkout's, or if the lines differ."""
    import streamlearn

    if CHECKOUT / "streamlearn" in Path(streamlearn.__file__).resolve().parents:
        sys.exit(f"{streamlearn.__file__} is the checkout's. Install the wheel and use python -I.")
    expected, printed = quickstart()
    if not expected or printed != expected:
        sys.exit(f"The README says {expected}, and its first snippet prints {printed}.")
    sys.stdout.write(f"The README's first snippet runs on {streamlearn.__file__}.\n")


if __name__ == "__main__":
    main()
