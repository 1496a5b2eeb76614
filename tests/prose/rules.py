"""Habits of writing that make a reader read a sentence twice, and what to write instead.

Each rule has a sentence that it must find and one that it must leave alone, which
``tests/prose/test_rules.py`` checks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.prose.text import CODE, QUOTE

LONGEST = 32
MOST_COMMAS = 4


class Rule(NamedTuple):
    """A habit: how it is seen, what to do, and a sentence with and without it."""

    name: str
    found: Callable[[str], object]
    advice: str
    bad: str
    good: str
    # Whether docstrings are checked, too.
    docstrings: bool = True


def pattern(expression: str) -> Callable[[str], object]:
    """Return what looks for a regular expression."""
    return re.compile(expression).search


def unlisted(sentence: str) -> str:
    """Return a sentence with one name in code in place of a list of them."""
    return re.sub(rf"({CODE}|{QUOTE})(,? (and|or) \1|, \1)+", CODE, sentence)


def n_words(sentence: str) -> int:
    """Count words. A list of names in code counts as one."""
    return len(re.findall(r"\w[\w'.,-]*", unlisted(sentence)))


def n_commas(sentence: str) -> int:
    """Count the commas that part clauses: not those of numbers, lists, brackets and sources."""
    said = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", unlisted(sentence))
    said = re.sub(r"(\w+( \w+){0,3}, ){2,}(\w+ ){0,3}(and|or) ", "", said)
    return 0 if " & " in said else len(re.findall(r",\s", said))


# None is an object of Python, and "none" a negation.
NEGATIVE = r"([Nn]o|[Nn]ot|none|[Nn]ever|[Nn]othing|[Nn]either|[Cc]annot)"
CLAUSE = r"(which|whose|where|while|because|although|if|when|whom|so that|that|as)"

RULES = (
    Rule(
        "long sentence",
        lambda s: n_words(s) > LONGEST,
        f"Write two sentences, or a list: more than {LONGEST} words.",
        "The loss is " + "small and " * LONGEST + "good.",
        "The functions " + "CODE, " * LONGEST + "and CODE return the loss.",
    ),
    Rule(
        "many commas",
        lambda s: n_commas(s) > MOST_COMMAS,
        f"Write several sentences: more than {MOST_COMMAS} commas between parts of one.",
        "If it is read, and is small, it is kept, so that, for rows, nothing is lost.",
        "It takes rows, columns, names, dates, texts and 1,000,000 numbers.",
    ),
    Rule(
        "clauses in each other",
        lambda s: len(re.findall(rf", {CLAUSE}\b", s)) > 2,
        "Begin a new sentence: three or more clauses hang on one.",
        "Rows, which are few, because they are dear, if that is known, are kept.",
        "Rows are kept because they are dear.",
    ),
    Rule(
        "semicolons",
        pattern(r";.*;"),
        "Write several sentences, or a list, instead of a chain of semicolons.",
        "It reads; it learns; it ends.",
        "It reads; it learns.",
    ),
    Rule(
        "Of",
        pattern(r"^Of\b(?! course)"),
        "Begin with the subject.",
        "Of each block the rows are read.",
        "The rows of each block are read.",
    ),
    Rule(
        "What",
        pattern(r"^What\b.*[.:]$"),
        "Begin with a noun. A question may begin with this word.",
        "What blocks hold is learned.",
        "What does a block hold?",
        docstrings=False,  # an attribute may be: what a metric returns
    ),
    Rule(
        "what is different is that",
        pattern(r"^What (is|was|remains|differs|matters)\b.*\bis that\b"),
        "Leave it out, and begin with what follows.",
        "What is different is that rows are read once.",
        "Rows are read once.",
    ),
    Rule(
        "what is what",
        pattern(r"\bwhat\b[^.;:]*\b(is|are) what\b"),
        "Say it with nouns.",
        "Then what is read is what is learned.",
        "Then all rows that are read are learned.",
    ),
    Rule(
        "is why",
        pattern(r"\b(which|that|this|so this) is (also )?why\b"),
        "Give the reason in a sentence with: so, because.",
        "Rows are sparse, which is why they are kept.",
        "Rows are kept because they are sparse.",
    ),
    Rule(
        "two negations",
        pattern(
            rf"\b{NEGATIVE}\b(?! only)( (?!and|or|but|if|because|so)\w+){{0,4}} "
            r"(no|not|none|never|nothing|without)\b"
        ),
        "Say what holds, without the two negations.",
        "No block is not read.",
        "No block is read, and none is kept.",
    ),
    Rule(
        "is no",
        pattern(
            r"(?<!there )(?<!There )\b(is|are|was|were) no "
            r"(?!longer|more|less|fewer|better|worse|larger|smaller|faster|slower)"
        ),
        "Write: is not a, are not.",
        "The key is no name.",
        "There is no name, and it is no longer needed.",
    ),
    Rule(
        "these, those, that without a noun",
        pattern(
            r"^(Those|That of|These of)\b(?! \w+s\b)"
            r"|\b(that|those) of\b.*\b(that|those) of\b"
        ),
        "Repeat the noun.",
        "Those of a collection are lazy.",
        "These rows are lazy.",
    ),
    Rule(
        "of them, of which",
        pattern(r"\bof (them|these|those|which)\b.*\bof (them|these|those|which)\b"),
        "Repeat the noun.",
        "Some of them are rows, most of which are read.",
        "Some of them are rows.",
    ),
    Rule(
        "doubled word",
        pattern(r"\b([a-z]{2,}) \1\b"),
        "Write it once.",
        "It is is.",
        "It is, is it?",
    ),
    Rule(
        "but for",
        pattern(r"\b(but for|save for|other than with|all but)\b"),
        "Write: except.",
        "All rows but for the first are read.",
        "All rows except the first are read.",
    ),
    Rule(
        "nothing but",
        pattern(r"\b(nothing|none|no one) (but|except|other than)\b"),
        "Write: only.",
        "It holds nothing but rows.",
        "It holds only rows.",
    ),
    Rule(
        "left the floats",
        pattern(r"\b(leaves?|left) the floats\b"),
        "Write: overflowed.",
        "The squares left the floats.",
        "The squares overflowed.",
    ),
    Rule(
        "beside",
        pattern(r"(?<!by )\bbeside\b"),
        "Write: next to, with, in addition to.",
        "The file beside the table.",
        "The blocks are learned from side by side.",
    ),
    Rule(
        "so many, so much",
        pattern(r"\b[Ss]o (many|much)\b"),
        "Write: that many, or give the number.",
        "It reads so many blocks.",
        "It reads that many blocks.",
    ),
    Rule(
        "anew", pattern(r"\banew\b"), "Write: again.", "It is fitted anew.", "It is fitted again."
    ),
    Rule(
        "told, taught",
        pattern(r"\b(told|tells? of|taught|teach(es)?|lessons?)\b"),
        "Write: says, knows, learned.",
        "The model is told the classes.",
        "The model knows the classes.",
    ),
    Rule(
        "say",
        pattern(r", say(?=[.,;:)]|$| or\b)"),
        "Write: for example, such as.",
        "Give a number, say.",
        "Its scores, one by one, say it.",
    ),
    Rule(
        "apart",
        pattern(r"(?<!far )(?<!\d )\bapart(?! from)\b"),
        "Write: separately.",
        "Give the parts apart.",
        "Give all apart from the first.",
    ),
    Rule(
        "former, latter",
        pattern(r"\b([Tt]he former|[Tt]he latter|respectively)\b"),
        "Repeat the noun.",
        "The latter is read.",
        "A later block is read.",
    ),
    Rule(
        "old words",
        pattern(
            r"\b(hereby|therein|thereby|thereof|whereby|wherein|hence|thus|upon|amongst|whilst"
            r"|albeit|lest|alike|notwithstanding|insofar|heretofore|aforementioned)\b"
        ),
        "Write: so, in it, by it, on, while, although.",
        "The rows are thus read.",
        "So the rows are read.",
    ),
)


def findings(sentence: str, heading: bool = False, docstring: bool = False) -> Iterator[Rule]:
    """Yield the rules that a sentence breaks. A heading may be a question without its mark."""
    for rule in RULES:
        asked = not (heading and rule.name == "What") and (rule.docstrings or not docstring)
        if asked and rule.found(sentence):
            yield rule
