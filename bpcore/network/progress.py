"""What a fit says while it runs: never a reason for it to end."""

import sys
from typing import Any

from bpcore.history import History

__all__ = ["line", "say"]

_WIDTH = 24


def say(text: str, stream: Any, end: str = "\n") -> None:
    """Print to a stream, as well as it can; nothing where it cannot.

    A terminal without a letter gets a question mark. A stream may be None (no console), closed, a
    pipe that nobody reads, a full disk, or an object of somebody's own.
    """
    if stream is None:
        return
    try:
        try:
            print(text, file=stream, end=end, flush=True)
        except UnicodeError:
            encoding = getattr(stream, "encoding", None) or "ascii"
            plain = text.encode(encoding, errors="replace").decode(encoding)
            print(plain, file=stream, end=end, flush=True)
    except Exception:  # of whatever stands in for a stream; Ctrl-C is none
        return


def line(history: History, epochs: int) -> str:
    """Epoch, bar, cost and validation of the last epoch, each in its column."""
    done = history.epochs
    block = "█" if _shows_blocks(sys.stderr) else "#"
    bar = block * (_WIDTH * done // epochs)
    cost = f"{history.cost[-1]:<11.6g}"
    text = f"\repoch {done:>{len(str(epochs))}}/{epochs} |{bar:<{_WIDTH}}| cost {cost}"
    if history.validation_cost:
        text += (
            f"  validation cost {history.validation_cost[-1]:<11.6g}"
            f"  score {history.validation_score[-1]:.4f}"
        )
    return text + "  "


def _shows_blocks(stream: Any) -> bool:
    try:
        "█".encode(getattr(stream, "encoding", None) or "ascii")
    except (LookupError, TypeError, UnicodeError):
        return False
    return True
