"""How Sphinx builds the site: ``nox -s docs``."""

import sys
from pathlib import Path

import streamlearn

# The extensions of this site, and the tests, which know the public names.
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

project = "streamlearn"
author = "streamlearn developers"
copyright = "streamlearn developers"
version = release = streamlearn.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    # Of this site, in _ext.
    "generated_pages",
    "linked_names",
]
root_doc = "index"
default_role = "literal"
exclude_patterns = [
    "_build",
    "generated",
    "gallery/**/*.ipynb",
    "gallery/**/*.py",
    "gallery/**/*.json",
]
templates_path = ["_templates"]

# Everything that cannot be found is a warning, and `nox -s docs` makes errors of warnings.
nitpicky = False
suppress_warnings = ["config.cache"]  # the gallery keeps a class in its settings

myst_enable_extensions = ["colon_fence", "attrs_inline"]
myst_heading_anchors = 4

autodoc_typehints = "none"  # numpydoc's sections say what a parameter is
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "filename_pattern": "plot_",
    "within_subsection_order": "gallery_order.GalleryOrder",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "doc_module": "streamlearn",
    "backreferences_dir": "reference/backreferences",
}

html_theme = "pydata_sphinx_theme"
html_title = "streamlearn"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "streamlearn"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
# A page without subpages has no sidebar.
html_sidebars = {
    page: [] for page in ("index", "install", "quickstart", "troubleshooting", "changelog")
}
