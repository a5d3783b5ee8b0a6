"""Sphinx configuration: ``make docs`` builds the site into docs/_build/html."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))
sys.path.insert(0, str(DOCS / "_ext"))

from perfbench import __version__  # noqa: E402  (the path of the checkout comes first)

project = "perfbench"
author = "the perfbench authors"
project_copyright = "the perfbench authors, MIT licence"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "perfbench_docs"]
exclude_patterns = ["_build", "_generated", "_ext", "notebooks"]
default_role = "literal"
myst_heading_anchors = 4
myst_links_external_new_tab = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "perfbench"
html_static_path = ["_static"]
html_css_files = ["perfbench.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "source_repository": "https://github.com/betfair-perfbench/perfbench/",
    "source_branch": "main",
    "source_directory": "docs/",
    "footer_icons": [],
}

EXTRA = DOCS / "_generated" / "extra"
EXTRA.mkdir(parents=True, exist_ok=True)
html_extra_path = ["llms.txt", str(EXTRA)]
