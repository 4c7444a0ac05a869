"""What a fit asks of Dask: tasks, their results, and that nothing is left of them.

All of it are Dask's own tasks, so that Dask moves what they need, and repeats them where a worker
is lost. Added are only two things that Dask leaves to its users: that a wait ends where there is
nobody left to wait for, and that a fit takes back what it has asked for.
"""

import asyncio
import itertools
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any, Self

import dask
import distributed
from distributed.comm import CommClosedError

__all__ = ["Cluster", "client_of"]

# Seconds between two looks at whether there are workers, while nothing comes.
_LOOK = 1.0
# Bytes of our messages that Dask may keep.
_MOST_KEPT = 2**23


def client_of(client: Any) -> distributed.Client:
    """The client that was given, or the current one.

    Raises
    ------
    ValueError
        If there is none, or one that is closed or asynchronous.
    """
    if client is None:
        try:
            client = distributed.default_client()
        except ValueError:
            raise ValueError(
                "there is no Dask client: make one, client = distributed.Client(…), of a "
                "distributed.LocalCluster() for instance, or give client="
            ) from None
    if client.asynchronous:
        raise ValueError(
            "the client is asynchronous, but fit and score wait for their results: give one that "
            "was made with asynchronous=False"
        )
    if client.status != "running":
        raise ValueError(f"the client is {client.status}: give one that is connected")
    return client


class Cluster:
    """The workers, for the time of one fit or score: what is asked within is cancelled at its end.

    Parameters
    ----------
    client : distributed.Client
    timeout : float
        Seconds to wait for a worker where there is none, and for an answer of the scheduler.
    """

    def __init__(self, client: distributed.Client, timeout: float) -> None:
        self.client = client
        self.timeout = timeout
        self._asked: set[distributed.Future] = set()
        self._lonely_since: float | None = None
        # workers that tasks are meant for
        self._bound: set[str] = set()
        # bytes of messages since they were last forgotten
        self._sent = 0
        # no two fits ask for the same
        self._name = uuid.uuid4().hex
        self._number = itertools.count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        asked, self._asked = list(self._asked), set()
        # it may be the scheduler that is gone
        with suppress(OSError, RuntimeError, CommClosedError):
            if self.client.status == "running":
                self.client.cancel(asked, force=True)
                self._forget_messages()
        for future in asked:
            future.release()

    # ------------------------------------------------------------ tasks

    def submit(self, what: str, function: Any, *arguments: Any, where: Any = None) -> Any:
        """One task, for a worker if that is named; what: its kind, for dashboards."""
        with _of_any_size():
            return self.keep(
                self.client.submit(
                    function, *arguments, key=self._key(what), pure=False, **self._place(where)
                )
            )

    def map(self, what: str, function: Any, *arguments: Sequence[Any]) -> list[Any]:
        """A task for each of the arguments, all in one message.

        A client sends its messages 10 ms apart at least, so that the tasks of another one would
        begin that much later.
        """
        keys = [self._key(what) for _ in arguments[0]]
        with _of_any_size():
            futures = self.client.map(function, *arguments, key=keys, pure=False)
        return [self.keep(future) for future in futures]

    def _key(self, what: str) -> str:
        return f"bpcore-{what}-{self._name}-{next(self._number)}"

    def compute(self, delayed: Sequence[Any], where: Any = None) -> list[Any]:
        """The futures of delayed values."""
        with _of_any_size():
            futures = self.client.compute(list(delayed), **self._place(where))
        return [self.keep(future) for future in futures]

    def _place(self, where: Any) -> dict[str, Any]:
        if where is None:
            return {}
        self._bound.add(where)
        return {"workers": [where], "allow_other_workers": True}

    def unbind(self, futures: list[Any]) -> None:
        """Once they are there, let their tasks be repeated by any worker.

        Dask would not do so where all that were named are gone, other workers or not
        (``allow_other_workers`` counts at the time of submission).
        """
        if self._bound:
            self.client.run_on_scheduler(_unbind, [future.key for future in futures])
            self._bound.clear()

    def forget_messages(self, n_bytes: int) -> None:
        """So many bytes more were sent: once they are many, let Dask forget them.

        Client and scheduler keep the last thousand messages below a megabyte for a diagnosis, which
        θ would make a gigabyte of. Those of others are left there.
        """
        self._sent += n_bytes
        if self._sent >= _MOST_KEPT:
            self._forget_messages()

    def _forget_messages(self) -> None:
        if self._sent:
            self._sent = 0
            # in the thread that writes them
            self.client.loop.add_callback(_forget, [self.client.scheduler_comm])
            self.client.run_on_scheduler(_forget_ours)

    def keep(self, future: Any) -> Any:
        """A future, to be cancelled at the end."""
        self._asked.add(future)
        return future

    def drop(self, futures: Iterable[Any]) -> None:
        """Let go of futures that nobody needs any more."""
        for future in futures:
            self._asked.discard(future)
            future.release()

    # ------------------------------------------------------------ results

    def results(self, futures: list[Any]) -> list[Any]:
        """What the tasks return, in their order.

        Raises
        ------
        Exception
            The first that a task has raised.
        TimeoutError
            If there has been no worker for ``timeout`` seconds.
        ConnectionError
            If the scheduler is gone, or has dropped what it was asked.
        """
        with _connected():
            self._wait(futures)
            found: list[Any] = self.client.sync(self._gathered, futures)
        return found

    def settle(self, futures: list[Any]) -> bool:
        """Wait until they are there, then ``unbind`` them.

        Returns False where all workers that were to have them are gone.
        """
        try:
            with _connected():
                self._wait(futures)
                self.unbind(futures)
        except _Lost:
            self._bound.clear()
            return False
        return True

    def _wait(self, futures: list[Any]) -> None:
        """Until all are done, or one has failed, or there is nobody to wait for."""
        with self.client.as_current():
            while True:
                try:
                    distributed.wait(futures, timeout=_LOOK)
                    break
                except TimeoutError:
                    self._look()
                if any(future.status == "error" for future in futures):
                    break
        self._lonely_since = None

    async def _gathered(self, futures: list[Any]) -> list[Any]:
        """The results; whose worker may be lost by now, so that they are made anew."""
        gathering = asyncio.ensure_future(self.client.gather(futures, asynchronous=True))
        try:
            while True:
                done, _ = await asyncio.wait({gathering}, timeout=_LOOK)
                if done:
                    found: list[Any] = gathering.result()
                    return found
                await self._looked()
        finally:
            gathering.cancel()

    def _look(self) -> None:
        self.client.sync(self._looked)

    async def _looked(self) -> None:
        """Whether there is anybody to wait for."""
        try:
            there = await asyncio.wait_for(self.client.scheduler.ncores(), self.timeout)
        except (TimeoutError, OSError) as error:
            raise ConnectionError(
                f"the scheduler has not answered for {self.timeout:g} seconds (timeout)"
            ) from error
        now = time.monotonic()
        if there:
            self._lonely_since = None
            if self._bound and self._bound.isdisjoint(there):
                raise _Lost(
                    "every worker that was to load or to take over partitions is gone; there are "
                    "others: fit again, or resume from the last checkpoint"
                )
        elif self._lonely_since is None:
            self._lonely_since = now
        elif now - self._lonely_since + _LOOK > self.timeout:
            raise TimeoutError(
                f"there has been no worker for {self.timeout:g} seconds (timeout): see why they "
                "ended (distributed's log; often memory), and resume from the last checkpoint"
            )

    # ------------------------------------------------------------ workers

    def workers(self) -> dict[str, int]:
        """The threads of each worker, by address; waits for the first one."""
        with _connected():
            try:
                self.client.wait_for_workers(1, timeout=self.timeout)
            except TimeoutError:
                raise TimeoutError(
                    f"there has been no worker for {self.timeout:g} seconds (timeout): start some, "
                    "cluster.scale(2) for instance"
                ) from None
            return dict(sorted(self.client.nthreads().items()))

    def memory_limits(self) -> dict[str, int]:
        """The bytes that each worker may hold, by address; 0 where there is no limit."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        return {address: one.get("memory_limit") or 0 for address, one in workers.items()}


def _of_any_size() -> Any:
    """Within: θ may go with a task, a large one is no mistake."""
    return dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"})


class _Lost(ConnectionError):
    """All workers that tasks were meant for are gone."""


@contextmanager
def _connected() -> Iterator[None]:
    """Within: a scheduler that is gone is an error that says so."""
    try:
        yield
    except (CancelledError, CommClosedError) as error:
        raise ConnectionError(
            f"the scheduler is gone, or has dropped the tasks of this fit ({error}): see its log, "
            "and resume from the last checkpoint on a cluster that runs"
        ) from error


def _unbind(keys: list[Any], dask_scheduler: Any = None) -> None:
    """On the scheduler: of these tasks, and those that they need, forget who was to do them."""
    known = dask_scheduler.tasks
    left = [known[key] for key in keys if key in known]
    seen = set(left)
    while left:
        task = left.pop()
        if task.loose_restrictions:
            task.worker_restrictions, task.loose_restrictions = None, False
        more = set(task.dependencies) - seen
        seen |= more
        left += more


def _forget_ours(dask_scheduler: Any = None) -> None:
    """On the scheduler: forget what was sent to workers."""
    _forget(dask_scheduler.stream_comms.values())


def _forget(streams: Iterable[Any]) -> None:
    """Take our messages out of what streams keep, which is no part of Dask's interface."""
    for stream in streams:
        log = getattr(stream, "recent_message_log", None)
        if log is None:
            continue
        others = [message for message in log if not _is_ours(message)]
        log.clear()
        log.extend(others)


def _is_ours(message: Any) -> bool:
    """Whether a message asks for our tasks: some of a client, one of a scheduler."""
    parts = [part for part in message if isinstance(part, dict)]
    keys = [key for part in parts for key in (part.get("key"), *part.get("keys", ()))]
    return any(str(key).startswith("bpcore-") for key in keys)
