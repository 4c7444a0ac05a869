"""Rows: gathered, forward, and back to their deltas."""

from libc.string cimport memcpy, memset

from bpcore._core.backward cimport delta_recursion
from bpcore._core.forward cimport Dropout, forward
from bpcore._core.job cimport COST, PRODUCT, Memory
from bpcore._core.losses cimport OutputRows, cost_and_delta
from bpcore._core.rows cimport gather, row_pointers, zero_copy_rows
from bpcore._core.sparse cimport rows_at_once
from bpcore._core.types cimport Layer, Layout, ceil_div


cdef Py_ssize_t buffer_row(const Job* job, Py_ssize_t start) noexcept nogil:
    """Where the buffers have the first row of the microbatch at `start`."""
    return start if job.plan.keeps_terms else 0


cdef Py_ssize_t read_inputs(const Job* job, Py_ssize_t start, Py_ssize_t row, Reading* reading,
                            const real_t* of_type) noexcept nogil:
    """Say how the rows from row `row` of the microbatch at `start` are read.

    Returns the row of the buffers' x that they have to be gathered to; -1 where they need not.
    Rows by pointer: the pointers are the caller's to fill in.
    """
    cdef const Memory* m = &job.memory
    cdef Inputs* inputs = &reading.inputs
    cdef Py_ssize_t at = buffer_row(job, start) + row
    inputs.sparse = NULL
    inputs.prefetch = NULL
    inputs.n_prefetch = 0
    inputs.ld = job.layout.n_inputs
    if job.plan.by_pointer:
        inputs.ld = 0
        inputs.rows = m.pointers + row
    else:
        inputs.rows = &reading.first
    if job.plan.sparse:
        reading.sparse = m.sparse
        reading.sparse.view = job.examples.x
        reading.sparse.order = job.examples.order
        reading.sparse.start = start + row
        reading.sparse.row = row
        reading.sparse.keeps = True
        inputs.sparse = &reading.sparse
        return -1
    if job.plan.by_pointer:
        return -1
    reading.first = NULL
    if not job.plan.keeps_terms:
        reading.first = zero_copy_rows(job.examples.x, job.examples.order, start + row,
                                       &inputs.ld, of_type)
    if reading.first != NULL:
        return -1
    reading.first = <const real_t*>m.rows.x + at * job.plan.ld_x
    inputs.ld = job.plan.ld_x
    return at


cdef Py_ssize_t prefetched(const Job* job, Py_ssize_t next_start, Py_ssize_t row,
                           Py_ssize_t n) noexcept nogil:
    """How many of the rows row : row + n the microbatch at `next_start` has."""
    return max(0, min(n, job.n_rows - next_start - row)) if next_start >= 0 else 0


cdef void zero_units(const Job* job, void* numbers, Py_ssize_t at,
                     const real_t* of_type) noexcept nogil:
    """Zero row `at` of every layer in one of the buffers that have a number for each unit."""
    cdef Py_ssize_t l
    cdef const Layer* layer
    for l in range(job.layout.n_layers):
        layer = &job.layout.layers[l]
        memset(<real_t*>numbers + job.memory.rows.rows * layer.unit + at * layer.n_out, 0,
               layer.n_out * sizeof(real_t))


cdef void _zero_row(const Job* job, Py_ssize_t at, const real_t* of_type) noexcept nogil:
    """Zero what the buffers' row `at` holds, so that 0 times an infinite activation adds
    nothing."""
    cdef const Memory* m = &job.memory
    zero_units(job, m.rows.a, at, of_type)
    zero_units(job, m.rows.delta, at, of_type)
    if m.rows.da_dz != NULL:
        zero_units(job, m.rows.da_dz, at, of_type)


cdef const real_t* _targets(const Job* job, Py_ssize_t start, Py_ssize_t row, Py_ssize_t n,
                            const real_t* of_type) noexcept nogil:
    """y (n, n_L) of the rows, contiguous."""
    cdef Py_ssize_t n_out = job.layout.n_outputs
    cdef Py_ssize_t ld = n_out
    cdef const real_t* y = NULL
    if not job.plan.keeps_terms:
        y = zero_copy_rows(job.examples.y, job.examples.order, start + row, &ld, of_type)
    if y == NULL or ld != n_out or job.plan.task == PRODUCT:
        y = <const real_t*>job.memory.rows.y + (buffer_row(job, start) + row) * n_out
        gather(job.examples.y, job.examples.order, job.n_rows, start + row, n, n_out, <real_t*>y)
    return y


cdef void _costs(const Job* job, Py_ssize_t start, Py_ssize_t row, Py_ssize_t n, double scale,
                 const real_t* y, double* costs) noexcept nogil:
    """The cost of every block of these rows, and, but for COST, their δ^(L).

    Costs are added up in the same order whatever is gone through at once.
    """
    cdef const Layout* layout = job.layout
    cdef const Layer* last = &layout.layers[layout.n_layers - 1]
    cdef const Memory* m = &job.memory
    cdef OutputRows rows
    cdef Py_ssize_t k, here, at, end
    cdef Py_ssize_t first = buffer_row(job, start)
    cdef const real_t* a
    for k in range(ceil_div(n, job.plan.block)):
        here = row + k * job.plan.block
        at = (first + here) * last.n_out
        end = m.rows.rows * last.unit + at
        a = <const real_t*>m.rows.a + end
        rows.z = <const real_t*>m.rows.z + end if m.rows.z != NULL \
            else <const real_t*>m.rows.z_out + at
        rows.a = a
        rows.da_dz = <const real_t*>m.rows.da_dz + end \
            if m.rows.da_dz != NULL and last.stores_da_dz else NULL
        rows.y = y + (here - row) * last.n_out
        rows.weights = m.weights + here if job.examples.weights != NULL else NULL
        rows.delta = <real_t*>m.rows.delta + end if job.plan.task > COST else NULL
        rows.dC_da = <real_t*>m.rows.dC_da + end if m.rows.dC_da != NULL else NULL
        rows.costs = job.example_costs + start + here if job.example_costs != NULL else NULL
        costs[k] = cost_and_delta(&layout.loss, last, min(job.plan.block, row + n - here), scale,
                                  a, &rows)


cdef void forward_rows(const Job* job, Py_ssize_t start, Py_ssize_t row, Py_ssize_t n,
                       Py_ssize_t next_start, const real_t* theta) noexcept nogil:
    """Forward through rows row : row + n of the microbatch at `start`.

    next_start: where the next microbatch begins; -1: nowhere.  Of its same rows every second one
    is fetched into the caches meanwhile, and the others while the gradient of layer 1 is computed.
    """
    cdef const Layout* layout = job.layout
    cdef const Memory* m = &job.memory
    cdef Reading reading
    cdef Dropout dropout
    cdef Py_ssize_t to, n_prefetch
    cdef Py_ssize_t first = buffer_row(job, start)
    cdef const Py_ssize_t* order = job.examples.order
    dropout.seed = job.seed
    dropout.first_row = <unsigned long long>(start - first)
    to = read_inputs(job, start, row, &reading, theta)
    if to >= 0:
        gather(job.examples.x, order, job.n_rows, start + row, n, job.plan.ld_x,
               <real_t*>m.rows.x + to * job.plan.ld_x)
    if job.plan.by_pointer:
        row_pointers(job.examples.x, order, start + row, n, m.pointers + row)
        n_prefetch = prefetched(job, next_start, row, n)
        row_pointers(job.examples.x, order, next_start + row, n_prefetch, m.prefetch + row)
        reading.inputs.prefetch = m.prefetch + row
        reading.inputs.n_prefetch = (n_prefetch + 1) // 2
    forward(layout, theta, &reading.inputs, &m.rows, first + row, n,
            &dropout if job.applies_dropout else NULL, <real_t*>NULL)


cdef void backward_rows(const Job* job, Py_ssize_t start, Py_ssize_t row, Py_ssize_t n,
                        double scale, const real_t* theta, double* costs) noexcept nogil:
    """The costs of rows that have gone forward and, but for COST, back through them.

    Every δ^(l) is left in the buffers, each row times its weight and `scale`.
    costs: out, one for every block of these rows.  job.out: takes their a^(L), for COST, or NULL.
    """
    cdef const Layout* layout = job.layout
    cdef const Memory* m = &job.memory
    cdef Py_ssize_t k, at
    cdef Py_ssize_t first = buffer_row(job, start)
    cdef const Py_ssize_t* order = job.examples.order
    cdef const real_t* y
    cdef real_t* dC_dx = NULL
    if job.asks:
        y = <const real_t*>m.rows.y + (first + row) * job.layout.n_outputs
    else:
        y = _targets(job, start, row, n, theta)
    if job.examples.weights != NULL:
        for k in range(row, row + n):
            m.weights[k] = job.examples.weights[order[start + k] if order != NULL else start + k]
    _costs(job, start, row, n, scale, y, costs)
    if job.plan.task <= COST:
        if job.out != NULL:
            at = (first + row) * layout.n_outputs
            memcpy(<real_t*>job.out + (start + row) * layout.n_outputs,
                   <real_t*>m.rows.a + m.rows.rows * layout.layers[layout.n_layers - 1].unit + at,
                   n * layout.n_outputs * sizeof(real_t))
        return
    if job.examples.weights != NULL and not job.plan.keeps_terms:
        for k in range(row, row + n):
            if m.weights[k] == 0:
                _zero_row(job, k, theta)
    if job.dC_dx != NULL:
        dC_dx = <real_t*>job.dC_dx + (start + row) * job.layout.n_inputs
    delta_recursion(job.layout, theta, &m.rows, first + row, n, dC_dx)


cdef void predict_rows(const Job* job, Py_ssize_t task, int thread,
                       const real_t* theta) noexcept nogil:
    """A block of a prediction, in the rows of the buffers that are the thread's own.

    The thread's number in `partial_sums` becomes 1 where a z^(1) is not finite.
    """
    cdef const Layout* layout = job.layout
    cdef const Memory* m = &job.memory
    cdef Reading reading
    cdef Py_ssize_t rows = job.plan.blocks_per_task * job.plan.block
    cdef Py_ssize_t own = thread * rows
    cdef Py_ssize_t start = task * rows
    cdef Py_ssize_t n = min(rows, job.n_rows - start)
    cdef real_t* out = <real_t*>job.out + start * layout.n_outputs
    if read_inputs(job, start, 0, &reading, theta) >= 0:
        reading.first = <const real_t*>m.rows.x + own * job.plan.ld_x
        gather(job.examples.x, job.examples.order, job.n_rows, start, n, job.plan.ld_x,
               <real_t*>reading.first)
    if job.plan.sparse:
        reading.sparse.row = thread * min(rows, rows_at_once(job.plan.transposes))
        reading.sparse.keeps = False
        reading.sparse.offsets = m.sparse.offsets + thread * m.sparse.n_offsets
    if not forward(layout, theta, &reading.inputs, &m.rows, own, n, <const Dropout*>NULL, out):
        m.partial_sums[thread] = 1.0


cdef double sum_of_rows(const double* numbers, const Py_ssize_t* order, Py_ssize_t start,
                        Py_ssize_t n) noexcept nogil:
    """Σ of n rows' numbers from position `start` of the order; where there are none, n."""
    cdef Py_ssize_t k
    cdef double total = 0.0
    if numbers == NULL:
        return <double>n
    for k in range(start, start + n):
        total += numbers[order[k] if order != NULL else k]
    return total
