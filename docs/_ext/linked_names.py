"""Link inline code that is a name to its page: `SGDClassifier`, `~sklearn.base.clone`."""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

from tests.public import names_by_module

THEIRS = "https://scikit-learn.org/stable/modules/generated/{}.html"
CALL = re.compile(r"([A-Za-z_~][\w.]*)(\(.*\))?", re.DOTALL)
# Common words that are also names of functions.
WORDS = {"compute", "load", "save"}


def targets() -> dict[str, str]:
    """Return the full name of each name that stands for one thing only."""
    found: dict[str, set[str]] = {}
    for module, names in names_by_module().items():
        for name in names:
            full = f"{module}.{name}"
            parts = full.split(".")
            for start in range(len(parts)):
                found.setdefault(".".join(parts[start:]), set()).add(full)
    return {short: next(iter(full)) for short, full in found.items() if len(full) == 1}


class LinkNames(SphinxPostTransform):
    """Replace a literal by a link if it names something public, with or without arguments."""

    default_priority = 5

    def run(self) -> None:
        """Go through the inline code of one page."""
        objects = self.env.get_domain("py").objects
        known = self.app.linked_names
        for literal in list(self.document.findall(nodes.literal)):
            match = CALL.fullmatch(literal.astext())
            if match is None or isinstance(literal.parent, nodes.reference):
                continue
            if match[1].startswith("~sklearn."):
                # A tilde asks for the last part of the name, as in roles of Sphinx.
                shown = nodes.literal(text=literal.astext().rpartition(".")[2])
                uri = THEIRS.format(match[1][1:])
                literal.replace_self(nodes.reference("", "", shown, refuri=uri, internal=False))
                continue
            full = known.get(match[1])
            if full is None or match[1] in WORDS or full not in objects:
                continue
            page = objects[full].docname
            if page == self.env.docname:
                continue
            link = make_refnode(
                self.app.builder, self.env.docname, page, full, literal.deepcopy(), full
            )
            literal.replace_self(link)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.linked_names = targets()
    app.add_post_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
