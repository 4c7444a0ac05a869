"""θ ← θ - η ∇C and its relatives, on flat vectors.

An optimizer never sees a layer: penalties and weight decay, which spare the biases, are
added before it is called.  A new optimizer gets a number here, a loop in optimizer_loops.h and a
line in ``OPTIMIZERS``.
"""

import sys
import warnings
from copyreg import __newobj__

import numpy as np

from libc.math cimport pow, sqrt

from bpcore._core.memory import zeros
from bpcore._core.schedules import checked as checked_schedule

from bpcore._core.schedules cimport last_update, make_schedule, rate_at
from bpcore._core.types cimport real_t
from bpcore.kernels.optimizers cimport adam, nadam, rmsprop, sgd, sgd_momentum

cdef enum OptimizerKind:
    SGD = 0
    ADAM
    RMSPROP
    ADAGRAD
    NADAM
    IRPROP_MINUS


# name: (number, how many slots of n_parameters numbers it keeps)
OPTIMIZERS = {
    "sgd": (SGD, 1),
    "adam": (ADAM, 2),
    "rmsprop": (RMSPROP, 1),
    "adagrad": (ADAGRAD, 1),
    "nadam": (NADAM, 2),
    "irprop-": (IRPROP_MINUS, 2),
}

# iRprop-: growth and shrinkage of a step, and its bounds (Igel and Hüsken 2003, section 2)
cdef double GROWTH = 1.2
cdef double SHRINKAGE = 0.5
cdef double MIN_STEP = 1e-6
cdef double MAX_STEP = 50.0
# NAdam: how fast its momentum reaches beta_1 (Dozat 2016)
cdef double MOMENTUM_DECAY = 0.004


cdef void _irprop_minus(Py_ssize_t n, real_t first_step, bint first, real_t* theta,
                        const real_t* g, real_t* step, real_t* previous) noexcept nogil:
    """Each parameter has a step of its own, grown while the sign of its gradient stays and
    shrunk when it turns; after a turn the gradient counts as 0 once."""
    cdef Py_ssize_t i
    cdef real_t g_i, agreement
    for i in range(n):
        g_i = g[i]
        if first:
            step[i] = first_step
            previous[i] = 0
        agreement = g_i * previous[i]
        if agreement > 0:
            step[i] = min(<real_t>(step[i] * GROWTH), <real_t>MAX_STEP)
        elif agreement < 0:
            step[i] = max(<real_t>(step[i] * SHRINKAGE), <real_t>MIN_STEP)
            g_i = 0
        if g_i > 0:
            theta[i] -= step[i]
        elif g_i < 0:
            theta[i] += step[i]
        elif g_i != 0:      # NaN is not to be hidden by a sign
            theta[i] = g_i
        previous[i] = g_i


cdef UpdateCoefficients next_coefficients(Optimizer o, Py_ssize_t t,
                                          double mu_product) noexcept nogil:
    """The numbers of update t ≥ 1; mu_product: Π μ of the updates before it (nadam)."""
    cdef UpdateCoefficients step
    cdef double mu, mu_next
    cdef double eta = rate_at(&o.rate_schedule, o.learning_rate, t)
    step.t = t
    step.eta = eta
    step.mu_product = mu_product
    step.gradient_factor = step.mean_factor = 0.0
    step.correction = 1.0
    if o.kind == ADAM:
        # both bias corrections in one factor of the rate (Kingma and Ba 2015, section 2)
        step.mean_factor = eta * sqrt(1.0 - pow(o.beta_2, t)) / (1.0 - pow(o.beta_1, t))
    elif o.kind == NADAM:
        # the momentum of update t is μ_t = β₁ (1 - ½ 0.96^(ψ t)); Dozat 2016, section 3
        mu = o.beta_1 * (1.0 - 0.5 * pow(0.96, t * MOMENTUM_DECAY))
        mu_next = o.beta_1 * (1.0 - 0.5 * pow(0.96, (t + 1) * MOMENTUM_DECAY))
        step.mu_product *= mu
        step.gradient_factor = eta * (1.0 - mu) / (1.0 - step.mu_product)
        step.mean_factor = eta * mu_next / (1.0 - step.mu_product * mu_next)
        step.correction = 1.0 - pow(o.beta_2, t)
    return step


cdef UpdateCoefficients at_rate(const UpdateCoefficients* step, double factor) noexcept nogil:
    """The same update with η times `factor`."""
    cdef UpdateCoefficients scaled = step[0]
    scaled.eta *= factor
    scaled.gradient_factor *= factor
    scaled.mean_factor *= factor
    return scaled


cdef void update_range(Optimizer o, const UpdateCoefficients* step, Py_ssize_t start,
                       Py_ssize_t n, real_t* theta, const real_t* gradient) noexcept nogil:
    """One step for the parameters start : start + n.

    theta: all of them; gradient: (n,), those only.  Parts may be updated in any order, by
    several threads.
    """
    update(o, step, n, theta + start, gradient, offset(<real_t*>o.slot_1, start),
           offset(<real_t*>o.slot_2, start))


cdef void update(Optimizer o, const UpdateCoefficients* step, Py_ssize_t n, real_t* x,
                 const real_t* gradient, real_t* m, real_t* v) noexcept nogil:
    """One step for n parameters x, given their own part of the gradient and of the slots.

    Zeros whose gradient is zero stay zeros.
    """
    if o.kind == SGD and o.momentum == 0:
        sgd(n, step.eta, x, gradient)
    elif o.kind == SGD:
        sgd_momentum(n, step.eta, o.momentum, o.nesterov, x, gradient, m)
    elif o.kind == ADAM:
        adam(n, step.mean_factor, o.beta_1, o.beta_2, o.epsilon, x, gradient, m, v)
    elif o.kind == RMSPROP:
        rmsprop(n, step.eta, o.beta_2, 1 - o.beta_2, o.epsilon, x, gradient, m)
    elif o.kind == ADAGRAD:
        rmsprop(n, step.eta, 1, 1, o.epsilon, x, gradient, m)
    elif o.kind == NADAM:
        nadam(n, step.gradient_factor, step.mean_factor, o.beta_1, o.beta_2, step.correction,
              o.epsilon, x, gradient, m, v)
    else:
        _irprop_minus(n, <real_t>step.eta, step.t == 1, x, gradient, m, v)


cdef bint is_plain_sgd(Optimizer o) noexcept nogil:
    """Whether a step is -η ∇C and nothing else."""
    return o.kind == SGD and o.momentum == 0


def level_of_the_caller():
    """The stacklevel of a warning that names the user's own line."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None \
            and frame.f_globals.get("__name__", "").partition(".")[0] in ("bpcore", "sklearn"):
        level, frame = level + 1, frame.f_back
    return level


cdef class Optimizer:
    """The rule that turns a gradient into a step, and what it remembers.

    Parameters
    ----------
    name : {"sgd", "adam", "rmsprop", "adagrad", "nadam", "irprop-"}
    n_parameters : int or None, default=None
        Length of θ; None: that of the first θ that it is bound to.
    dtype : {"float32", "float64"}, default="float32"
        Type of θ and of the slots, where n_parameters is told.
    learning_rate : float, default=0.01
        η; for irprop- the first step of every parameter.
    momentum : float, default=0.0
        μ of sgd.
    nesterov : bool, default=False
        Nesterov's momentum, for sgd.
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay of the mean and of the mean square of the gradient, for adam and nadam;
        rmsprop uses beta_2.
    epsilon : float, default=1e-8
        Keeps the quotients finite.
    schedule : None, str or dict, default=None
        How η changes from update to update: "constant", or a dict with a key "kind" and the
        numbers that the kind takes (in updates): "cosine" (total, final=0), "step" (every,
        factor=0.1), "one_cycle" (total, final=1e-4), "coslog" (total, cycles=4), each with
        warmup=0.

    Attributes
    ----------
    t : int
        Updates made.
    slots : tuple of ndarrays of shape (n_parameters,)
        sgd: velocity; adam, nadam: mean and mean square; rmsprop, adagrad: (summed) square;
        irprop-: steps and the last gradient.

    Raises
    ------
    ValueError
        If a name is unknown or a number is out of its range.

    Examples
    --------
    >>> optimizer = Optimizer("adam", 3, learning_rate=0.1)
    >>> optimizer.name, len(optimizer.slots), optimizer.t
    ('adam', 2, 0)
    """

    def __init__(self, name, n_parameters=None, dtype="float32", learning_rate=0.01, momentum=0.0,
                 nesterov=False, beta_1=0.9, beta_2=0.999, epsilon=1e-8, schedule=None):
        if name not in OPTIMIZERS:
            raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {name!r}")
        kind, n_slots = OPTIMIZERS[name]
        if not 0 <= learning_rate < np.inf:
            raise ValueError(f"learning_rate must be finite and at least 0, got {learning_rate!r}")
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum must be from 0 to 1, got {momentum!r}")
        if not (0 <= beta_1 < 1 and 0 <= beta_2 < 1):
            raise ValueError("beta_1 and beta_2 must be at least 0 and below 1, "
                             f"got {beta_1!r} and {beta_2!r}")
        if not 0 < epsilon < np.inf:
            raise ValueError(f"epsilon must be positive and finite, got {epsilon!r}")
        self.n_slots = 0 if name == "sgd" and momentum == 0 else n_slots
        self.schedule = checked_schedule(schedule)
        self.rate_schedule = make_schedule(self.schedule)
        self.name = name
        self.kind = kind
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.t = 0
        self.mu_product = 1.0
        self.length = -1
        self.dtype = None
        self._slots = ()
        self.slot_1 = self.slot_2 = NULL
        if n_parameters is not None:
            self.bind(n_parameters, dtype)

    def bind(self, n_parameters, dtype):
        """Take on a θ, where there is none yet: slots of its length and type.

        Parameters
        ----------
        n_parameters : int
        dtype : {"float32", "float64"}

        Raises
        ------
        ValueError
            If the optimizer is for another length or type already.
        """
        kind = np.dtype(dtype)
        if kind not in (np.float32, np.float64):
            raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
        if self.length >= 0:
            if self.length != n_parameters or self.dtype != kind:
                raise ValueError(
                    f"this {self.name} optimizer has the state of a training of {self.length} "
                    f"parameters of {self.dtype}, the network has {n_parameters} of {kind}: give "
                    "each network an Optimizer of its own")
            return
        slots = tuple(zeros(n_parameters, kind) for _ in range(self.n_slots))
        self._slots = slots
        addresses = [slot.__array_interface__["data"][0] for slot in slots] + [0, 0]
        self.slot_1 = <void*><size_t>addresses[0]
        self.slot_2 = <void*><size_t>addresses[1]
        self.dtype = kind
        self.is_single = kind == np.float32
        self.length = n_parameters

    cdef int made_updates(self, Py_ssize_t before) except -1:
        """Say once, after the updates from `before` on, that the schedule has come to an end."""
        cdef Py_ssize_t last = last_update(&self.rate_schedule)
        if last < 0 or not before <= last < self.t:
            return 0
        warnings.warn(
            f"the learning rate's schedule {self.schedule['kind']!r} has run out after {last} "
            f"updates: from now on the rate is {self.current_rate:g}, and next to nothing is "
            f"learned. Give the schedule a longer total (it had {self.schedule['total']:g} "
            "updates), or a final rate", stacklevel=level_of_the_caller())
        return 0

    def __repr__(self):
        state = "no update yet"
        if self.length >= 0:
            state = f"{self.t:,} update{'' if self.t == 1 else 's'} of {self.length:,} parameters"
        schedule = "" if self.schedule["kind"] == "constant" else f" ({self.schedule['kind']})"
        return f"<Optimizer {self.name}: learning rate {self.current_rate:g}{schedule}, {state}>"

    @property
    def n_parameters(self):
        """Length of θ; None as long as there is none."""
        return None if self.length < 0 else self.length

    @property
    def slots(self):
        """Views of what the optimizer remembers, (n_parameters,) each."""
        return tuple(slot[:] for slot in self._slots)

    @property
    def current_rate(self):
        """η of the last update (of the first one, before any)."""
        return rate_at(&self.rate_schedule, self.learning_rate, max(self.t, 1))

    def reset(self):
        """Forget everything: slots to zero, t to 0."""
        for slot in self.slots:
            slot[:] = 0
        self.t = 0
        self.mu_product = 1.0

    def update(self, theta, gradient):
        """One step on a flat θ, in place.

        Parameters
        ----------
        theta, gradient : ndarrays of shape (n_parameters,), contiguous, of the optimizer's type
            theta is written.

        Examples
        --------
        >>> theta = np.array([1.0, 2.0])
        >>> Optimizer("sgd", 2, dtype="float64", learning_rate=0.5).update(theta, np.ones(2))
        >>> theta
        array([0.5, 1.5])
        """
        if self.length < 0 and isinstance(theta, np.ndarray):
            self.bind(theta.size, theta.dtype)
        for name, array in (("theta", theta), ("gradient", gradient)):
            if not isinstance(array, np.ndarray) or array.dtype != self.dtype \
                    or array.shape != (self.length,):
                raise ValueError(f"{name} must be a {self.dtype} array of shape "
                                 f"({self.length},)")
        cdef float[::1] theta32
        cdef double[::1] theta64
        cdef const float[::1] g32
        cdef const double[::1] g64
        cdef UpdateCoefficients step = next_coefficients(self, self.t + 1, self.mu_product)
        if self.length == 0:
            return
        if self.dtype == np.float32:
            theta32, g32 = theta, gradient
            with nogil:
                update_range[float](self, &step, 0, self.length, &theta32[0], &g32[0])
        else:
            theta64, g64 = theta, gradient
            with nogil:
                update_range[double](self, &step, 0, self.length, &theta64[0], &g64[0])
        cdef Py_ssize_t before = self.t
        self.t = step.t
        self.mu_product = step.mu_product
        self.made_updates(before)

    def __getstate__(self):
        return {
            "arguments": (self.name, self.n_parameters, self.dtype and self.dtype.name,
                          self.learning_rate, self.momentum, bool(self.nesterov), self.beta_1,
                          self.beta_2, self.epsilon, self.schedule),
            "t": self.t, "mu_product": self.mu_product,
            "slots": [slot.copy() for slot in self.slots],
        }

    def __setstate__(self, state):
        # slots of the same shape stay where they lie: a training points at them
        cdef void* slot_1 = self.slot_1
        cdef void* slot_2 = self.slot_2
        slots = self._slots or ()
        Optimizer.__init__(self, *state["arguments"])
        if [(slot.shape, slot.dtype) for slot in slots] == \
                [(slot.shape, slot.dtype) for slot in self._slots]:
            self._slots, self.slot_1, self.slot_2 = slots, slot_1, slot_2
        self.t = state["t"]
        self.mu_product = state["mu_product"]
        for mine, theirs in zip(self.slots, state["slots"], strict=True):
            mine[:] = theirs

    def __reduce__(self):
        return __newobj__, (type(self),), self.__getstate__()
