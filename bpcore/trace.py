"""``Trace``, under the name that it has always been imported by."""

from bpcore.network.trace import Trace as Trace
