"""How a run is cut up: rows into microbatches and blocks, layers into shards, among how many
threads, and how the first layer is read.

Nothing but the number of threads and what a thread takes at a time depends on how many threads
there are: results are bitwise the same for any number of them.
"""

from bpcore._core.job cimport COST, JACOBIAN, NORMAL, PREDICT, TRAIN
from bpcore._core.products cimport (
    DELTA, FORWARD, GRADIENT, choose_own, has_sparse_loops,
    own_loops_serve, padded_width, turns_weights, wants_blas,
)
from bpcore._core.rows cimport has_plain_rows
from bpcore._core.sparse cimport FEW_ROWS_AT_ONCE, FEW_ROWS_OF_A_BATCH, OFFSET_STRIDE
from bpcore._core.tuning cimport TUNING
from bpcore._core.types cimport Layer, ceil_div
from bpcore.kernels.gemm cimport BP_DOTS, BP_TURNED
from bpcore.kernels.tuning cimport BP_BY_POINTER_INPUTS, BP_RUN, BP_SHORT_INPUTS

# Sizes are multiples of the tiles' rows.
cdef Py_ssize_t MULTIPLE = 8

# The share of inputs that are not zero up to which rows of CSR train where w^(1) is not transposed:
# of 100 rows of 80 of 20,000 inputs a step of Adam took a third of the time of products of whole
# rows.  Up to it, too, rows of CSR are not spread out for few units: fits of 2,000 rows of 20 of
# 1,000 inputs took 0.6 to 1.0 of that time given 1 to 12 units, of 30 inputs 0.7 to 2.
cdef double FEW_INPUTS_DENSITY = 0.02


cdef Py_ssize_t _rounded(Py_ssize_t n) noexcept nogil:
    return (n + MULTIPLE - 1) // MULTIPLE * MULTIPLE


# ---------------------------------------------------------------- sizes

cdef Py_ssize_t _normal_rows(const Layout* layout, Py_ssize_t n_rows,
                             Py_ssize_t residuals) noexcept nogil:
    """How many rows of the table have their rows of [J r] in memory at a time."""
    cdef Py_ssize_t numbers = residuals * (layout.n_parameters + 1)
    cdef Py_ssize_t most = max(
        <Py_ssize_t>TUNING.normal_bytes // (numbers * layout.itemsize),
        TUNING.normal_min_rows // residuals)
    return max(1, min(n_rows, most))


cdef Py_ssize_t _slope_rows(const Layout* layout, Py_ssize_t n_rows) noexcept nogil:
    """How many rows go through at a time where derivatives are fitted too; see Slopes."""
    cdef Py_ssize_t numbers = layout.n_inputs + 2 * layout.n_outputs + 5 * layout.n_units \
        + layout.n_outputs * (2 * layout.n_inputs + 3 * layout.n_units)
    cdef Py_ssize_t fit = <Py_ssize_t>(TUNING.slopes_bytes / (numbers * layout.itemsize))
    return min(n_rows, max(TUNING.slopes_min_rows, min(TUNING.microbatch_max_rows, fit)))


def microbatch_size(Py_ssize_t n_rows, Py_ssize_t numbers_a_row, Py_ssize_t itemsize):
    """How many rows go through at a time, with `numbers_a_row` numbers of buffers each."""
    row = numbers_a_row * itemsize
    most = max(TUNING.microbatch_usual_rows, int(TUNING.microbatch_cached_bytes) // row)
    most = min(TUNING.microbatch_max_rows, most, int(TUNING.microbatch_bytes) // row)
    rows = max(TUNING.microbatch_min_rows, most)
    return max(1, min(n_rows, rows))


def block_rows(Py_ssize_t microbatch_rows, n_tasks=None):
    """How many rows of a microbatch one thread takes at a time.

    n_tasks: into how many blocks about; ``tasks_per_phase`` when None.
    """
    cdef Py_ssize_t tasks = TUNING.tasks_per_phase if n_tasks is None else n_tasks
    cdef Py_ssize_t rows = _rounded(microbatch_rows)
    if tasks > 1:
        # rather one block more than a last one that is much smaller: two threads then end together
        rows = ceil_div(microbatch_rows, tasks) // MULTIPLE * MULTIPLE
    return max(TUNING.block_min_rows, min(TUNING.block_max_rows, rows))


def shard_units(Py_ssize_t n_in, Py_ssize_t n_out, n_tasks=None):
    """How many units of a layer one thread updates at a time; n_tasks as for `block_rows`."""
    cdef Py_ssize_t tasks = TUNING.tasks_per_phase if n_tasks is None else n_tasks
    if n_out * (n_in + 1) <= TUNING.shard_min_numbers:
        return n_out
    most = max(MULTIPLE, TUNING.shard_numbers // n_in // MULTIPLE * MULTIPLE)
    return min(n_out, most, _rounded(ceil_div(n_out, tasks)))


cdef Py_ssize_t prediction_rows(Py_ssize_t n_rows, const Layout* layout) noexcept nogil:
    """How many rows are predicted at a time: their activations stay in the second cache, and a few
    threads have something to do."""
    cdef Py_ssize_t most = min(
        TUNING.prediction_max_rows,
        <Py_ssize_t>TUNING.prediction_bytes // (layout.n_units * layout.itemsize))
    return max(1, min(n_rows, max(32, most), max(
        TUNING.block_min_rows, _rounded(n_rows // TUNING.tasks_per_phase))))


cdef Py_ssize_t _rows_in_time(const Layout* layout) noexcept nogil:
    """Rows whose products with every w^(l) take as long as a signal may wait."""
    return <Py_ssize_t>(TUNING.product_max_work * sizeof(float) / layout.itemsize
                        / (2.0 * layout.n_parameters))


cdef bint _merges_blocks(const Layout* layout, int task, Py_ssize_t block):
    """Whether a thread may take several blocks of rows with one product.

    BLAS must have no product of a block, since its bits could depend on the number of rows.  Where
    it would have been chosen, and in a prediction, whose activations are to stay in the second
    cache, that pays if some w^(l) does not stay there from one block to the next.
    """
    cdef Py_ssize_t l, weights
    cdef const Layer* layer
    cdef bint is_large = False
    cdef bint is_own = task != PREDICT
    for l in range(layout.n_layers):
        layer = &layout.layers[l]
        weights = layer.n_in * layer.n_out
        is_large = is_large or <double>weights * layout.itemsize >= TUNING.large_matrix_bytes
        if task == PREDICT or task == COST:
            continue
        if wants_blas(weights, layout.itemsize, block):
            return False
        is_own = is_own and choose_own(DELTA, block, layer.n_in, layer.n_out, layout.itemsize,
                                       False, False)
    return is_large or is_own


cdef Py_ssize_t _blocks_per_task(const Layout* layout, int task, Py_ssize_t n_rows,
                                 Py_ssize_t block, int n_threads):
    """How many blocks of rows, of n_rows in all, a thread goes through with each product.

    It may depend on how many threads there are, since the bits of a row must not depend on it:
    all products are then those of the own loops, which treat every row alike.
    """
    cdef Py_ssize_t l, blocks
    cdef const Layer* layer
    cdef Py_ssize_t most = min(TUNING.block_max_rows, _rows_in_time(layout)) // block
    if not _merges_blocks(layout, task, block):
        return 1
    for l in range(layout.n_layers):
        layer = &layout.layers[l]
        while most > 1 and not own_loops_serve(most * block, layer.n_out, layer.n_in):
            most -= 1
        if layer.n_in < BP_SHORT_INPUTS and is_small_work(layout, n_rows):
            most = 1        # the number of rows decides which loop their product meets
    for blocks in range(min(most, ceil_div(n_rows, block)), 1, -1):
        loads = [0] * n_threads
        for first in range(0, n_rows, blocks * block):
            loads.sort()
            loads[0] += min(blocks * block, n_rows - first)
        if max(loads) * n_threads <= TUNING.max_load * n_rows:
            return blocks
    return 1


# ---------------------------------------------------------------- shards

cdef list _layer_shards(Py_ssize_t l, Layer layer, Py_ssize_t n_tasks, bint as_one):
    """The shards of layer l + 1, each as the numbers of a `Shard`."""
    size = layer.n_out if as_one else shard_units(layer.n_in, layer.n_out, n_tasks)
    return [
        (l, first, units, layer.w + first * layer.n_in, units * layer.n_in, layer.b + first, units)
        for first in range(0, layer.n_out, size)
        for units in (min(size, layer.n_out - first),)
    ]


cdef list _sparse_shards(const Layout* layout, Py_ssize_t n_tasks):
    """Those of a sparse first layer: some inputs each, the first one with all biases."""
    n_in, n_out, b = layout.n_inputs, layout.layers[0].n_out, layout.layers[0].b
    ldw = padded_width(n_out, layout.itemsize)
    size = ceil_div(shard_units(ldw, n_in, n_tasks), OFFSET_STRIDE) * OFFSET_STRIDE
    return [
        (0, first, inputs, first * ldw, inputs * ldw, b, n_out if first == 0 else 0)
        for first in range(0, n_in, size)
        for inputs in (min(size, n_in - first),)
    ]


# ---------------------------------------------------------------- threads, products

cdef bint is_parallel(const Layout* layout, Py_ssize_t batch) noexcept nogil:
    """Whether `batch` rows are so much work that two threads may share them."""
    return 6.0 * layout.n_parameters * batch >= 2 * TUNING.parallel_batch_operations


cdef int _n_threads(const Layout* layout, const Request* request) noexcept nogil:
    """How many threads the request is worth."""
    cdef double factor = 6.0
    cdef double one_row, most
    if request.task <= COST:
        factor = 2.0
    if request.fits_slopes:
        factor *= 1 + layout.n_outputs
    elif request.task >= JACOBIAN:
        factor = 2.0 * (1 + layout.n_outputs)
        if request.task == NORMAL:
            factor += 1.0 * layout.n_outputs * layout.n_parameters
    one_row = factor * layout.n_parameters
    most = min(
        one_row * min(request.n_rows, request.batch_size)
        / max(TUNING.parallel_batch_operations, 1e-9),
        one_row * request.n_rows * request.epochs / max(TUNING.parallel_call_operations, 1e-9))
    if request.task == PREDICT:
        most = min(most, ceil_div(request.n_rows, prediction_rows(request.n_rows, layout)))
    return max(1, min(request.max_threads, <int>min(most, 1024.0)))


cdef bint _is_sparse(const Layout* layout, const Request* request, Rows x):
    """Whether the first layer takes only the inputs that are not zero."""
    cdef const Layer* first = &layout.layers[0]
    if x is None or request.task > TRAIN or request.keeps_terms or request.scales_inputs \
            or request.fits_slopes or request.alike \
            or first.n_in < TUNING.sparse_min_inputs \
            or first.n_out < TUNING.sparse_min_units and not (
                x.is_sparse() and x.density() <= FEW_INPUTS_DENSITY):
        return False
    return (_is_nearly_empty(layout, request, x)
            or has_sparse_loops() and request.n_rows >= TUNING.sparse_min_rows) \
        and x.density() <= TUNING.sparse_max_density


cdef bint _is_nearly_empty(const Layout* layout, const Request* request, Rows x):
    """Whether the rows have so few numbers, in all or in a batch, that transposing w^(1) for them
    would take longer than reading it where it lies; and in training writing to it, which few units
    do for any number of rows."""
    cdef bint are_few
    if not x.is_sparse():
        return False
    are_few = x.density() * request.n_rows <= TUNING.sparse_transposing_rows
    if request.task <= COST:
        return are_few or (
            request.n_rows < TUNING.sparse_min_rows
            and x.density() <= TUNING.sparse_in_place_density and x.fullest <= BP_RUN)
    if x.density() > FEW_INPUTS_DENSITY:
        return False
    # transposed, an input's weights fill whole vectors, with zeros in the place of units
    return are_few or 2 * layout.layers[0].n_out <= padded_width(1, layout.itemsize) or (
        request.task == TRAIN
        and x.density() * min(request.n_rows, request.batch_size) <= TUNING.sparse_few_a_batch)


cdef bint is_small_work(const Layout* layout, Py_ssize_t n_rows) noexcept nogil:
    """Whether so few rows are so little work that nothing but the own loops pays, by whichever
    door they come: a small batch has the bits of the long way.  No tuned number is asked."""
    return n_rows == 1 or (
        n_rows < 256 and 6.0 * layout.n_parameters * n_rows < 2e7)


cdef bint _by_pointer(const Layout* layout, const Request* request, Rows x, tuple own):
    """Whether shuffled rows are read where they lie: plain rows, and own products of layer 1, for
    which BLAS would have to gather (784-16-16-10: 1.2 times as long)."""
    forward, _, gradient = own
    return (
        request.shuffled and layout.layers[0].n_in >= BP_BY_POINTER_INPUTS
        and forward and forward != BP_TURNED and gradient
        and has_plain_rows(&x.view, layout.itemsize)
    )


cdef Py_ssize_t _input_stride(const Layout* layout, const Plan* plan, Rows x):
    """Numbers from one row of a^(0) in the buffers to the next: so many that each begins where a
    line of the caches does, if that is no eighth more; of compressed rows what one keeps."""
    cdef Py_ssize_t padded = padded_width(layout.n_inputs, layout.itemsize)
    if plan.sparse:
        return min(layout.n_inputs, padded_width(max(<Py_ssize_t>1, x.fullest), layout.itemsize))
    if plan.keeps_terms or 8 * (padded - layout.n_inputs) > layout.n_inputs:
        return layout.n_inputs
    return padded


cdef list _own_products(const Layout* layout, Plan* plan, const Request* request, list shards):
    """Of every layer, which products the own loops compute; plan.uses_blas is set."""
    cdef Py_ssize_t l, weights
    cdef Py_ssize_t itemsize = layout.itemsize
    cdef const Layer* layer
    cdef bint is_small = is_small_work(layout, request.n_rows)
    cdef bint merges = _merges_blocks(layout, plan.task, plan.block)
    # of a product, about, whatever the number of threads
    cdef Py_ssize_t rows = plan.block
    cdef int forward
    cdef bint delta, gradient, is_large
    cdef bint learns = plan.task != PREDICT and plan.task != COST
    if PREDICT < plan.task < JACOBIAN:      # the buffers of the others grow with the threads
        rows = max(rows, plan.microbatch_rows // 2)
    units = {}
    for shard in shards:
        units.setdefault(shard[0], shard[2])
    own = []
    for l in range(layout.n_layers):
        layer = &layout.layers[l]
        weights = layer.n_in * layer.n_out
        is_large = wants_blas(weights, itemsize, plan.block)
        forward = choose_own(FORWARD, plan.block, layer.n_out, layer.n_in, itemsize, is_small,
                             is_large)
        if forward and request.alike:
            forward = BP_DOTS
        elif forward and not is_small:
            forward = BP_TURNED if turns_weights(rows, layer.n_out, layer.n_in, itemsize) \
                else BP_DOTS
        delta = choose_own(DELTA, plan.block, layer.n_in, layer.n_out, itemsize,
                           is_small or merges, is_large)
        gradient = choose_own(GRADIENT, units[l], layer.n_in, plan.microbatch_rows, itemsize,
                              is_small, is_large)
        if not forward or learns and not (delta and gradient):
            plan.uses_blas = True
        own.append((forward, delta, gradient))
    return own


cdef void _share_rows(const Layout* layout, const Request* request, Plan* plan) noexcept nogil:
    """A block for each thread, where w^(1) is read once for all rows of a block.

    The loops are chosen by then, by rows that no thread has a say in, and a row has the same bits
    in any block; but not with BLAS, or loops that ask how many rows there are.
    """
    if plan.task != PREDICT or not plan.sparse or plan.transposes or plan.uses_blas \
            or is_small_work(layout, request.n_rows):
        return
    plan.block = max(1, min(ceil_div(request.n_rows, plan.n_threads), plan.block))
    plan.blocks_per_task = 1
    plan.microbatch_rows = plan.n_threads * plan.block


cdef Plan make_plan(const Layout* layout, const Request* request, Rows x, list shards, list own):
    """The plan for rows of x.

    shards, own: lists that its shards, and of every layer which products are own, are appended to.
    """
    cdef Plan plan
    cdef Py_ssize_t l
    cdef Py_ssize_t batch = min(request.n_rows, request.batch_size)
    cdef Py_ssize_t n_tasks = TUNING.tasks_per_phase if is_parallel(layout, batch) else 1
    plan.task = request.task
    plan.normal_rows = 0
    plan.residuals = layout.n_outputs * (1 + request.fits_slopes * layout.n_inputs)
    plan.keeps_terms, plan.fits_slopes = request.keeps_terms, request.fits_slopes
    plan.n_threads = _n_threads(layout, request)
    plan.sparse = _is_sparse(layout, request, x)
    plan.transposes = plan.sparse and not _is_nearly_empty(layout, request, x)
    plan.blocks_per_task = 1
    if plan.task == PREDICT:
        plan.block = prediction_rows(request.n_rows, layout)
        if plan.sparse and not plan.transposes:
            # w^(1), which is large, is read once for all of them
            plan.block = max(1, min(request.n_rows, FEW_ROWS_AT_ONCE))
        plan.blocks_per_task = _blocks_per_task(
            layout, plan.task, request.n_rows, plan.block, plan.n_threads)
        plan.microbatch_rows = plan.block * plan.blocks_per_task * plan.n_threads
    else:
        plan.microbatch_rows = microbatch_size(
            batch, layout.n_inputs + 2 * layout.n_outputs + 2 * layout.n_units, layout.itemsize)
        if plan.fits_slopes:
            plan.microbatch_rows = _slope_rows(layout, batch)
        if request.keeps_batch:
            plan.microbatch_rows = batch
        plan.block = min(plan.microbatch_rows,
                         <Py_ssize_t>block_rows(plan.microbatch_rows, n_tasks),
                         max(TUNING.block_slow_rows,
                             _rows_in_time(layout) // MULTIPLE * MULTIPLE))
        if plan.sparse and not plan.transposes and plan.task != COST:
            plan.block = min(plan.microbatch_rows, FEW_ROWS_OF_A_BATCH)
        if plan.task >= JACOBIAN:       # each thread has a block of its own in the buffers
            if plan.task == NORMAL:     # they share the rows that have their J in memory
                plan.normal_rows = _normal_rows(layout, request.n_rows, plan.residuals)
                plan.block = min(plan.block, ceil_div(plan.normal_rows, n_tasks))
            plan.microbatch_rows = plan.block * plan.n_threads
        elif not plan.fits_slopes:      # whose costs are added up by tasks
            plan.blocks_per_task = _blocks_per_task(
                layout, plan.task, plan.microbatch_rows, plan.block, plan.n_threads)
    for l in range(layout.n_layers):
        if plan.transposes and l == 0:
            shards += _sparse_shards(layout, n_tasks)
        else:
            shards += _layer_shards(l, layout.layers[l], n_tasks,
                                    l == 0 and request.scales_inputs)
    plan.n_shards = len(shards)
    plan.largest_shard = _rounded(max(n_w + n_b for _, _, _, _, n_w, _, n_b in shards))
    plan.accumulates = plan.task == TRAIN and (request.clips or batch > plan.microbatch_rows)
    plan.uses_blas = False
    own += _own_products(layout, &plan, request, shards)
    if plan.task == NORMAL:
        plan.uses_blas = True       # syrk, and LAPACK after it
    _share_rows(layout, request, &plan)
    plan.by_pointer = _by_pointer(layout, request, x, own[0])
    plan.ld_x = _input_stride(layout, &plan, x)
    return plan
