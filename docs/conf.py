"""How Sphinx makes the site: all pages that readers need, at their places in the repository.

``make docs`` writes it to ``build/site``. Links between files of the repository stay as they are on
a forge: a page leads to a page, another file is copied, a folder is named and leads nowhere.
"""

from __future__ import annotations

from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref

ROOT = Path(__file__).parents[1]

project = "parsekit"
author = project_copyright = "The parsekit authors"
version = release = version_of("parsekit")
root_doc = "docs/index"
include_patterns = [
    *("docs/*.md", "docs/reference/*.md", "bench/README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("plugins/*/README.md", "plugins/*/CHANGELOG.md", "plugins/*/docs/*.md"),
]
exclude_patterns = [".cache", ".venv", "build", "**/node_modules"]

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = "parsekit"
html_show_sphinx = False
html_copy_source = False
html_extra_path = ["site"]
html_theme_options = {"top_of_page_buttons": []}


def _name_folders(app: Any, doctree: nodes.document) -> None:
    """A folder of the repository is no page: its name stands where the link was."""
    page = ROOT / app.env.docname
    for link in list(doctree.findall(pending_xref)):
        if link["reftarget"] and (page.parent / link["reftarget"]).is_dir():
            link.replace_self(link.children)


def _open_to_keyboards(app: Any, page: str, template: str, context: dict[str, Any], _: Any) -> None:  # noqa: ARG001
    """What is wider than the window is reached by keys; the captions beside a page have a level."""
    for name, old, new in (
        ("body", "<pre>", '<pre tabindex="0">'),
        ("body", '<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
        ("furo_navigation_tree", 'role="heading"', 'role="heading" aria-level="2"'),
    ):
        context[name] = context.get(name, "").replace(old, new)


def setup(app: Any) -> None:
    """Sphinx calls this once, before it reads the pages."""
    app.connect("doctree-read", _name_folders)
    app.connect("html-page-context", _open_to_keyboards, priority=900)  # after the theme's own
