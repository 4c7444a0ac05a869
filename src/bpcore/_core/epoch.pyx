"""One epoch: rows, forward, backward, update; no interpreter inside.

A batch is gone through in two phases, each cut into ceil_div that the threads of a pool take as
they come: ceil_div of rows for the forward pass and the deltas, then shards of the layers for the
gradient and the update, which are done while a shard of the gradient is in cache.  Nothing is
added up across threads, and the ceil_div depend on the network and the batch only, so that the
result is bitwise the same for any number of threads.  Where a thread goes through several ceil_div of
rows at once it does so only with loops that treat every row alike, and adds up their costs apart.

A batch that is larger than the buffers goes through in several passes of `microbatch_rows` rows; its
gradient is then added up as a whole before the update, and so it is where it has to be clipped.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport fabs, isfinite, sqrt
from libc.stdint cimport int32_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from bpcore._core.backward cimport delta_recursion, weight_gradient
from bpcore._core.products cimport OFFSET_STRIDE, column_sums, is_small, loop_depends_on_rows, padded_width
from bpcore._core.rows cimport gather, zero_copy_rows, row_pointers
from bpcore._core.forward cimport Dropout, forward
from bpcore._core.losses cimport cost_and_delta
from bpcore._core.optimizers cimport (
    SGD, Optimizer, UpdateCoefficients, next_coefficients, offset, update, update_range,
)
from bpcore._core.sparse cimport (
    ROWS_AT_ONCE, Sparse, sparse_gradient, transpose_out, transpose_gradient_out, transpose_in,
)
from bpcore._core.pool_header cimport (
    bp_pool_close, bp_pool_done, bp_pool_next, bp_pool_open, bp_pool_take,
)
from bpcore._core.types cimport Layer, Layout, real_t

# Bytes that the rows of a pass may fill, and how many rows it has at least and at most.
cdef Py_ssize_t MICROBATCH_BYTES = 1 << 25
cdef Py_ssize_t MIN_ROWS = 256
cdef Py_ssize_t MAX_ROWS = 2048

# Bytes that the activations of a block of predictions may fill, and how many rows it has at most:
# more do not make it faster.
cdef Py_ssize_t PREDICTION_BYTES = 1 << 18
cdef Py_ssize_t MAX_PREDICTION_ROWS = 64

# A pass that may be shared is cut into about so many ceil_div of rows, a layer into so many shards:
# enough for a small_workspace threads, and each large enough to be worth fetching.
cdef Py_ssize_t TASKS_PER_PHASE = 4
cdef Py_ssize_t MULTIPLE = 8        # sizes are multiples of the tiles' rows
cdef Py_ssize_t MIN_BLOCK = 16
cdef Py_ssize_t MAX_BLOCK = 256
cdef Py_ssize_t SHARD_NUMBERS = 65536
cdef Py_ssize_t MIN_SHARD = 2048

# Bytes of a w^(l) from which on a thread goes through several ceil_div at once, where that leaves
# enough for the others: every product of a block has to fetch w^(l) again, which such a matrix
# does not leave in the second cache.
cdef Py_ssize_t LARGE_MATRIX = 1 << 21
cdef double MAX_LOAD = 1.1      # of a thread, in equal n_tasks
# Multiplications of float32 in them, a tenth of a second: no signal is looked at meanwhile.
cdef double MAX_PRODUCT_WORK = 6e9

# Multiplications between two looks at the interpreter's signals: less than a tenth of a second,
# also in a narrow network, whose activations take longer than its products.
cdef double WORK_BETWEEN_SIGNALS = 4e8

# Multiplications of an update from which on it may be left half done by a signal: each weight has
# then made its step or has not.  Smaller ones are over within a tenth of a second.
cdef double LONG_UPDATE = 4e9

cdef size_t ALIGNMENT = 64


def look_for_signals(double every, double leave_updates_from):
    """Set the multiplications between two looks, and those of an update from which on it may be
    left; returns what was set before.

    For tests; 0 and 0: before every block, and always.
    """
    global WORK_BETWEEN_SIGNALS, LONG_UPDATE
    before = WORK_BETWEEN_SIGNALS, LONG_UPDATE
    WORK_BETWEEN_SIGNALS, LONG_UPDATE = every, leave_updates_from
    return before


def large_matrix(Py_ssize_t n_bytes):
    """Set the bytes of a w^(l) from which on a thread goes through several ceil_div at once; returns
    what was set before.

    For tests and measurements.
    """
    global LARGE_MATRIX
    before = LARGE_MATRIX
    LARGE_MATRIX = n_bytes
    return before


cdef Py_ssize_t _rounded(Py_ssize_t n) noexcept nogil:
    return (n + MULTIPLE - 1) // MULTIPLE * MULTIPLE


def microbatch_size(Py_ssize_t n_rows, Py_ssize_t numbers_a_row, Py_ssize_t itemsize):
    """How many rows go through at a time, with `numbers_a_row` numbers of buffers each."""
    rows = max(MIN_ROWS, min(MAX_ROWS, MICROBATCH_BYTES // (numbers_a_row * itemsize)))
    return max(1, min(n_rows, rows))


cdef Py_ssize_t _largest_matrix(const Layout* layout) noexcept nogil:
    """Weights of the layer that has most."""
    cdef Py_ssize_t l
    cdef Py_ssize_t most = 0
    for l in range(layout.n_layers):
        most = max(most, layout.layers[l].n_in * layout.layers[l].n_out)
    return most


cdef Py_ssize_t prediction_rows(Py_ssize_t n_rows, const Layout* layout,
                                Py_ssize_t itemsize) noexcept nogil:
    """How many rows are predicted at a time: their activations stay in the second cache, and a small_workspace
    n_threads have something to do."""
    cdef Py_ssize_t most = min(MAX_PREDICTION_ROWS, PREDICTION_BYTES // (layout.n_units * itemsize))
    return max(1, min(n_rows, max(32, most), max(MIN_BLOCK, _rounded(n_rows // TASKS_PER_PHASE))))


def block_rows(Py_ssize_t microbatch_rows, Py_ssize_t n_tasks=TASKS_PER_PHASE):
    """How many rows of a pass one thread takes at a time."""
    if n_tasks == 1:
        return max(MIN_BLOCK, min(MAX_BLOCK, _rounded(microbatch_rows)))
    # rather one block more than a last one that is much smaller: two n_threads then end together
    return max(MIN_BLOCK, min(MAX_BLOCK, ceil_div(microbatch_rows, n_tasks) // MULTIPLE * MULTIPLE))


def shard_units(Py_ssize_t n_in, Py_ssize_t n_out, Py_ssize_t n_tasks=TASKS_PER_PHASE):
    """How many units of a layer one thread updates at a time."""
    if n_out * (n_in + 1) <= MIN_SHARD:
        return n_out
    most = max(MULTIPLE, SHARD_NUMBERS // n_in // MULTIPLE * MULTIPLE)
    return min(n_out, most, _rounded(ceil_div(n_out, n_tasks)))


cdef Py_ssize_t _blocks_per_task(const Layout* layout, Py_ssize_t n_rows, Py_ssize_t block,
                                int n_threads, Py_ssize_t itemsize):
    """How many ceil_div of rows, of n_rows in all, a thread goes through with each product.

    It may depend on how many n_threads there are, since the bits of a row must not depend on it:
    all products are then those of the own loops, which treat every row alike.
    """
    cdef Py_ssize_t l, blocks_per_task
    cdef const Layer* layer
    cdef Py_ssize_t most = min(
        MAX_BLOCK // block,
        <Py_ssize_t>(MAX_PRODUCT_WORK * 4 / itemsize / (2.0 * layout.n_parameters * block)))
    if _largest_matrix(layout) * itemsize < LARGE_MATRIX:
        return 1
    for l in range(layout.n_layers):
        layer = &layout.layers[l]
        while most > 1 and not is_small(most * block, layer.n_out, layer.n_in):
            most -= 1
        if loop_depends_on_rows(layer.n_in):
            most = 1
    for blocks_per_task in range(min(most, ceil_div(n_rows, block)), 1, -1):
        loads = [0] * n_threads
        for first in range(0, n_rows, blocks_per_task * block):
            loads.sort()
            loads[0] += min(blocks_per_task * block, n_rows - first)
        if max(loads) * n_threads <= MAX_LOAD * n_rows:
            return blocks_per_task
    return 1


cdef list _layer_shards(Py_ssize_t l, Layer layer, Py_ssize_t n_tasks):
    """The shards of layer l + 1, each as the numbers of a `Shard`."""
    size = shard_units(layer.n_in, layer.n_out, n_tasks)
    return [
        (l, first, units, layer.w + first * layer.n_in, units * layer.n_in, layer.b + first, units)
        for first in range(0, layer.n_out, size)
        for units in (min(size, layer.n_out - first),)
    ]


cdef list _sparse_shards(const Layout* layout, Py_ssize_t step, Py_ssize_t n_tasks):
    """Those of a sparse first layer: some inputs each, the first one with all biases."""
    n_in, n_out, b = layout.n_inputs, layout.layers[0].n_out, layout.layers[0].b
    size = ceil_div(shard_units(step, n_in, n_tasks), OFFSET_STRIDE) * OFFSET_STRIDE
    return [
        (0, first, inputs, first * step, inputs * step, b, n_out if first == 0 else 0)
        for first in range(0, n_in, size)
        for inputs in (min(size, n_in - first),)
    ]


cdef class Workspace:
    """The buffers of a pass, in one shard of memory that is freed with the object.

    Raises
    ------
    MemoryError
        If there is not so much memory; nothing is kept then.
    """

    def __dealloc__(self):
        free(self.memory)
        free(self.shards)


cdef Workspace make_workspace(const Layout* layout, Py_ssize_t n_rows, Py_ssize_t batch_size,
                              int task, bint stores_da_dz, bint clips, bint shared, bint sparse,
                              Optimizer optimizer, int n_threads, Py_ssize_t itemsize):
    """Buffers to go through n_rows rows in batches of batch_size.

    stores_da_dz: whether σ' is stored.  clips: whether the norm of the gradient counts.
    shared: whether a batch is so much work that n_threads may share it; it must not depend on how
    many there are.  sparse: whether the first layer is.  optimizer: what will make the updates.
    n_threads: how many will work at the same time.
    """
    cdef Py_ssize_t n_tasks = TASKS_PER_PHASE if shared else 1
    cdef Workspace w = Workspace.__new__(Workspace)
    cdef Py_ssize_t batch = min(n_rows, batch_size)
    cdef Py_ssize_t l
    cdef Py_ssize_t step = padded_width(layout.layers[0].n_out, itemsize)
    cdef Shard* shard
    if task == PREDICT:
        w.block = prediction_rows(n_rows, layout, itemsize)
        w.blocks_per_task = _blocks_per_task(layout, n_rows, w.block, n_threads, itemsize)
        w.microbatch_rows = w.block * w.blocks_per_task * n_threads
    else:
        w.microbatch_rows = microbatch_size(
            batch, layout.n_inputs + 2 * layout.n_outputs + 2 * layout.n_units, itemsize)
        w.block = min(w.microbatch_rows, <Py_ssize_t>block_rows(w.microbatch_rows, n_tasks))
        w.blocks_per_task = _blocks_per_task(layout, w.microbatch_rows, w.block, n_threads, itemsize)
    trains = task == TRAIN
    shards = []
    for l in range(layout.n_layers):
        if sparse and l == 0:
            shards += _sparse_shards(layout, step, n_tasks)
        else:
            shards += _layer_shards(l, layout.layers[l], n_tasks)
    w.largest_shard = _rounded(max(n_w + n_b for _, _, _, _, n_w, _, n_b in shards))
    w.n_shards = len(shards)
    w.shards = <Shard*>calloc(w.n_shards, sizeof(Shard))
    whole = trains and (clips or batch > w.microbatch_rows)
    n_blocks = ceil_div(batch, w.microbatch_rows) * ceil_div(w.microbatch_rows, w.block)
    microbatch_rows = <object>w.microbatch_rows
    learns = task != PREDICT
    # a prediction keeps no rows of a sparse first layer
    rows = <object>n_threads * ROWS_AT_ONCE if sparse and task == PREDICT else microbatch_rows
    transposed = <object>layout.n_inputs * step * itemsize if sparse else 0
    # a slot that is transposed in its own place needs no other
    is_padded = step != layout.layers[0].n_out
    sizes = [
        microbatch_rows * sizeof(void*),
        microbatch_rows * sizeof(void*),
        rows * layout.n_inputs * itemsize,
        microbatch_rows * layout.n_outputs * itemsize if learns else 0,
        microbatch_rows * layout.n_units * itemsize,
        microbatch_rows * layout.n_units * itemsize if learns and stores_da_dz else 0,
        microbatch_rows * layout.n_outputs * itemsize if learns else 0,
        microbatch_rows * layout.n_units * itemsize if learns else 0,
        layout.n_parameters * itemsize if whole else 0,
        <object>n_threads * w.largest_shard * itemsize if trains else 0,
        microbatch_rows * sizeof(double),
        n_blocks * sizeof(double),
        max(<object>w.n_shards * 2, <object>n_threads) * sizeof(double),
        rows * layout.n_inputs * sizeof(int32_t) if sparse else 0,
        rows * sizeof(Py_ssize_t) if sparse else 0,
        rows * ceil_div(layout.n_inputs, OFFSET_STRIDE) * sizeof(int32_t) if sparse else 0,
        transposed,
        transposed if whole or task == GRADIENT else 0,
        transposed if is_padded and optimizer.slot_1 != NULL else 0,
        transposed if is_padded and optimizer.slot_2 != NULL else 0,
    ]
    offsets = []
    total = ALIGNMENT
    for size in sizes:
        offsets.append(total)
        total += (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
    w.memory = calloc(total, 1) if total < 2**62 else NULL
    if w.memory == NULL or w.shards == NULL:
        raise MemoryError(f"no memory for the buffers of {w.microbatch_rows} rows "
                          f"({total / 2**20:.0f} MB)")
    for l in range(w.n_shards):
        shard = &w.shards[l]
        (shard.layer, shard.first, shard.units, shard.w, shard.n_w, shard.b,
         shard.n_b) = shards[l]
    base = (<uintptr_t>w.memory) // ALIGNMENT * ALIGNMENT
    at = [base + offset for offset in offsets]
    w.rows = <const void**><uintptr_t>at[0]
    w.prefetch = <const void**><uintptr_t>at[1]
    w.x = <void*><uintptr_t>at[2]
    w.y = <void*><uintptr_t>at[3]
    w.a = <void*><uintptr_t>at[4]
    w.da_dz = <void*><uintptr_t>at[5] if stores_da_dz else NULL
    w.z_out = <void*><uintptr_t>at[6]
    w.delta = <void*><uintptr_t>at[7]
    w.gradient = <void*><uintptr_t>at[8] if sizes[8] else NULL
    w.scratch = <void*><uintptr_t>at[9]
    w.weights = <double*><uintptr_t>at[10]
    w.costs = <double*><uintptr_t>at[11]
    w.partial_sums = <double*><uintptr_t>at[12]
    w.sparse.width = layout.n_inputs
    w.sparse.values = w.x
    w.sparse.columns = <int32_t*><uintptr_t>at[13]
    w.sparse.counts = <Py_ssize_t*><uintptr_t>at[14]
    w.sparse.offsets = <int32_t*><uintptr_t>at[15]
    w.sparse.n_offsets = ceil_div(layout.n_inputs, OFFSET_STRIDE)
    w.sparse.ldw = step
    w.sparse.w_t = <void*><uintptr_t>at[16]
    w.sparse.gradient_t = <void*><uintptr_t>at[17]
    w.sparse.slot_1_t = <void*><uintptr_t>at[18] if is_padded else optimizer.slot_1
    w.sparse.slot_2_t = <void*><uintptr_t>at[19] if is_padded else optimizer.slot_2
    return w


# ---------------------------------------------------------------- rows: forward, deltas

cdef Py_ssize_t _where(const Job* job, Workspace w, Py_ssize_t start, Py_ssize_t row,
                       const real_t** first, const real_t* of_type) noexcept nogil:
    """How far the rows of a^(0) are apart from row `row` of the pass that begins at `start`,
    and where the first of them is; 0 where they are by_pointer (see `Workspace.rows`)."""
    cdef Py_ssize_t ld = job.layout.n_inputs
    if job.by_pointer:
        first[0] = NULL
        return 0
    first[0] = zero_copy_rows(job.examples.x, job.examples.order, start + row, &ld, of_type)
    if first[0] == NULL:
        first[0] = <real_t*>w.x + row * job.layout.n_inputs
        ld = job.layout.n_inputs
    return ld


cdef Sparse _sparse_rows(const Job* job, Workspace w, Py_ssize_t start, Py_ssize_t row,
                         bint keeps) noexcept nogil:
    """A block of rows that begins at `start`, to be collected from row `row` on."""
    cdef Sparse sparse = w.sparse
    sparse.view = job.examples.x
    sparse.order = job.examples.order
    sparse.start = start
    sparse.row = row
    sparse.keeps = keeps
    return sparse


cdef void _zero_row(const Layout* layout, Workspace w, Py_ssize_t k,
                     const real_t* of_type) noexcept nogil:
    """Zero what row k holds, so that 0 times an infinite activation adds nothing."""
    cdef Py_ssize_t l, at
    cdef const Layer* layer
    for l in range(layout.n_layers):
        layer = &layout.layers[l]
        at = w.microbatch_rows * layer.unit + k * layer.n_out
        memset(<real_t*>w.a + at, 0, layer.n_out * sizeof(real_t))
        if w.da_dz != NULL:
            memset(<real_t*>w.da_dz + at, 0, layer.n_out * sizeof(real_t))
        if l == layout.n_layers - 1:
            memset(<real_t*>w.delta + at, 0, layer.n_out * sizeof(real_t))


cdef Py_ssize_t _n_prefetch(const Job* job, Py_ssize_t next_start, Py_ssize_t row,
                       Py_ssize_t n) noexcept nogil:
    """How many of the rows row : row + n the pass at `next_start` has."""
    return max(0, min(n, job.n_rows - next_start - row)) if next_start >= 0 else 0


cdef void forward_backward(const Job* job, Workspace w, Py_ssize_t start, Py_ssize_t row,
                    Py_ssize_t n, Py_ssize_t next_start, double scale, const real_t* theta,
                    double* costs) noexcept nogil:
    """Forward and, but for COST, back through rows row : row + n of the pass at `start`.

    Every δ^(l) is left in the workspace, each row times its weight and `scale`.
    next_start: where the next pass begins; -1: nowhere.  Of its same rows every second one is
    fetched into the caches meanwhile, and the others while the gradient of layer 1 is computed.
    costs: out, the part of every `block` of these rows: costs are added up in the same order
    whatever is gone through at once.
    """
    cdef const Layout* layout = job.layout
    cdef const Layer* last = &layout.layers[layout.n_layers - 1]
    cdef Py_ssize_t k, ldx, here, end
    cdef Py_ssize_t n_prefetch = 0
    cdef Py_ssize_t ld = layout.n_outputs
    cdef bint backward = job.task > COST
    cdef const real_t* one
    cdef const real_t** x = &one
    cdef const real_t** prefetch = NULL
    cdef const real_t* y
    cdef const double* weights = NULL
    cdef real_t* a = <real_t*>w.a
    cdef real_t* da_dz = <real_t*>w.da_dz
    cdef real_t* delta = <real_t*>w.delta
    cdef real_t* dC_dx = NULL
    cdef Sparse sparse = _sparse_rows(job, w, start + row, row, True)
    cdef Dropout dropout
    dropout.seed = job.seed
    dropout.first_row = <unsigned long long>start

    ldx = _where(job, w, start, row, &one, theta)
    if ldx == 0:
        x = <const real_t**>w.rows + row
        row_pointers(job.examples.x, job.examples.order, start + row, n, <const void**>x)
        n_prefetch = _n_prefetch(job, next_start, row, n)
        prefetch = <const real_t**>w.prefetch + row
        row_pointers(job.examples.x, job.examples.order, next_start + row, n_prefetch,
                      <const void**>prefetch)
    elif not job.sparse and one == <real_t*>w.x + row * layout.n_inputs:
        gather(job.examples.x, job.examples.order, start + row, n, <real_t*>one)
    y = zero_copy_rows(job.examples.y, job.examples.order, start + row, &ld, theta)
    if y == NULL or ld != layout.n_outputs:
        y = <real_t*>w.y + row * layout.n_outputs
        gather(job.examples.y, job.examples.order, start + row, n, <real_t*>y)
    if job.examples.weights != NULL:
        weights = w.weights + row
        for k in range(row, row + n):
            w.weights[k] = job.examples.weights[
                job.examples.order[start + k] if job.examples.order != NULL else start + k]

    forward(layout, theta, &sparse if job.sparse else NULL, x, ldx, prefetch, (n_prefetch + 1) // 2, n,
            row, w.microbatch_rows, a, da_dz, <real_t*>NULL, <real_t*>w.z_out, <real_t*>NULL,
            &dropout if job.applies_dropout else NULL, NULL)
    for k in range(ceil_div(n, w.block)):
        here = row + k * w.block
        end = w.microbatch_rows * last.unit + here * last.n_out
        costs[k] = cost_and_delta(
            &layout.loss, last, min(w.block, row + n - here),
            <const real_t*>w.z_out + here * last.n_out, <const real_t*>a + end,
            <const real_t*>(da_dz + end if da_dz != NULL and last.stores_da_dz else NULL),
            y + (here - row) * layout.n_outputs,
            weights + (here - row) if weights != NULL else NULL, scale,
            delta + end if backward else <real_t*>NULL, <real_t*>NULL, <double*>NULL)
    if backward:
        if weights != NULL:
            for k in range(n):
                if weights[k] == 0:
                    _zero_row(layout, w, row + k, theta)
        if job.dC_dx != NULL:
            dC_dx = <real_t*>job.dC_dx + (start + row) * layout.n_inputs
        delta_recursion(layout, theta, n, row, w.microbatch_rows, <const real_t*>a,
                        <const real_t*>da_dz, delta, <real_t*>NULL, dC_dx)


cdef double weight_sum(const Examples* examples, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
    """Σ s_k of n examples from position `start` of the order."""
    cdef Py_ssize_t k
    cdef double total = 0.0
    if examples.weights == NULL:
        return <double>n
    for k in range(start, start + n):
        total += examples.weights[examples.order[k] if examples.order != NULL else k]
    return total


# ---------------------------------------------------------------- units: gradient, update

cdef void _product(const Job* job, Workspace w, const Shard* shard, Py_ssize_t start,
                   Py_ssize_t n, real_t alpha, real_t beta, real_t* of_w, real_t beta_b,
                   real_t* of_b, const real_t* of_type) noexcept nogil:
    """A shard of the gradient of the n rows of the pass at `start`: see `weight_gradient`.

    A shard of layer 1 fetches its part of what the row ceil_div have left of the next pass's rows.
    """
    cdef const real_t* one
    cdef const real_t** x = &one
    cdef const real_t** prefetch = NULL
    cdef Py_ssize_t left, begin
    cdef Py_ssize_t n_prefetch = 0
    cdef Py_ssize_t ldx = _where(job, w, start, 0, &one, of_type)
    cdef const Layer* layer = &job.layout.layers[shard.layer]
    cdef bint sparse = _is_transposed(job, shard)
    cdef Py_ssize_t all = layer.n_in if sparse else layer.n_out
    cdef const real_t* delta
    if ldx == 0:
        x = <const real_t**>w.rows
        left = _n_prefetch(job, job.phase.next_start, 0, n) // 2
        begin = left * shard.first // all
        n_prefetch = left * (shard.first + shard.units) // all - begin
        prefetch = <const real_t**>w.prefetch + 1 + 2 * begin
    if sparse:
        delta = <const real_t*>w.delta + w.microbatch_rows * layer.unit
        sparse_gradient(layer, &w.sparse, shard.first, shard.first + shard.units, n, alpha, delta,
                        beta, of_w, prefetch, n_prefetch)
        column_sums(n, shard.n_b, layer.n_out, delta, alpha, beta_b, of_b)
        return
    weight_gradient(job.layout, shard.layer, shard.first, shard.units, x, ldx, prefetch, n_prefetch, n, 0,
                   w.microbatch_rows, <const real_t*>w.a, <const real_t*>w.delta, alpha, beta, of_w,
                   beta_b, of_b)


cdef double _penalise(const Regularisation* regularisation, double scale, Py_ssize_t n,
                      const real_t* w, real_t* g) noexcept nogil:
    """Add scale (l2 w + l1 sign w) to the gradient of n weights; returns
    scale (½ l2 Σ w² + l1 Σ |w|)."""
    cdef Py_ssize_t i
    cdef real_t of_w = <real_t>(scale * regularisation.l2)
    cdef real_t of_sign = <real_t>(scale * regularisation.l1)
    cdef double squares = 0.0
    cdef double sizes = 0.0
    for i in range(n):
        squares += <double>w[i] * w[i]
        g[i] += of_w * w[i]
    if regularisation.l1 != 0:
        for i in range(n):
            sizes += fabs(w[i])
            g[i] += of_sign if w[i] > 0 else (-of_sign if w[i] < 0 else 0)
    return scale * (0.5 * regularisation.l2 * squares + regularisation.l1 * sizes)


cdef double _squares(Py_ssize_t n, const real_t* g) noexcept nogil:
    cdef Py_ssize_t i
    cdef double total = 0.0
    for i in range(n):
        total += <double>g[i] * g[i]
    return total


cdef inline bint _is_transposed(const Job* job, const Shard* shard) noexcept nogil:
    return job.sparse and shard.layer == 0


cdef real_t* _weights(const Job* job, Workspace w, const Shard* shard,
                      real_t* theta) noexcept nogil:
    """The weights of a shard."""
    return (<real_t*>w.sparse.w_t if _is_transposed(job, shard) else theta) + shard.w


cdef real_t* _gradient(const Job* job, Workspace w, const Shard* shard,
                       real_t* gradient) noexcept nogil:
    """Where the whole gradient has the weights of a shard."""
    return (<real_t*>w.sparse.gradient_t if _is_transposed(job, shard) else gradient) + shard.w


cdef void _step(const Job* job, Workspace w, Optimizer o, const UpdateCoefficients* step, const Shard* shard,
                const real_t* of_w, const real_t* of_b, real_t* theta) noexcept nogil:
    """Update a shard of θ from its gradient."""
    cdef Py_ssize_t i
    cdef real_t* weights = _weights(job, w, shard, theta)
    cdef real_t keep = <real_t>(1.0 - step.eta * job.regularisation.decay)
    if job.regularisation.decay != 0:    # biases are spared (Loshchilov and Hutter 2019)
        for i in range(shard.n_w):
            weights[i] *= keep
    if _is_transposed(job, shard):
        update(o, step, shard.n_w, weights, of_w,
               offset(<real_t*>w.sparse.slot_1_t, shard.w),
               offset(<real_t*>w.sparse.slot_2_t, shard.w))
    else:
        update_range(o, step, shard.w, shard.n_w, theta, of_w)
    update_range(o, step, shard.b, shard.n_b, theta, of_b)


cdef void _gradient_shard(const Job* job, Workspace w, const Shard* shard, Py_ssize_t start,
                          Py_ssize_t n, bint add, real_t* gradient) noexcept nogil:
    """A shard of the whole gradient, added to what earlier passes have found."""
    cdef real_t beta = 1 if add else 0
    _product(job, w, shard, start, n, <real_t>1, beta, _gradient(job, w, shard, gradient), beta,
             gradient + shard.b, <const real_t*>gradient)


cdef double _penalised_shard(const Job* job, Workspace w, const Shard* shard, double scale,
                             real_t* theta, real_t* gradient, double* squares) noexcept nogil:
    """Add the penalties' part to a shard of the whole gradient; returns the penalty.

    squares: out, the sum of the shard's squares.
    """
    cdef double penalty = 0.0
    cdef real_t* of_w = _gradient(job, w, shard, gradient)
    if job.regularisation.l2 != 0 or job.regularisation.l1 != 0:
        penalty = _penalise(&job.regularisation, scale, shard.n_w,
                            <const real_t*>_weights(job, w, shard, theta), of_w)
    squares[0] = _squares(shard.n_w, <const real_t*>of_w) \
        + _squares(shard.n_b, <const real_t*>gradient + shard.b)
    return penalty


cdef double _update_shard(const Job* job, Workspace w, Optimizer o, const UpdateCoefficients* step,
                          const Shard* shard, Py_ssize_t start, Py_ssize_t n, double scale,
                          int thread, real_t* theta) noexcept nogil:
    """Gradient and update of a shard in one go; returns its penalty."""
    cdef real_t* weights = _weights(job, w, shard, theta)
    cdef real_t* g = <real_t*>w.scratch + thread * w.largest_shard
    cdef double penalty = 0.0
    if o.kind == SGD and o.momentum == 0 and job.regularisation.l2 == 0 and job.regularisation.l1 == 0:
        # Plain descent needs no ∇C in memory: the product goes straight into θ.
        _product(job, w, shard, start, n, <real_t>-step.eta,
                 <real_t>(1.0 - step.eta * job.regularisation.decay), weights, <real_t>1,
                 theta + shard.b, <const real_t*>theta)
        return 0.0
    _product(job, w, shard, start, n, <real_t>1, <real_t>0, g, <real_t>0, g + shard.n_w,
             <const real_t*>theta)
    if job.regularisation.l2 != 0 or job.regularisation.l1 != 0:
        penalty = _penalise(&job.regularisation, scale, shard.n_w, <const real_t*>weights, g)
    _step(job, w, o, step, shard, <const real_t*>g, <const real_t*>g + shard.n_w, theta)
    return penalty


cdef void _clip(const Job* job, Workspace w, const Shard* shard, double factor,
                   real_t* gradient) noexcept nogil:
    """Multiply a shard of the whole gradient by the factor."""
    cdef Py_ssize_t i
    cdef real_t* of_w = _gradient(job, w, shard, gradient)
    for i in range(shard.n_w):
        of_w[i] *= <real_t>factor
    for i in range(shard.b, shard.b + shard.n_b):
        gradient[i] *= <real_t>factor


# ---------------------------------------------------------------- the way through

cdef bint poll_signals(Workspace w, double more) noexcept nogil:
    """Whether a signal handler has raised (Ctrl-C), looked at once in a while.

    more: multiplications until the next call.  What was raised is kept in the workspace: the
    caller unwinds, and its caller raises it.
    """
    cdef bint raised = False
    w.done += more
    if w.done > WORK_BETWEEN_SIGNALS:
        w.done = 0
        with gil:
            try:
                PyErr_CheckSignals()
            except BaseException as error:
                w.error = error
                raised = True
    return raised


cdef double _sum(const double* partial_sums, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef double total = 0.0
    for i in range(n):
        total += partial_sums[i]
    return total


cdef void _predict_rows(const Job* job, Workspace w, Py_ssize_t b, int thread,
                        const real_t* theta) noexcept nogil:
    """A block of a prediction, in the rows of the workspace that are the thread's own.

    The thread's number in `partial_sums` becomes 1 where a z^(1) is not finite.
    """
    cdef bint finite = True
    cdef const Layout* layout = job.layout
    cdef Py_ssize_t rows = w.blocks_per_task * w.block
    cdef Py_ssize_t own = thread * rows
    cdef Py_ssize_t first = b * rows
    cdef Py_ssize_t n = min(rows, job.n_rows - first)
    cdef Py_ssize_t ldx = layout.n_inputs
    cdef Sparse sparse = _sparse_rows(job, w, first, thread * ROWS_AT_ONCE, False)
    cdef const real_t* x = zero_copy_rows(job.examples.x, <Py_ssize_t*>NULL, first, &ldx, theta)
    if x == NULL and not job.sparse:
        gather(job.examples.x, <Py_ssize_t*>NULL, first, n, <real_t*>w.x + own * layout.n_inputs)
        x = <const real_t*>w.x + own * layout.n_inputs
        ldx = layout.n_inputs
    forward(layout, theta, &sparse if job.sparse else NULL, &x, ldx, <const real_t**>NULL, 0, n,
            own, w.microbatch_rows,
            <real_t*>w.a, <real_t*>NULL, <real_t*>NULL, <real_t*>NULL,
            <real_t*>job.out + first * layout.n_outputs, <const Dropout*>NULL, &finite)
    if not finite:
        w.partial_sums[thread] = 1.0


cdef void run_task(Job* job, Workspace w, Optimizer o, Py_ssize_t b, int thread,
              real_t* theta) noexcept nogil:
    """Block b of the phase that is open."""
    cdef const Phase* phase = &job.phase
    cdef const Shard* shard
    cdef real_t* gradient = <real_t*>(job.gradient if job.task == GRADIENT else w.gradient)
    cdef Py_ssize_t rows = w.blocks_per_task * w.block
    if phase.kind == PREDICT_ROWS:
        _predict_rows(job, w, b, thread, <const real_t*>theta)
        return
    if phase.kind == TRAIN_ROWS:
        forward_backward(job, w, phase.start, b * rows, min(rows, phase.rows - b * rows),
                  phase.next_start, phase.scale, <const real_t*>theta,
                  &w.costs[phase.first_cost + b * w.blocks_per_task])
        return
    shard = &w.shards[b]
    if phase.kind == ACCUMULATE:
        _gradient_shard(job, w, shard, phase.start, phase.rows, phase.add, gradient)
    elif phase.kind == PENALISE:
        w.partial_sums[w.n_shards + b] = _penalised_shard(
            job, w, shard, phase.scale, theta, gradient, &w.partial_sums[b])
    elif phase.kind == APPLY:
        if phase.factor != 1.0:
            _clip(job, w, shard, phase.factor, gradient)
        _step(job, w, o, &phase.step, shard,
              <const real_t*>_gradient(job, w, shard, gradient),
              <const real_t*>gradient + shard.b, theta)
    else:
        w.partial_sums[b] = _update_shard(job, w, o, &phase.step, shard, phase.start, phase.rows,
                                   phase.scale, thread, theta)


cdef void work(Job* job, Workspace w, Optimizer o, int thread, real_t* theta) noexcept nogil:
    """Take ceil_div, of whatever phase is open, until the work is over."""
    cdef Py_ssize_t b = bp_pool_next(&job.pool)
    while b >= 0:
        run_task(job, w, o, b, thread, theta)
        bp_pool_done(&job.pool)
        b = bp_pool_next(&job.pool)


cdef bint run_phase(Job* job, Workspace w, Optimizer o, int kind, Py_ssize_t n, double work,
                 real_t* theta) noexcept nogil:
    """All n ceil_div of a phase, with the workers there are; False where a signal handler raised.

    work: multiplications in a block, where the phase may be left in the middle because it
    changes nothing that lasts: the leader then looks at the signals between its ceil_div, and once
    one has raised takes the ceil_div that are left and leaves them undone.  0: it may not.
    """
    cdef Py_ssize_t b = 0
    cdef bint stop = False
    cdef bint alone = job.pool.size == 1
    job.phase.kind = kind
    if not alone:
        bp_pool_open(&job.pool, n)
        b = bp_pool_take(&job.pool)
    while 0 <= b < n:
        if work > 0 and not stop:
            stop = poll_signals(w, work)
        if not stop:
            run_task(job, w, o, b, 0, theta)
        if alone:
            b += 1
        else:
            bp_pool_done(&job.pool)
            b = bp_pool_take(&job.pool)
    if not alone:
        bp_pool_close(&job.pool, n)
    return not stop


cdef void run_job(Job* job, Workspace w, Optimizer o, real_t* theta) noexcept nogil:
    """The whole job: PREDICT, COST, GRADIENT or TRAIN."""
    cdef const Layer* first = &job.layout.layers[0]
    cdef real_t* slot_1 = <real_t*>o.slot_1
    cdef real_t* slot_2 = <real_t*>o.slot_2
    if job.sparse:
        transpose_in(first, &w.sparse, <const real_t*>theta, slot_1, slot_2)
    _run_job(job, w, o, theta)
    if job.sparse and job.task == TRAIN:
        transpose_out(first, &w.sparse, theta, slot_1, slot_2)
    elif job.sparse and job.task == GRADIENT:
        transpose_gradient_out(first, &w.sparse, <real_t*>job.gradient)


cdef void _run_job(Job* job, Workspace w, Optimizer o, real_t* theta) noexcept nogil:
    """The job, w^(1) being as it is to be.

    A batch whose weights are all zero changes nothing.  Training stops before the update at a
    cost that is not finite, which job.cost then shows, and where a signal handler has raised; an
    update that has begun is finished, unless it takes longer than one may wait (LONG_UPDATE).
    """
    cdef Py_ssize_t i, start, n, first
    cdef Py_ssize_t rows = 0
    cdef double weight, cost, norm, work
    cdef double a_row = job.layout.n_parameters
    cdef bint whole
    cdef Phase* phase = &job.phase
    cdef Py_ssize_t per_microbatch = ceil_div(w.microbatch_rows, w.block)
    cdef Py_ssize_t blocks_per_task = w.blocks_per_task * w.block
    if job.task == PREDICT:
        run_phase(job, w, o, PREDICT_ROWS, ceil_div(job.n_rows, blocks_per_task), a_row * blocks_per_task, theta)
        return
    phase.step.t = o.t
    phase.step.mu_product = o.mu_product
    for i in range(ceil_div(job.n_rows, job.batch_size)):
        start = i * job.batch_size
        n = min(job.batch_size, job.n_rows - start)
        weight = weight_sum(&job.examples, start, n)
        if weight == 0:
            continue
        phase.scale = 1.0 / weight
        whole = job.task == GRADIENT or (
            job.task == TRAIN and (n > w.microbatch_rows or job.regularisation.clip != 0))
        phase.first_cost = 0
        first = 0
        while first < n:
            rows = min(w.microbatch_rows, n - first)
            phase.start = start + first
            phase.rows = rows
            phase.next_start = start + first + rows
            if not run_phase(job, w, o, TRAIN_ROWS, ceil_div(rows, blocks_per_task), 2 * a_row * blocks_per_task,
                          theta):
                return
            if whole:
                phase.add = first > 0
                if not run_phase(job, w, o, ACCUMULATE, w.n_shards, a_row * rows / w.n_shards,
                              theta):
                    return
            phase.first_cost += per_microbatch
            first += w.microbatch_rows

        cost = _sum(w.costs, (n - rows) // w.microbatch_rows * per_microbatch + ceil_div(rows, w.block))
        job.cost += cost * (<double>n / job.n_rows)
        if whole and (job.regularisation.l2 != 0 or job.regularisation.l1 != 0 or job.regularisation.clip != 0):
            run_phase(job, w, o, PENALISE, w.n_shards, 0, theta)
            job.penalty += _sum(w.partial_sums + w.n_shards, w.n_shards) * (<double>n / job.n_rows)
        if job.task != TRAIN:
            continue
        if not isfinite(cost):
            return
        phase.step = next_coefficients(o, phase.step.t + 1, phase.step.mu_product)
        if whole:
            norm = sqrt(_sum(w.partial_sums, w.n_shards))
            phase.factor = 1.0
            if job.regularisation.clip != 0 and norm > job.regularisation.clip:
                phase.factor = job.regularisation.clip / norm    # Pascanu, Mikolov and Bengio 2013
            run_phase(job, w, o, APPLY, w.n_shards, 0, theta)
        else:
            work = a_row * n / w.n_shards if a_row * n > LONG_UPDATE else 0
            if not run_phase(job, w, o, FUSED_UPDATE, w.n_shards, work, theta):
                return
            job.penalty += _sum(w.partial_sums, w.n_shards) * (<double>n / job.n_rows)
        o.t = phase.step.t
        o.mu_product = phase.step.mu_product
