"""How Sphinx builds this site: `make docs`, from the installed wheel, without a network."""

import importlib.util
import os
import re
import sys
import warnings
from pathlib import Path

import bpcore

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # gallery_order

project = "bpcore"
author = "bpcore developers"
copyright = author
version = release = bpcore.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "myst_nb",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["gallery/*.ipynb", "gallery/*.py"]

# ---------------------------------------------------------------- the pages

html_theme = "furo"
html_title = f"bpcore {release}"
html_theme_options = {
    "navigation_with_keys": True,
    # 100 columns of code in the width of the text
    "light_css_variables": {"code-font-size": "0.75rem"},
}
html_copy_source = False
html_show_sourcelink = False
pygments_style = "default"
smartquotes = False

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist", "attrs_inline"]
myst_heading_anchors = 3

# MathJax from a package beside Sphinx: formulas show without a network. This file has the fonts.
_mathjax = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
html_static_path = [str(_mathjax / "static" / "mathjax" / "tex-svg.js"), "style.css"]
html_css_files = ["style.css"]
mathjax_path = "tex-svg.js"

# ---------------------------------------------------------------- what is executed

# Every page of code cells runs when the site is built, and an error fails the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_output_stderr = "warn"  # so does a word on stderr
warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")

# The pages' interpreters take no profile of the user's, and report errors only: they would warn
# that they are spoken to over TCP, which is this machine's own.
_ipython = HERE.parent / "build" / "docs" / "ipython"
_profile = _ipython / "profile_default" / "ipython_kernel_config.py"
_profile.parent.mkdir(parents=True, exist_ok=True)
_profile.write_text("c.IPKernelApp.log_level = 40\n", encoding="utf-8")
os.environ["IPYTHONDIR"] = str(_ipython)

sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"\.py$",
    "ignore_pattern": "side_by_side",  # it measures: see performance
    "within_subsection_order": "gallery_order.Order",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "show_memory": False,
    "min_reported_time": 1e6,
    "matplotlib_animations": (True, "jshtml"),
    "thumbnail_size": (400, 280),
    "remove_config_comments": True,
    "reference_url": {"bpcore": None},
    # explanations and films; not the text that set_title happens to return
    "capture_repr": ("_repr_html_",),
}

# The pages that the gallery's script writes are part of the site, and run in docs/page.md.
_site = HERE.parent / "build" / "docs" / "site"
(_site / "pages").mkdir(parents=True, exist_ok=True)
html_extra_path = [str(_site)]
os.environ["BPCORE_PAGES"] = str(_site / "pages")
if not (_site / "pages" / "digits.html").exists():  # the gallery must not pass its script by
    (HERE / "gallery" / "backward_pass_page.py.md5").unlink(missing_ok=True)

# ---------------------------------------------------------------- the docstrings

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_class_signature = "mixed"
numpydoc_show_class_members = False


def plain_words(app, what, name, obj, options, lines):
    """Keep reStructuredText from reading |w| and coefs_ in docstrings as references."""
    # what Cython says of an attribute's C type
    lines[:] = [line for line in lines if not re.fullmatch(r"\s*\w+: '\w+'", line)]
    in_code = False
    for i, line in enumerate(lines):
        in_code = line.lstrip().startswith((">>>", "...")) or (in_code and bool(line.strip()))
        if not in_code and not line.lstrip().startswith(".. "):
            parts = re.split("(``.*?``)", line)
            parts[::2] = [re.sub(r"(?<!\\)\||(?<=\w)_(?!\w)", r"\\\g<0>", p) for p in parts[::2]]
            lines[i] = "".join(parts)


def without_self(app, what, name, obj, options, signature, returns):
    """Show the methods of compiled classes as those of others are."""
    if signature and signature.startswith("(self"):
        return re.sub(r"^\(self(?:, )?", "(", signature), returns
    return None


def offline(app, docname, source):
    """Leave out the font that matplotlib's film would fetch; style.css has its buttons."""
    source[0] = re.sub(r'<link rel="stylesheet"\s+href="https:[^>]*>', "", source[0])


def units(app, docname, source):
    """Keep numbers and their units on one line in the narrow columns of the performance tables."""
    if docname == "performance":
        source[0] = re.sub(r"(?<=\d) (?=(?:[nµm]?s|×|[kM]?B)\b|×)", "\N{NO-BREAK SPACE}", source[0])


def setup(app):
    """Called by Sphinx; the docstrings have been through numpydoc by then."""
    app.connect("autodoc-process-docstring", plain_words, priority=900)
    app.connect("autodoc-process-signature", without_self, priority=400)
    app.connect("source-read", offline)
    app.connect("source-read", units)
