"""What notebooks and terminals show of numbers: tables, and curves as SVG."""

from bpcore.notebook.curves import curve
from bpcore.notebook.tables import Table

__all__ = ["Table", "curve"]
