from bpcore._core.schedules cimport Schedule
from bpcore._core.types cimport real_t

cdef class Optimizer:
    cdef int kind
    cdef Schedule rate_schedule
    cdef public double learning_rate
    cdef readonly double momentum
    cdef readonly bint nesterov
    cdef readonly double beta_1
    cdef readonly double beta_2
    cdef readonly double epsilon
    cdef public Py_ssize_t t
    cdef readonly double mu_product
    cdef readonly str name
    cdef readonly object dtype      # of θ; None as long as it has none
    cdef Py_ssize_t length          # of θ, or -1
    cdef bint is_single
    cdef Py_ssize_t n_slots
    cdef tuple _slots
    cdef readonly object schedule
    cdef void* slot_1        # the slots, or NULL
    cdef void* slot_2

    cdef int made_updates(self, Py_ssize_t before) except -1

# The numbers of one update, the same for every parameter.
cdef struct UpdateCoefficients:
    Py_ssize_t t
    double eta
    double mu_product       # nadam
    double gradient_factor  # nadam: the gradient's factor
    double mean_factor      # adam, nadam: the mean's factor
    double correction       # nadam

cdef bint is_plain_sgd(Optimizer o) noexcept nogil
cdef UpdateCoefficients next_coefficients(Optimizer o, Py_ssize_t t,
                                          double mu_product) noexcept nogil
cdef UpdateCoefficients at_rate(const UpdateCoefficients* step, double factor) noexcept nogil
cdef void update_range(Optimizer o, const UpdateCoefficients* step, Py_ssize_t start,
                       Py_ssize_t n, real_t* theta, const real_t* gradient) noexcept nogil
cdef inline real_t* offset(real_t* slot, Py_ssize_t start) noexcept nogil:
    """A slot from `start` on, or NULL where there is none."""
    return slot + start if slot != NULL else slot

cdef void update(Optimizer o, const UpdateCoefficients* step, Py_ssize_t n, real_t* x,
                 const real_t* gradient, real_t* m, real_t* v) noexcept nogil
