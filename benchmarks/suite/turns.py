"""The clock: everyone in turns, several rounds, best and median."""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

# Between turns, for the threads of the last one to fall asleep.
PAUSE = 0.05
# Most samples of one turn.
MOST = 1000

# repeats -> seconds of each of them
Player = Callable[[int], list[float]]


class Lap:
    """What one player's turns gave."""

    def __init__(self) -> None:
        self.turns: list[list[float]] = []

    def as_dict(self) -> dict:
        samples = [sample for turn in self.turns for sample in turn]
        return {
            "best": min(samples),
            "median": median(samples),
            "turns": [[min(turn), median(turn), len(turn)] for turn in self.turns],
        }


def in_turns(
    players: dict[str, Player], rounds: int, seconds: float, pause: float = PAUSE
) -> dict[str, dict]:
    """Let each player play about `seconds` a turn; who begins moves on from round to round."""
    repeats = {}
    for name, player in players.items():
        length = _length(player)  # compiles, allocates, fills the caches
        if length < 1:
            length = _length(player)
        repeats[name] = int(min(MOST, max(1, seconds / length)))
    laps = {name: Lap() for name in players}
    names = list(players)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            time.sleep(pause)
            laps[name].turns.append(players[name](repeats[name]))
    return {name: lap.as_dict() for name, lap in laps.items()}


def _length(player: Player) -> float:
    start = time.perf_counter()
    player(1)
    return max(time.perf_counter() - start, 1e-9)


def epochs_of(trainer) -> tuple[Player, list[float]]:
    """A player that trains epochs, and the list of what starting each fit took on top.

    An epoch is timed from the end of the one before it to its own end, so that what a library
    does once a fit (checks, conversions) is not in it; that is kept apart.
    """
    starts: list[float] = []

    def play(repeats: int) -> list[float]:
        stamps = [time.perf_counter()]
        trainer.run(repeats + 1, lambda: stamps.append(time.perf_counter()))
        if len(stamps) != repeats + 2:
            raise RuntimeError(f"{len(stamps) - 1} epochs were seen, {repeats + 1} asked for")
        first, *rest = np.diff(stamps).tolist()
        starts.append(max(0.0, first - median(rest)))
        return rest

    return play, starts


def blocks_of(run: Callable[[int], None], size: int) -> Player:
    """A player whose sample is the mean of `size` repetitions inside one call of `run`."""

    def play(repeats: int) -> list[float]:
        samples = []
        for _ in range(repeats):
            start = time.perf_counter()
            run(size)
            samples.append((time.perf_counter() - start) / size)
        return samples

    return play


def calls_of(call: Callable[[], object], size: int) -> Player:
    """A player that makes `size` calls a sample, in a loop of Python."""

    def run(size: int) -> None:
        for _ in range(size):
            call()

    return blocks_of(run, size)


def size_of_block(call: Callable[[], object], seconds: float = 2e-3) -> int:
    """How many calls make a sample long enough for the clock."""
    call()
    start = time.perf_counter()
    call()
    return max(1, min(1000, int(seconds / max(time.perf_counter() - start, 1e-7))))


def products_of(dtype: str, size: int = 1024) -> tuple[Player, float]:
    """The machine's limit: NumPy's product of two square matrices, and its FLOPs."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size)).astype(dtype) for _ in range(2))
    out = np.empty((size, size), dtype)
    return calls_of(lambda: np.matmul(a, b, out=out), 1), 2.0 * size**3
