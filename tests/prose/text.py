"""The sentences of a page, of docstrings and of messages: without code, tables, links and quotes.

Code in a sentence becomes the word CODE, and what stands in quotation marks the word QUOTE. A
banned word may therefore be quoted, which is the way to write about it. A message with the words of
another library has the comment ``# prose: quoted``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
CODE, QUOTE = "CODE", "QUOTE"
# A message has at least this many words. Shorter literals are names, keys and parts of messages.
MESSAGE = 5
# A page of HTML, or columns of a table.
LAYOUT = re.compile(r"</|\S {2,}\S")
# In a comment on the first line of a literal, or above it: its words are those of another library.
QUOTED = "# prose: quoted"


class Prose(NamedTuple):
    """A paragraph or a sentence, and the line of its file where it begins."""

    line: int
    text: str
    heading: bool = False
    docstring: bool = False


def paragraphs(path: Path) -> list[Prose]:
    """Return the prose of a page in Markdown or of a module. The path is relative to the root."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.suffix == ".md":
        return list(_of_page(text.split("\n"), 1))
    public = not any(p.startswith("_") and p != "__init__.py" for p in path.parts)
    return sorted(_of_module(text, public=public))


def sentences(paragraph: Prose) -> Iterator[Prose]:
    """Yield the sentences of a paragraph."""
    if paragraph.heading:
        yield paragraph
        return
    start, text = 0, paragraph.text
    for end in [*(m.end() for m in ENDS.finditer(text)), len(text)]:
        said = text[start:end]
        if said.strip():
            before = text[:start] + said[: len(said) - len(said.lstrip())]
            line = paragraph.line + before.count("\n")
            yield paragraph._replace(line=line, text=" ".join(said.split()))
        start = end


# Names that begin a sentence with a small letter.
SMALL = r"(?:scikit-learn|dask|torch|pandas|polars|array-api-strict|streamlearn)\b"
ENDS = re.compile(
    r"(?<!e\.g\.)(?<!i\.e\.)(?<!\bvs\.)(?<!\bal\.)(?<=[.!?])[)*]*\s+" rf"(?=[A-Z\d(*'`]|{SMALL})"
)
INLINE = (
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), ""),
    # The title of a page stands for the page, and other words of a link are part of the sentence.
    (re.compile(r"\[[A-Z][^\]]* [^\]]*\](?:\([^)]*\)|\[[^\]]*\])"), QUOTE),
    (re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])"), r"\1"),
    (re.compile(r"<https?:[^>]*>|https?://\S+"), CODE),
    (re.compile(r"\[\d+\]_"), ""),
    (re.compile(r"\*\*|(?<!\w)\*(?=\w)|(?<=[\w.])\*(?!\w)"), ""),
)


def _plain(text: str) -> str:
    """Return text without markup. Its lines stay."""

    def word(name: str, match: re.Match[str]) -> str:
        return name + "\n" * match.group().count("\n")

    for ticks in (r"(?::\w+:|\{\w+\})?``.+?``", r"(?::\w+:|\{\w+\})?`[^`]+`_?"):
        text = re.sub(ticks, lambda m: word(CODE, m), text, flags=re.DOTALL)
    text = re.sub(r"\"[^\"]*\"", lambda m: word(QUOTE, m), text)
    for pattern, put in INLINE:
        text = pattern.sub(put, text)
    return text


def _of_page(lines: list[str], first: int, *, docstring: bool = False) -> Iterator[Prose]:
    """Yield the paragraphs of Markdown. Each point of a list is a paragraph.

    In docstrings a paragraph also ends where lines are indented further or less.
    """
    held: list[str] = []
    line, fence, comment, indent = first, "", False, 0

    def ended() -> Iterator[Prose]:
        if held and (text := _plain("\n".join(held))).strip():
            yield Prose(line, text)
        held.clear()

    for number, raw in enumerate(lines, first):
        text = raw.strip()
        if fence:
            fence = "" if text.startswith(fence) else fence
        elif opened := re.match(r"(`{3,}|~{3,}|:{3,})", text):
            yield from ended()
            # What stands in a directive between colons is prose.
            fence = "" if text.startswith(":") else opened.group()
        elif comment or text.startswith("<!--"):
            yield from ended()
            comment = "-->" not in text
        elif text.startswith(("|", "(", ">>>")) and (text[0] != "(" or text.endswith(")=")):
            yield from ended()
        elif text.startswith("#"):
            yield from ended()
            yield Prose(number, _plain(text.lstrip("# ")), heading=True)
        elif not text:
            yield from ended()
        else:
            at = len(raw) - len(raw.lstrip())
            if point := re.match(r"([-*+]|\d+\.)\s+", text):
                yield from ended()
                text, at = text[point.end() :], at + point.end()
            elif docstring and at != indent:
                yield from ended()
            indent = at
            line = line if held else number
            held.append(text)
    yield from ended()


# Modules


def _of_module(source: str, *, public: bool) -> Iterator[Prose]:
    """Yield the docstrings of a module, if it is public, its messages and cells."""
    tree, lines = ast.parse(source), source.split("\n")
    for doc in _public_docs(tree) if public else ():
        yield from _of_docstring(lines[doc.lineno - 1 : doc.end_lineno], doc.lineno)
    yield from _messages(tree, lines)
    yield from _cells(lines)


def _cells(lines: list[str]) -> Iterator[Prose]:
    """Yield the comments that begin cells of a script of the gallery."""
    for begin in (i for i, line in enumerate(lines) if line.startswith("# %%")):
        rest = enumerate(lines[begin + 1 :], begin + 1)
        end = next((i for i, line in rest if not line.startswith("#")), len(lines))
        cell = [line.removeprefix("#").removeprefix(" ") for line in lines[begin + 1 : end]]
        yield from _of_docstring(cell, begin + 2)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _public_docs(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> Iterator[ast.Constant]:
    """Yield docstrings, also of attributes, but not what lies under a name with an underscore."""
    name = ""
    for i, child in enumerate(node.body):
        if isinstance(child, ast.Assign | ast.AnnAssign):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            name = getattr(targets[0], "id", "")
        elif _is_text(child) and (i == 0 or not name.startswith("_")):
            yield child.value  # type: ignore[attr-defined]
        elif isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            yield from _public_docs(child)
        if isinstance(node, ast.FunctionDef):
            return


def _messages(node: ast.AST, lines: list[str]) -> Iterator[Prose]:
    """Yield the literals that are sentences, with CODE where something is put in."""
    if _is_text(node):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        said = node.value
    elif isinstance(node, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else CODE for p in node.values)
        said = "".join(map(str, parts))
    else:
        for child in ast.iter_child_nodes(node):
            yield from _messages(child, lines)
        return
    quoted = any(QUOTED in line for line in lines[max(node.lineno - 2, 0) : node.lineno])
    if len(re.findall(r"[A-Za-z]{2,}", said)) >= MESSAGE and not LAYOUT.search(said) and not quoted:
        yield from _of_page(said.split("\n"), node.lineno)


SECTION = re.compile(r"(-{3,}|={3,}|~{3,})$")


def _of_docstring(lines: list[str], first: int) -> Iterator[Prose]:
    """Yield the paragraphs of a docstring in numpydoc's form."""
    lines = [re.sub(r'^(\s*)[rR]?"""|"""\s*$', r"\1", line) for line in lines]
    kept, literal, example, table = list(lines), None, False, False
    for i, raw in enumerate(lines):
        text, indent = raw.strip(), len(raw) - len(raw.lstrip())
        if literal is not None and text and indent <= literal:
            literal = None
        example = bool(text) and (example or text.startswith(">>>"))
        rule = bool(re.fullmatch(r"=+( +=+)+", text) or LAYOUT.search(text))
        table = rule or (table and bool(text))
        if SECTION.match(text):
            kept[i] = kept[i - 1] = ""
        elif rule or table or example or literal is not None or _is_parameter(text):
            kept[i] = ""
        elif text.startswith(".. "):
            kept[i], literal = "", indent
        if text.endswith("::") and literal is None:
            literal, kept[i] = indent, kept[i].rstrip(":")
    for each in _of_page(kept, first, docstring=True):
        yield each._replace(docstring=True)


def _is_parameter(text: str) -> bool:
    """Return whether a line gives the type of a parameter, or the name of an attribute alone."""
    return bool(re.match(r"[\w*.,` ()\[\]=]+ : ", text)) or bool(
        re.fullmatch(r"[\w*]+(, [\w*]+)*", text)
    )
