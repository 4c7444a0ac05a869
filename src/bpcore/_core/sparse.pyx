"""The first layer where most inputs are zero: blank pixels, words that do not occur, one of many.

A zero adds nothing to z^(1) and nothing to ∂C/∂w^(1).  So a batch's rows are gone through once,
what is not zero is kept beside its column, and both products take only that.  They need one
input's weights side by side: for the time of an epoch w^(1) is transposed, (n_in, n_out), and so
are its gradient and what the optimizer remembers of it; for predictions a network keeps it so
(`transposed`).  To transpose it for a few texts, rows of a wide CSR matrix, would take longer than
all else: those are predicted, and a batch of them learns, with w^(1) as it lies, which a prediction
of more than a dozen texts reads once for all of them, square by square.
Sums run over the inputs in their order, so that results differ from those of whole rows by rounding
only.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from bpcore._core.products cimport (
    IN_PLACE_UNITS, add_sparse_outer, compress, columns_of_square, sparse_affine,
    sparse_affine_in_place, transpose,
)
from bpcore._core.rows cimport gather, has_plain_rows, sparse_row
from bpcore._core.types cimport real_t

cdef enum:
    SORTED_MIN_ENTRIES = 1024   # of some rows, that are sorted by the squares they need
    SCRATCH_ALIGNMENT = 64      # bytes: a vector's


cdef void _compress_rows(const Sparse* x, Py_ssize_t k, Py_ssize_t n, Py_ssize_t row,
                         const real_t* of_type) noexcept nogil:
    """The block's rows k : k + n, to row `row` on.  of_type only names the element type."""
    cdef Py_ssize_t i, at, next_at
    cdef const MatrixView* view = x.view
    cdef const Py_ssize_t* order = x.order
    cdef Py_ssize_t start = x.start + k
    cdef real_t* values
    cdef int32_t* columns
    cdef int32_t* offsets
    cdef const char* numbers
    cdef const char* following
    cdef bint plain = has_plain_rows(view, sizeof(real_t))
    for i in range(n):
        at = order[start + i] if order != NULL else start + i
        values = <real_t*>x.values + (row + i) * x.room
        columns = x.columns + (row + i) * x.room
        # a prediction looks at none of them
        offsets = x.offsets + (row + i) * x.n_offsets if x.keeps else x.offsets
        x.counts[row + i] = sparse_row(view, at, values, columns)
        if x.counts[row + i] >= 0:
            if x.keeps and x.w_t != NULL:       # for the gradient
                _count_offsets(x.counts[row + i], <const int32_t*>columns, x.n_offsets,
                               offsets)
            continue
        if plain:
            next_at = at
            if i + 2 < n:
                next_at = order[start + i + 2] if order != NULL else at + 2
            numbers = view.data + at * view.row_stride
            following = view.data + next_at * view.row_stride
        else:
            gather(view, order, start + i + 1, start + i, 1, view.n_columns, values)
            numbers = following = <const char*>values
        x.counts[row + i] = compress(x.width, <const real_t*>numbers, following, values,
                                     columns, offsets)


cdef void _count_offsets(Py_ssize_t count, const int32_t* columns, Py_ssize_t n_offsets,
                         int32_t* offsets) noexcept nogil:
    """The offsets of a row whose columns are known."""
    cdef Py_ssize_t e, end
    cdef Py_ssize_t i = 0
    for e in range(count + 1):
        end = columns[e] // OFFSET_STRIDE + 1 if e < count else n_offsets
        while i < end:
            offsets[i] = <int32_t>e
            i += 1


cdef inline Py_ssize_t _indptr(const MatrixView* view, Py_ssize_t k) noexcept nogil:
    return (<const long long*>view.indptr)[k] if view.wide_indices else (<const int*>view.indptr)[k]


cdef bint _inputs_by_column(const Layer* first, const Sparse* x, Py_ssize_t n, const real_t* w,
                            const real_t* b, real_t* z) noexcept nogil:
    """As `sparse_inputs`, of n rows of CSR, w^(1) as it lies in θ: their entries, sorted by the
    squares of w^(1) that they need, go through it from first to last.  A row's entries keep their
    order, and the sums their bits.

    False, and nothing is done, where the entries are few, where they do not rise in their rows, or
    where there is no memory.
    """
    cdef Py_ssize_t i, row
    cdef Py_ssize_t n_entries = 0
    cdef Py_ssize_t across = columns_of_square(w)
    cdef Py_ssize_t n_squares = (x.width + across - 1) // across
    cdef Py_ssize_t scratch = n * IN_PLACE_UNITS * sizeof(real_t)
    cdef bint sorted = False
    cdef char* memory
    cdef char* aligned
    cdef Py_ssize_t* ends
    cdef real_t* values
    cdef const int32_t* columns
    if x.view.indptr != NULL and x.view.sorted_indices:
        for i in range(n):
            row = x.order[x.start + i] if x.order != NULL else x.start + i
            n_entries += _indptr(x.view, row + 1) - _indptr(x.view, row)
    if n_entries < max(<Py_ssize_t>SORTED_MIN_ENTRIES, n) or n_entries > 2**30:
        return False
    memory = <char*>malloc(SCRATCH_ALIGNMENT + scratch + (n_squares + 1) * sizeof(Py_ssize_t)
                           + n_entries * (2 * sizeof(real_t) + 3 * sizeof(int32_t)))
    if memory != NULL:
        aligned = memory + SCRATCH_ALIGNMENT - <size_t>memory % SCRATCH_ALIGNMENT
        ends = <Py_ssize_t*>(aligned + scratch)
        values = <real_t*>(ends + n_squares + 1)
        sorted = _sort_by_square(x, n, n_entries, across, n_squares, ends, values)
        columns = <const int32_t*>(values + 2 * n_entries)
        if sorted:
            sparse_affine_in_place(n, x.width, first.n_out, n_entries, values, columns,
                                   columns + n_entries, ends, w, b, z, <real_t*>aligned)
    free(memory)
    return sorted


cdef bint _sort_by_square(const Sparse* x, Py_ssize_t n, Py_ssize_t n_entries, Py_ssize_t across,
                          Py_ssize_t n_squares, Py_ssize_t* at, real_t* values) noexcept nogil:
    """The entries of n rows by squares of so many columns: values, then columns, then rows,
    n_entries each, from `values` on, but for room for as many values before the columns, and for as
    many columns at the end.  Within a square they stand in the order of the rows.

    at: (n_squares + 1,), where the entries of each square end.  False where a row holds more
    entries than there are columns.
    """
    cdef Py_ssize_t i, e, k, row, count
    cdef Py_ssize_t first = 0
    cdef Py_ssize_t shift = 0
    cdef real_t* unsorted = values + n_entries
    cdef int32_t* columns = <int32_t*>(unsorted + n_entries)
    cdef int32_t* rows = columns + n_entries
    cdef int32_t* unsorted_columns = rows + n_entries
    while across > <Py_ssize_t>1 << shift:      # a power of two
        shift += 1
    memset(at, 0, (n_squares + 1) * sizeof(Py_ssize_t))
    for i in range(n):
        row = x.order[x.start + i] if x.order != NULL else x.start + i
        count = sparse_row(x.view, row, unsorted + first, unsorted_columns + first)
        if count < 0:
            return False
        for e in range(first, first + count):
            at[(unsorted_columns[e] >> shift) + 1] += 1
        first += count
    for i in range(n_squares):
        at[i + 1] += at[i]
    first = 0
    for i in range(n):
        row = x.order[x.start + i] if x.order != NULL else x.start + i
        count = _indptr(x.view, row + 1) - _indptr(x.view, row)
        for e in range(first, first + count):
            k = at[unsorted_columns[e] >> shift]
            at[unsorted_columns[e] >> shift] = k + 1
            values[k] = unsorted[e]
            columns[k] = unsorted_columns[e]
            rows[k] = <int32_t>i
        first += count
    return True


cdef void sparse_inputs(const Layer* first, const Inputs* inputs, Py_ssize_t n, const real_t* w,
                        const real_t* b, real_t* z) noexcept nogil:
    """z^(1) = w^(1) a^(0) + b^(1) of a block of n rows, which are compressed; z (n, n_1).

    w: w^(1) as it lies in θ, read where it is not transposed.
    """
    cdef Py_ssize_t here, i
    cdef Py_ssize_t k = 0
    cdef real_t[IN_PLACE_UNITS] sums
    cdef const Sparse* x = inputs.sparse
    cdef Py_ssize_t row = x.row
    if x.w_t == NULL and _inputs_by_column(first, x, n, w, b, z):
        if x.keeps:     # for the gradient
            _compress_rows(x, 0, n, row, b)
        return
    while k < n:
        here = n if x.keeps else min(rows_at_once(x.w_t != NULL), n - k)
        _compress_rows(x, k, here, row, b)
        if x.w_t == NULL:
            for i in range(here):
                sparse_affine_in_place(
                    1, x.width, first.n_out, x.counts[row + i],
                    <const real_t*>x.values + (row + i) * x.room, x.columns + (row + i) * x.room,
                    <const int32_t*>NULL, <const Py_ssize_t*>NULL, w, b,
                    z + (k + i) * first.n_out, sums)
            k += here
            continue
        sparse_affine(x.in_order, here, first.n_out, x.room,
                      <const real_t*>x.values + row * x.room, x.columns + row * x.room,
                      x.counts + row, <const real_t*>x.w_t, x.ldw, b, z + k * first.n_out,
                      <const real_t**>inputs.prefetch, inputs.n_prefetch)
        k += here


cdef void sparse_gradient(const Layer* first, const Inputs* inputs, Py_ssize_t begin,
                          Py_ssize_t end, Py_ssize_t n, real_t alpha, const real_t* delta,
                          real_t beta, real_t* of_w) noexcept nogil:
    """Of inputs begin to end: of_w = alpha a^(0)ᵀ δ^(1) + beta of_w, transposed.

    The first n rows of inputs.sparse; delta (n, n_1).  begin, end: as `first` and `end` of
    `add_sparse_outer`.  of_w: those inputs' own, as in w_t.
    """
    cdef Py_ssize_t i
    cdef const Sparse* x = inputs.sparse
    cdef Py_ssize_t numbers = (end - begin) * x.ldw
    if beta == 0:
        memset(of_w, 0, numbers * sizeof(real_t))
    elif beta != 1:
        for i in range(numbers):
            of_w[i] *= beta
    add_sparse_outer(n, x.width, first.n_out, begin, end, x.room, <const real_t*>x.values,
                     x.columns, x.counts, x.offsets, alpha, delta, of_w - begin * x.ldw, x.ldw,
                     <const real_t**>inputs.prefetch, inputs.n_prefetch)


cdef void few_inputs_gradient(const Layer* first, const Sparse* x, Py_ssize_t units, Py_ssize_t n,
                              real_t alpha, const real_t* delta, real_t beta,
                              real_t* of_w) noexcept nogil:
    """of_w (units, n_in) = alpha δ^(1)ᵀ a^(0) + beta of_w, where w^(1) is not transposed: a unit's
    weights stay in cache from row to row.

    The first n rows of x; delta: of the units, rows n_1 apart.
    """
    cdef Py_ssize_t i, k, u, e
    cdef const real_t* values
    cdef const int32_t* columns
    cdef real_t* of_unit
    cdef real_t d
    for u in range(units):
        of_unit = of_w + u * x.width
        if beta == 0:
            memset(of_unit, 0, x.width * sizeof(real_t))
        elif beta != 1:
            for i in range(x.width):
                of_unit[i] *= beta
        for k in range(n):
            values = <const real_t*>x.values + k * x.room
            columns = x.columns + k * x.room
            d = alpha * delta[k * first.n_out + u]
            if d != 0:
                for e in range(x.counts[k]):
                    of_unit[columns[e]] += d * values[e]


cdef void transpose_in(const Layer* first, const Sparse* x, const real_t* theta, real_t* slot_1,
                       real_t* slot_2) noexcept nogil:
    """w^(1) and what the optimizer remembers of it, transposed.

    theta, slot_1, slot_2: of all parameters; the slots may be NULL.  Where the rows of w_t have no
    padding a slot is transposed in its own place, to save the memory: slot_1 and slot_1_t are then
    one.
    """
    _slot_in(first, x, slot_1, <real_t*>x.slot_1_t)
    _slot_in(first, x, slot_2, <real_t*>x.slot_2_t)
    transpose(first.n_out, first.n_in, theta + first.w, first.n_in, <real_t*>x.w_t, x.ldw)


cdef void transpose_out(const Layer* first, const Sparse* x, real_t* theta, real_t* slot_1,
                        real_t* slot_2) noexcept nogil:
    """What `transpose_in` did, undone."""
    transpose(first.n_in, first.n_out, <const real_t*>x.w_t, x.ldw, theta + first.w, first.n_in)
    _slot_out(first, x, slot_1, <real_t*>x.slot_1_t)
    _slot_out(first, x, slot_2, <real_t*>x.slot_2_t)


cdef void transpose_gradient_out(const Layer* first, const Sparse* x,
                                 real_t* gradient) noexcept nogil:
    """∂C/∂w^(1) in its place in ∇C."""
    transpose(first.n_in, first.n_out, <const real_t*>x.gradient_t, x.ldw, gradient + first.w,
              first.n_in)


cdef void _slot_in(const Layer* first, const Sparse* x, real_t* slot,
                   real_t* transposed) noexcept nogil:
    cdef real_t* out = transposed
    if slot == NULL:
        return
    slot += first.w
    if slot == transposed:
        out = <real_t*>x.w_t
    transpose(first.n_out, first.n_in, <const real_t*>slot, first.n_in, out, x.ldw)
    if slot == transposed:
        memcpy(slot, out, first.n_in * first.n_out * sizeof(real_t))


cdef void _slot_out(const Layer* first, const Sparse* x, real_t* slot,
                    real_t* transposed) noexcept nogil:
    cdef real_t* out
    if slot == NULL:
        return
    slot += first.w
    out = <real_t*>x.w_t if slot == transposed else slot
    transpose(first.n_in, first.n_out, <const real_t*>transposed, x.ldw, out, first.n_in)
    if slot == transposed:
        memcpy(slot, out, first.n_in * first.n_out * sizeof(real_t))
