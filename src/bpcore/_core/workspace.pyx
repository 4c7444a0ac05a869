"""The buffers of a run: one allocation, cut up as the plan says."""

from bpcore._core.memory import LINE

from libc.stdint cimport int32_t, uintptr_t
from libc.stdlib cimport calloc, free

from bpcore._core.backward cimport Shard
from bpcore._core.job cimport COST, GRADIENT, JACOBIAN, PREDICT, PRODUCT, TRAIN
from bpcore._core.products cimport padded_width
from bpcore._core.sparse cimport OFFSET_STRIDE, rows_at_once
from bpcore._core.types cimport OwnProducts, ceil_div

_SLOPES = ("slopes_y", "slopes_x", "slopes_g", "slopes_v", "slopes_tangent", "bend")
# Of a product with second derivatives, one number a unit each.
_TANGENTS = ("z", "dC_da", "tangent_z", "tangent_a", "tangent_delta")


cdef class Workspace:
    """The buffers of a run, in one piece of memory that is freed with the object.

    Raises
    ------
    MemoryError
        If there is not so much memory; nothing is kept then.
    """

    def __dealloc__(self):
        free(self.allocation)


cdef dict _row_buffers(const Layout* layout, const Plan* plan):
    """name: bytes, of what a microbatch needs."""
    rows, itemsize = <object>plan.microbatch_rows, <object>layout.itemsize
    learns = plan.task != PREDICT
    units = rows * layout.n_units * itemsize
    # a prediction keeps no rows of a sparse first layer, and no offsets
    x_rows = rows
    if plan.sparse and not learns:
        x_rows = <object>plan.n_threads * min(plan.block * plan.blocks_per_task,
                                              rows_at_once(plan.transposes))
    sparse_rows = x_rows if plan.sparse else 0
    offset_rows = sparse_rows if learns else min(sparse_rows, <object>plan.n_threads)
    sizes = {
        "pointers": rows * sizeof(void*),
        "prefetch": rows * sizeof(void*),
        "weights": rows * sizeof(double),
        "x": x_rows * plan.ld_x * itemsize,
        "y": rows * layout.n_outputs * itemsize if learns else 0,
        "a": units,
        "da_dz": units if learns and layout.stores_da_dz or plan.task == PRODUCT
        or plan.fits_slopes else 0,
        "z_out": rows * layout.n_outputs * itemsize if learns else 0,
        "delta": units if learns else 0,
        **dict.fromkeys(_TANGENTS, units if plan.task == PRODUCT else 0),
        **_slope_buffers(layout, plan),
        "columns": sparse_rows * plan.ld_x * sizeof(int32_t),
        "counts": sparse_rows * sizeof(Py_ssize_t),
        "offsets": offset_rows * ceil_div(layout.n_inputs, OFFSET_STRIDE) * sizeof(int32_t),
    }
    if plan.fits_slopes:
        sizes["z"] = units
    if plan.keeps_terms:        # they lie in arrays of the caller's
        sizes.update(dict.fromkeys(("x", "y", "a", "da_dz", "z_out", "delta"), 0))
    return sizes


cdef dict _slope_buffers(const Layout* layout, const Plan* plan):
    """name: bytes, of what a cost that knows ∂a^(L)/∂a^(0) needs; see Slopes."""
    if not plan.fits_slopes:
        return dict.fromkeys(_SLOPES, 0)
    learns = plan.task != COST
    row = <object>plan.microbatch_rows * layout.itemsize
    inputs = row * layout.n_outputs * layout.n_inputs
    units = row * layout.n_outputs * layout.n_units
    return dict(zip(_SLOPES, (inputs, inputs, units, units, units * learns,
                              row * layout.n_units * learns), strict=True))


cdef dict _gradient_buffers(const Layout* layout, const Plan* plan, Py_ssize_t batch,
                            Optimizer optimizer):
    """name: bytes, of what gradients, updates and sums need."""
    itemsize = <object>layout.itemsize
    trains = plan.task == TRAIN
    ldw = padded_width(layout.layers[0].n_out, layout.itemsize)
    transposed = 0
    if plan.transposes and plan.task != PREDICT:        # which is given it
        transposed = <object>layout.n_inputs * ldw * itemsize
    # a slot whose rows need no padding is transposed in its own place
    is_padded = ldw != layout.layers[0].n_out
    scratch = 0
    if trains:
        scratch = plan.largest_shard * itemsize
    elif plan.task == JACOBIAN:
        scratch = plan.block * layout.n_inputs * itemsize
    n_blocks = ceil_div(batch, plan.microbatch_rows) * ceil_div(plan.microbatch_rows, plan.block)
    return {
        "gradient": layout.n_parameters * itemsize if plan.accumulates else 0,
        "scratch": <object>plan.n_threads * scratch,
        "normal": plan.normal_rows * plan.residuals * (layout.n_parameters + 1) * itemsize,
        "costs": n_blocks * sizeof(double),
        "partial_sums": max(<object>plan.n_shards * 2, <object>plan.n_threads) * sizeof(double),
        "shards": plan.n_shards * sizeof(Shard),
        "own": layout.n_layers * sizeof(OwnProducts),
        "w_t": transposed,
        "gradient_t": transposed if plan.accumulates or plan.task == GRADIENT else 0,
        "slot_1_t": transposed if is_padded and optimizer.slot_1 != NULL else 0,
        "slot_2_t": transposed if is_padded and optimizer.slot_2 != NULL else 0,
    }


cdef void* _at(dict places, str name) except? NULL:
    """Where a buffer begins; NULL where it has no bytes."""
    return <void*><uintptr_t>places[name]


cdef Workspace make_workspace(const Layout* layout, Plan plan, list shards, list own,
                              Py_ssize_t batch, Optimizer optimizer):
    """The buffers for a plan.

    shards, own: what `make_plan` has told of it.  batch: rows of a batch.  optimizer: what will
    make the updates.
    """
    cdef Workspace w = Workspace.__new__(Workspace)
    cdef Memory* m = &w.memory
    cdef Shard* table
    cdef OwnProducts* products
    cdef Py_ssize_t i
    sizes = _row_buffers(layout, &plan) | _gradient_buffers(layout, &plan, batch, optimizer)
    offsets, total = {}, LINE
    for name, size in sizes.items():
        offsets[name] = total
        total += (size + LINE - 1) // LINE * LINE
    w.plan = plan
    w.allocation = calloc(total, 1) if total < 2**62 else NULL
    if w.allocation == NULL:
        raise MemoryError(f"no memory for the buffers of {plan.microbatch_rows} rows "
                          f"({total / 2**20:.0f} MB)")
    base = <uintptr_t>w.allocation // LINE * LINE
    places = {name: base + offset if sizes[name] else 0 for name, offset in offsets.items()}
    table = <Shard*>_at(places, "shards")
    for i in range(plan.n_shards):
        (table[i].layer, table[i].first, table[i].units, table[i].w, table[i].n_w, table[i].b,
         table[i].n_b) = shards[i]
    m.shards = table
    products = <OwnProducts*>_at(places, "own")
    for i in range(layout.n_layers):
        products[i].forward, products[i].delta, products[i].gradient = own[i]
    m.rows.own = products
    m.pointers = <const void**>_at(places, "pointers")
    m.prefetch = <const void**>_at(places, "prefetch")
    m.weights = <double*>_at(places, "weights")
    m.rows.rows = plan.microbatch_rows
    m.rows.x, m.rows.y = _at(places, "x"), _at(places, "y")
    m.rows.a, m.rows.z, m.rows.z_out = _at(places, "a"), _at(places, "z"), _at(places, "z_out")
    m.rows.da_dz, m.rows.delta = _at(places, "da_dz"), _at(places, "delta")
    m.rows.dC_da, m.rows.bend = _at(places, "dC_da"), _at(places, "bend")
    m.slopes.y, m.slopes.x = _at(places, "slopes_y"), _at(places, "slopes_x")
    m.slopes.g, m.slopes.v = _at(places, "slopes_g"), _at(places, "slopes_v")
    m.slopes.tangent = _at(places, "slopes_tangent")
    m.tangent_z, m.tangent_a = _at(places, "tangent_z"), _at(places, "tangent_a")
    m.tangent_delta = _at(places, "tangent_delta")
    m.gradient, m.scratch = _at(places, "gradient"), _at(places, "scratch")
    m.normal = _at(places, "normal")
    m.costs = <double*>_at(places, "costs")
    m.partial_sums = <double*>_at(places, "partial_sums")
    _place_sparse(layout, m, places, optimizer, plan.ld_x)
    return w


cdef int _place_sparse(const Layout* layout, Memory* m, dict places,
                       Optimizer optimizer, Py_ssize_t room) except -1:
    """The part of the memory that a sparse first layer has."""
    m.sparse.width, m.sparse.room = layout.n_inputs, room
    m.sparse.ldw = padded_width(layout.layers[0].n_out, layout.itemsize)
    m.sparse.n_offsets = ceil_div(layout.n_inputs, OFFSET_STRIDE)
    m.sparse.values = m.rows.x
    m.sparse.columns = <int32_t*>_at(places, "columns")
    m.sparse.counts = <Py_ssize_t*>_at(places, "counts")
    m.sparse.offsets = <int32_t*>_at(places, "offsets")
    m.sparse.w_t = _at(places, "w_t")
    m.sparse.gradient_t = _at(places, "gradient_t")
    is_padded = m.sparse.ldw != layout.layers[0].n_out
    m.sparse.slot_1_t = _at(places, "slot_1_t") if is_padded else optimizer.slot_1
    m.sparse.slot_2_t = _at(places, "slot_2_t") if is_padded else optimizer.slot_2
    return 0
