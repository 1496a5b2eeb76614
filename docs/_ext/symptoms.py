"""The table of symptoms: the messages of bad_input.md in alphabetical order, and their causes."""

import re
from pathlib import Path

# A line of a table; a cell of the first three columns is empty if it is that of the line before.
LINE = re.compile(r"^\| (.*?) \| (.*?) \| (.*?) \| (\w+): (.*) \|$", re.MULTILINE)


def symptoms(page: Path) -> str:
    """Return a section for each kind of error, with its messages and what was given."""
    kinds: dict[str, dict[str, str]] = {}
    given = ""
    for cause, _, _, kind, message in LINE.findall(page.read_text(encoding="utf-8")):
        given = cause.strip() or given
        kinds.setdefault(kind, {}).setdefault(message, given)
    parts = []
    for kind, causes in sorted(kinds.items()):
        lines = "\n".join(
            f"| {message} | {given} |"
            for message, given in sorted(causes.items(), key=lambda item: item[0].lower())
        )
        parts.append(f"## {kind}\n\n| the message | it comes from |\n|---|---|\n{lines}\n")
    return "\n".join(parts)
