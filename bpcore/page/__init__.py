"""A trace as a page that a browser opens: one file, to step through and to touch.

The page's own sources are in ``static/``: HTML, CSS and ES modules, which ``bundle`` puts into one
file with what ``content`` tells of the trace.
"""

from bpcore.page.content import content_of
from bpcore.page.file import write

__all__ = ["content_of", "write"]
