"""The handwriting recogniser: ``python -m bpcore``."""
