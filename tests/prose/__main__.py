"""Print each sentence that breaks a rule: its place, the sentence, and what to do.

::

    python -m tests.prose              our own rules
    python -m tests.prose --proselint  and those of proselint, which must be installed
    python -m tests.prose docs/a.md streamlearn/metrics  of these files only
    python -m tests.prose --count      and how often each rule is broken
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.prose.rules import findings
from tests.prose.text import ROOT, Prose, paragraphs, sentences

PAGES = ("*.md", "docs/**/*.md", "bench/*.md")
MODULES = ("streamlearn/**/*.py", "examples/**/*.py", "bench/*.py", "docs/_ext/*.py")
# Folders of what the build of the site writes.
MADE = ("docs/_build", "docs/gallery", "docs/generated", "docs/reference")

# Pages that are not mended yet. A page that is clean must leave this list, so it can only shrink.
TO_MEND: frozenset[str] = frozenset()


def files() -> list[Path]:
    """Return the pages and modules that are checked, relative to the root."""
    found = {path for pattern in (*PAGES, *MODULES) for path in ROOT.glob(pattern)}
    made = [ROOT / folder for folder in MADE]
    own = (path for path in found if not any(map(path.is_relative_to, made)))
    return sorted(path.relative_to(ROOT) for path in own)


def complaints(path: Path) -> Iterator[str]:
    """Yield what is said of a file."""
    for paragraph in paragraphs(path):
        for sentence in sentences(paragraph):
            _, text, *how = sentence
            for rule in findings(text, *how):
                at = f"{path.as_posix()}:{sentence.line}"
                yield f"{at}: {rule.name}: {sentence.text}\n    {rule.advice}"


def as_page(of: Sequence[Prose]) -> str:
    """Return prose alone, on the lines where it is, as a page for other linters."""
    page = ""
    for line, text, *_ in of:
        page += "\n" * max(line - 1 - page.count("\n"), 1 if page else 0) + text
    return page + "\n"


def proselint(paths: Sequence[Path]) -> list[str]:
    """Return what proselint says of the prose of files, but not of messages.

    Some messages are scikit-learn's, word by word.
    """
    with TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        pages = []
        for path in paths:
            page = place / f"{path}.md"
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(
                as_page([p for p in paragraphs(path) if p.docstring or path.suffix == ".md"]),
                encoding="utf-8",
            )
            pages.append(str(page))
        config = ROOT / "tests" / "prose" / "proselint.json"
        command = [sys.executable, "-m", "proselint", "check", "--config", str(config), *pages]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = (done.stdout + done.stderr).splitlines()
        found = [line.replace(f"{place}/", "").replace(".md.md:", ".md:") for line in said if line]
        if done.returncode and not found:
            found = [f"proselint ended with {done.returncode}"]
        return [line.replace(".py.md:", ".py:") for line in found]


def main(arguments: Sequence[str]) -> int:
    """Print all complaints, and return 1 if there are some."""
    chosen = [Path(a) for a in arguments if not a.startswith("--")]
    paths = [p for p in files() if not chosen or any(p.is_relative_to(c) for c in chosen)]
    said = {path: list(complaints(path)) for path in paths}
    found = [each for path in paths if path.as_posix() not in TO_MEND for each in said[path]]
    for name in sorted(TO_MEND):
        if not said.get(Path(name), [None]):
            found.append(f"{name}: is clean. Take it out of TO_MEND in tests/prose/__main__.py.")
    if "--proselint" in arguments:
        found += proselint([p for p in paths if p.as_posix() not in TO_MEND])
    sys.stdout.writelines(f"{each}\n" for each in found)
    if "--count" in arguments:
        counts = Counter(each.split(": ")[1] for each in found)
        sys.stdout.writelines(f"{n:5} {name}\n" for name, n in counts.most_common())
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
