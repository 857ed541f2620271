"""How Sphinx builds the site: ``sphinx-build -n -W --keep-going docs docs/_build/html``, with no network."""

import re
import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from inventories import write_inventories  # noqa: E402 - the line above says where

import kdref  # noqa: E402 - the same


def classes_of_the_reference() -> dict[str, str]:
    """Every class that the reference describes, by the short name that docstrings use for a type."""
    links = {}
    for page in sorted((HERE / "reference").glob("*.md")):
        module = ""
        for directive, name in re.findall(
            r"^\.\. (currentmodule|autoclass):: (\S+)$",
            page.read_text(encoding="utf-8"),
            flags=re.MULTILINE,
        ):
            if directive == "currentmodule":
                module = name
            else:
                links[name] = f":class:`~{module}.{name}`"
    return links


project = "kdref"
author = "kdref developers"
copyright = "2026, kdref developers"
version = release = kdref.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
nitpicky = True
add_function_parentheses = False
default_role = (
    "py:obj"  # `softmax` in a docstring is a link, and a warning where there is no such thing
)

html_theme = "furo"
html_title = "kdref"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["kdref.css"]
html_copy_source = False
# One file, no fonts, no network: npm's mathjax 3.2.2, es5/tex-svg-full.js. Version 4 asks a CDN for its fonts.
mathjax_path = "vendor/tex-svg-full.js"

# The notebooks show the outputs that are committed; tests/test_notebooks.py runs them and compares.
nb_execution_mode = "off"
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = (
    "none"  # numpydoc's types are for people; ArrayLike would expand to NumPy's private names
)
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_aliases = {
    "array_like": ":term:`array_like <numpy:array_like>`",
    "ndarray": ":class:`numpy.ndarray`",
    "mapping": ":term:`mapping <python:mapping>`",
    "matplotlib.axes.Axes": ":class:`matplotlib.axes.Axes`",
    "matplotlib.figure.Figure": ":class:`matplotlib.figure.Figure`",
    "numpy.random.Generator": ":class:`numpy.random.Generator`",
    **classes_of_the_reference(),
}
numpydoc_xref_ignore = "all"  # words between the types: shape, of, default
numpydoc_validation_checks = {
    "all",  # but not:
    *("EX01", "SA01", "ES01"),  # examples, links and a longer text where there is something to say
    *("GL01", "SS05"),  # text begins beside the quotes; a summary names a quantity
    *("GL08", "RT03"),  # ruff's D sees to the first; shapes need no sentence
    "PR08",  # a description may begin with a formula or a name
    "SA03",  # what stands behind a link goes on in small letters
}
numpydoc_validation_overrides = {
    "PR01": [r"\nAttributes\n-+\n"],  # a dataclass describes its fields
    "PR04": [r"\n\s+See `"],  # a gradient takes what its loss takes
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_line_continuation_character = "\\"
copybutton_prompt_is_regexp = True

intersphinx_mapping = write_inventories(HERE / "_build" / "inventories")

# Sphinx reads only what is below docs/; the copy is not committed.
shutil.copytree(
    HERE.parent / "notebooks",
    HERE / "notebooks",
    ignore=shutil.ignore_patterns(".*"),
    dirs_exist_ok=True,
)


def setup(app: Sphinx) -> None:
    """Load MathJax on every page: one without formulas has them in its list of the others' titles."""
    app.set_html_assets_policy("always")
