"""How the learning rate η goes from update to update."""

from libc.math cimport M_PI, cos, exp2, log2, pow

SCHEDULES = {"constant": CONSTANT, "cosine": COSINE, "step": STEP, "one_cycle": ONE_CYCLE,
             "coslog": COSLOG}

# What each takes beside "warmup": the numbers that have to be given, and those with defaults.
_NEEDED = {"constant": (), "cosine": ("total",), "step": ("every",), "one_cycle": ("total",),
           "coslog": ("total",)}
_OPTIONAL = {"constant": {}, "cosine": {"final": 0.0}, "step": {"factor": 0.1},
             "one_cycle": {"final": 1e-4}, "coslog": {"cycles": 4.0}}


def checked(schedule):
    """A schedule as a dict with every number that its kind takes.

    Parameters
    ----------
    schedule : None, str or dict
        As ``Optimizer`` takes it.

    Raises
    ------
    ValueError
        If there is no such kind, or a number is unknown, missing or out of its range.
    """
    if schedule is None or isinstance(schedule, str):
        schedule = {"kind": schedule or "constant"}
    schedule = dict(schedule)
    kind = schedule.pop("kind", None)
    if kind not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {kind!r}")
    needed, optional = _NEEDED[kind], _OPTIONAL[kind]
    numbers = {"warmup": 0.0, **optional, **schedule}
    unknown = set(numbers) - {"warmup", *optional, *needed}
    missing = set(needed) - set(numbers)
    if unknown or missing:
        raise ValueError(
            f"the schedule {kind!r} takes {', '.join([*needed, 'warmup', *optional])}"
            + (f"; unknown: {', '.join(sorted(unknown))}" if unknown else "")
            + (f"; missing: {', '.join(sorted(missing))}" if missing else ""))
    for key, number in numbers.items():
        if not 0 <= number < float("inf") or (key in ("total", "every") and number < 1):
            raise ValueError(f"schedule: {key} is out of its range, got {number!r}")
    return {"kind": kind, **numbers}


cdef Schedule make_schedule(dict settings):
    """What `checked` returns, for kernels."""
    cdef Schedule schedule
    schedule.kind = SCHEDULES[settings["kind"]]
    schedule.warmup = settings["warmup"]
    schedule.total = settings.get("total", 0.0)
    schedule.every = settings.get("every", 0.0)
    schedule.factor = settings.get("factor", 1.0)
    schedule.final = settings.get("final", 0.0)
    schedule.cycles = settings.get("cycles", 0.0)
    return schedule


cdef Py_ssize_t last_update(const Schedule* schedule) noexcept nogil:
    """The update after which η stays next to zero; -1 where it never does."""
    if schedule.kind in (COSINE, ONE_CYCLE, COSLOG) and schedule.final < 0.01:
        return <Py_ssize_t>max(schedule.total, schedule.warmup + 1)
    return -1


cdef double rate_at(const Schedule* schedule, double eta, Py_ssize_t t) noexcept nogil:
    """η of update t ≥ 1, counted from the first."""
    cdef double done = t - 1
    cdef double share
    if done < schedule.warmup:
        return eta * (done + 1) / (schedule.warmup + 1)
    done -= schedule.warmup
    if schedule.kind == STEP:
        return eta * pow(schedule.factor, <double>(<long long>(done / schedule.every)))
    if schedule.kind == COSINE:
        # Loshchilov and Hutter 2017, equation 5
        share = min(done / max(schedule.total - schedule.warmup, 1.0), 1.0)
        return eta * (schedule.final + (1 - schedule.final) * 0.5 * (1 + cos(M_PI * share)))
    if schedule.kind == COSLOG:
        # cycles that grow longer, each from 0 to η and back (Holzmüller et al. 2024, section 3)
        share = min((done + 0.5) / max(schedule.total - schedule.warmup, 1.0), 1.0)
        return eta * 0.5 * (1 - cos(2 * M_PI * log2(1 + (exp2(schedule.cycles) - 1) * share)))
    if schedule.kind == ONE_CYCLE:
        # up over the first 30 % of the run, from η / 25, then down (Smith 2018)
        share = min(done / max(schedule.total - schedule.warmup, 1.0), 1.0)
        if share < 0.3:
            return eta * (0.04 + 0.96 * 0.5 * (1 - cos(M_PI * share / 0.3)))
        share = (share - 0.3) / 0.7
        return eta * (schedule.final + (1 - schedule.final) * 0.5 * (1 + cos(M_PI * share)))
    return eta
