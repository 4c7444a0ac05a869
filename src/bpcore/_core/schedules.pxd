cdef enum ScheduleKind:
    CONSTANT = 0
    COSINE
    STEP
    ONE_CYCLE
    COSLOG

cdef struct Schedule:
    int kind
    double warmup           # updates of linear warm-up before the schedule proper
    double total            # updates after which cosine, one_cycle and coslog have ended
    double every            # step: updates between two reductions
    double factor           # step: what the rate is multiplied by
    double final            # cosine, one_cycle: the last rate, as a share of the base rate
    double cycles           # coslog: how often the rate goes up and down

cdef Schedule make_schedule(dict settings)
cdef Py_ssize_t last_update(const Schedule* schedule) noexcept nogil
cdef double rate_at(const Schedule* schedule, double eta, Py_ssize_t t) noexcept nogil
