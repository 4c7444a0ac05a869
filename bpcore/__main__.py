"""``python -m bpcore``: the handwriting recogniser."""

from bpcore.recogniser.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
