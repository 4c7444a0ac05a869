from bpcore._core.types cimport real_t

cdef enum OptimizerKind:
    SGD = 0
    ADAM
    RMSPROP
    ADAGRAD
    NADAM
    IRPROP_MINUS

cdef enum ScheduleKind:
    CONSTANT = 0
    COSINE
    STEP
    ONE_CYCLE

cdef struct Schedule:
    int kind
    double warmup           # updates of linear warm-up before the schedule proper
    double total            # updates after which cosine and one_cycle have ended
    double every            # step: updates between two reductions
    double factor           # step: what the rate is multiplied by
    double final            # cosine, one_cycle: the last rate, as a share of the base rate

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
    cdef double mu_product
    cdef readonly str name
    cdef readonly object dtype
    cdef readonly Py_ssize_t n_parameters
    cdef tuple _slots
    cdef readonly object schedule
    cdef void* slot_1        # the slots, or NULL
    cdef void* slot_2

# The numbers of one update, the same for every parameter.
cdef struct UpdateCoefficients:
    Py_ssize_t t
    double eta
    double mu_product       # nadam
    double gradient_factor      # nadam: the gradient's factor
    double mean_factor          # adam, nadam: the mean's factor
    double correction       # nadam

cdef double rate_at(const Schedule* schedule, double eta, Py_ssize_t t) noexcept nogil
cdef UpdateCoefficients next_coefficients(Optimizer o, Py_ssize_t t, double mu_product) noexcept nogil
cdef void update_range(Optimizer o, const UpdateCoefficients* step, Py_ssize_t start, Py_ssize_t n,
                      real_t* theta, const real_t* gradient) noexcept nogil
cdef inline real_t* offset(real_t* slot, Py_ssize_t start) noexcept nogil:
    """A slot from `start` on, or NULL where there is none."""
    return slot + start if slot != NULL else slot

cdef void update(Optimizer o, const UpdateCoefficients* step, Py_ssize_t n, real_t* x, const real_t* gradient,
                 real_t* m, real_t* v) noexcept nogil
