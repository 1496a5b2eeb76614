"""Every rule of the linter for prose finds its habit, and leaves good sentences alone."""

from __future__ import annotations

from tests.prose import __main__ as linter
from tests.prose.rules import RULES, findings
from tests.prose.text import paragraphs, sentences


def test_every_rule_finds_its_habit_and_nothing_in_a_good_sentence():
    assert {rule.name: bool(rule.found(rule.bad)) for rule in RULES} == {
        rule.name: True for rule in RULES
    }
    broken = {rule.name: [found.name for found in findings(rule.good)] for rule in RULES}
    assert broken == {rule.name: [] for rule in RULES}


PAGE = """# So many blocks

Rows are told `anew`,
and [beside](told.md) "anew" lies
the second. Of these none is used.

```python
told = 1
```

| told | anew |
|---|---|

<!-- told -->

- One point, e.g. A.
- Another
"""


def test_pages_are_read_without_code_tables_links_and_quotes(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    said = [s for p in paragraphs(page) for s in sentences(p)]
    assert [(s.line, s.text) for s in said] == [
        (1, "So many blocks"),
        (3, "Rows are told CODE, and beside QUOTE lies the second."),
        (5, "Of these none is used."),
        (16, "One point, e.g. A."),
        (17, "Another"),
    ]


MODULE = '''"""Rows of a file.

====  ====
told  anew
====  ====
"""

ROWS = 1
"""How many rows are told."""

_ROWS = 2
"""How many rows are told."""


def read(path, n):
    """Read rows. dask reads them, too::

        told = 1

    Parameters
    ----------
    path : str, a told name
        Where they are,
        beside others.
    n
        How many.

    >>> told
    'anew'
    """
    if n:
        # prose: quoted
        raise ValueError("The words of others are told anew.")
    raise ValueError(f"{path} holds so many rows, "
        "which are told.")


def _hidden():
    """Return rows that are told."""

# %%
# Rows
# ----
# They are ``told``.
'''


def test_modules_are_read_by_public_docstrings_and_messages(tmp_path):
    module = tmp_path / "module.py"
    module.write_text(MODULE, encoding="utf-8")
    said = [s for p in paragraphs(module) for s in sentences(p)]
    assert [(s.line, s.text, s.docstring) for s in said] == [
        (1, "Rows of a file.", True),
        (9, "How many rows are told.", True),
        (16, "Read rows.", True),
        (16, "dask reads them, too", True),
        (23, "Where they are, beside others.", True),
        (26, "How many.", True),
        (34, "CODE holds so many rows, which are told.", False),
        (44, "They are CODE.", True),
    ]


def test_a_finding_has_its_place_and_its_advice(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("One.\n\nTwo. It is\nread anew.\n", encoding="utf-8")
    (found,) = linter.complaints(page)
    assert found.endswith("page.md:3: anew: It is read anew.\n    Write: again.")


def test_other_linters_see_prose_on_its_lines(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    seen = linter.as_page(paragraphs(page)).split("\n")
    assert (seen[0], seen[4], seen[15]) == (
        "So many blocks",
        "the second. Of these none is used.",
        "One point, e.g. A.",
    )


def test_a_page_that_is_mended_must_leave_the_list(tmp_path, monkeypatch, capsys):
    (tmp_path / "README.md").write_text("It is read.\n", encoding="utf-8")
    for module in (linter, linter.sys.modules["tests.prose.text"]):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(linter, "TO_MEND", frozenset())
    assert linter.main([]) == 0
    monkeypatch.setattr(linter, "TO_MEND", frozenset({"README.md"}))
    assert linter.main([]) == 1
    assert "README.md: is clean." in capsys.readouterr().out
    (tmp_path / "README.md").write_text("It is read anew.\n", encoding="utf-8")
    assert linter.main([]) == 0
    monkeypatch.setattr(linter, "TO_MEND", frozenset())
    assert linter.main([]) == 1
