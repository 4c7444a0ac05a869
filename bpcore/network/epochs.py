"""The one loop over epochs, and what draws between two of them."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore._core.shuffle import shuffle_of
from bpcore._core.training import Diverged, Epoch, Training

__all__ = ["After", "Sampler", "epochs", "follow"]

# What follows an epoch; a true answer ends the fit.
After = Callable[[Epoch], Any]


@dataclass(eq=False, repr=False)
class Sampler:
    """Draws a new order of the examples and the units that dropout leaves out.

    With these attributes a checkpoint holds all that a training draws from.

    Attributes
    ----------
    rng : Generator or RandomState
    order : ndarray of intp or None
        Shuffled in place before every epoch; None where the examples are taken as they lie, or
        the order stays.
    draws_dropout : bool
    """

    rng: Any
    order: np.ndarray | None
    draws_dropout: bool

    @property
    def draws(self) -> bool:
        """Whether anything is drawn between two epochs."""
        return self.order is not None or self.draws_dropout

    def draw(self) -> int:
        """Before an epoch: shuffle the order; returns the seed of its dropout."""
        if self.order is not None:
            self.rng.shuffle(self.order)
        return self.dropout_seed() if self.draws_dropout else 0

    def dropout_seed(self) -> int:
        """What draws the units that an epoch leaves out."""
        if isinstance(self.rng, np.random.RandomState):
            return int(self.rng.randint(2**31 - 1))
        return int(self.rng.integers(2**63))


def epochs(
    training: Training, sampler: Sampler, most: int, patience: Callable[[], Any] | None = None
) -> Generator[Epoch, None, None]:
    """Train for so many epochs, and yield each when it has ended.

    Where `training.epochs` is more than 1 the engine runs several before it comes back, and draws
    their orders itself; those that ended before a signal or a divergence are yielded all the same.
    If one of them is the last that is asked for, the engine need not have gone on to diverge, but
    what a signal has raised is raised when the generator is closed.

    Parameters
    ----------
    training : Training
        Entered.
    sampler : Sampler
    most : int
    patience : callable, optional
        What ``Training.run`` is to be told of the epochs so far: after which one it is to come
        back.
    """
    shuffle = None
    if training.epochs > 1 and not sampler.draws_dropout:
        shuffle = shuffle_of(sampler.rng, sampler.order)
    at_once = training.epochs if shuffle is not None or not sampler.draws else 1
    while most > 0:
        done: list[Epoch] = []
        seed = sampler.draw() if shuffle is None else 0
        limits = None if patience is None else patience()
        try:
            # what is no Training draws no order and counts no patience
            more = () if shuffle is None and limits is None else (shuffle, limits)
            training.run(min(most, at_once), seed, done, *more)
        except Diverged:
            yield from done
            raise
        except BaseException as error:
            try:
                yield from done
            finally:
                raise error
        yield from done
        most -= len(done)


def follow(ended: Generator[Epoch, None, None], after: list[After]) -> bool:
    """Do after every epoch what is to follow it, in this order; whether something ended the fit.

    All that follows an epoch is done, whichever of it says that this was the last.
    """
    with closing(ended):
        for epoch in ended:
            answers = [one(epoch) for one in after]
            if any(answers):
                return True
    return False
