"""The first layer where most inputs are zero: blank pixels, words that do not occur, one of many.

A zero adds nothing to z^(1) and nothing to ∂C/∂w^(1).  So a batch's rows are gone through once,
what is not zero is kept beside its column, and both products take only that.  They need one
input's weights side by side: for the time of an epoch or a prediction w^(1) is turned round,
(n_in, n_out), and so are its gradient and what the optimizer remembers of it.  Sums run over the
inputs in their order, so that results differ from those of whole rows by rounding only.
"""

from libc.string cimport memcpy, memset

from bpcore._core.products cimport MARK, add_sparse_outer, collect, sparse_weighted_inputs, turn
from bpcore._core.rows cimport gather, has_plain_rows, sparse_row
from bpcore._core.types cimport real_t


cdef void _collect_rows(const Sparse* x, Py_ssize_t k, Py_ssize_t n, Py_ssize_t row,
                        const real_t* of_type) noexcept nogil:
    """The block's rows k : k + n, to row `row` on.  of_type only names the element type."""
    cdef Py_ssize_t i, at, next_at
    cdef const Table* table = x.table
    cdef const Py_ssize_t* order = x.order
    cdef Py_ssize_t start = x.start + k
    cdef real_t* values
    cdef int32_t* columns
    cdef int32_t* marks
    cdef const char* numbers
    cdef const char* prefetch
    cdef bint plain = has_plain_rows(table, of_type)
    for i in range(n):
        at = order[start + i] if order != NULL else start + i
        values = <real_t*>x.values + (row + i) * x.width
        columns = x.columns + (row + i) * x.width
        marks = x.marks + (row + i) * x.n_marks
        x.counts[row + i] = sparse_row(table, at, values, columns)
        if x.counts[row + i] >= 0:
            _mark(x.counts[row + i], <const int32_t*>columns, x.n_marks, marks)
            continue
        if plain:
            next_at = at
            if i + 2 < n:
                next_at = order[start + i + 2] if order != NULL else at + 2
            numbers = table.data + at * table.row_stride
            prefetch = table.data + next_at * table.row_stride
        else:
            gather(table, order, start + i, 1, values)
            numbers = prefetch = <const char*>values
        x.counts[row + i] = collect(x.width, <const real_t*>numbers, prefetch, values, columns,
                                    marks)


cdef void _mark(Py_ssize_t count, const int32_t* columns, Py_ssize_t n_marks,
                int32_t* marks) noexcept nogil:
    """The marks of a row whose columns are known."""
    cdef Py_ssize_t i
    cdef Py_ssize_t e = 0
    for i in range(n_marks):
        while e < count and columns[e] < i * MARK:
            e += 1
        marks[i] = <int32_t>e


cdef void sparse_inputs(const Layer* first, const Sparse* x, Py_ssize_t n, const real_t* b,
                        real_t* z, const real_t** prefetch, Py_ssize_t n_prefetch) noexcept nogil:
    """z^(1) = w^(1) a^(0) + b^(1) of a block of n rows, which are collected; z (n, n_1).

    prefetch, n_prefetch: as in `forward`.
    """
    cdef Py_ssize_t here
    cdef Py_ssize_t k = 0
    cdef Py_ssize_t row = x.row
    while k < n:
        here = n if x.keeps else min(<Py_ssize_t>CHUNK, n - k)
        _collect_rows(x, k, here, row, b)
        sparse_weighted_inputs(here, first.n_out, x.width,
                               <const real_t*>x.values + row * x.width,
                               x.columns + row * x.width, x.counts + row, <const real_t*>x.w_t,
                               x.step, b, z + k * first.n_out, prefetch, n_prefetch)
        k += here


cdef void sparse_gradient(const Layer* first, const Sparse* x, Py_ssize_t begin, Py_ssize_t end,
                          Py_ssize_t n, real_t alpha, const real_t* delta, real_t beta,
                          real_t* of_w, const real_t** prefetch,
                          Py_ssize_t n_prefetch) noexcept nogil:
    """Of inputs begin to end: of_w = alpha a^(0)ᵀ δ^(1) + beta of_w, turned round.

    The first n rows of x; delta (n, n_1).  begin, end: as `first` and `end` of `add_sparse_outer`.
    of_w: those inputs' own, as in w_t.
    """
    cdef Py_ssize_t i
    cdef Py_ssize_t numbers = (end - begin) * x.step
    if beta == 0:
        memset(of_w, 0, numbers * sizeof(real_t))
    elif beta != 1:
        for i in range(numbers):
            of_w[i] *= beta
    add_sparse_outer(n, first.n_out, begin, end, x.width, <const real_t*>x.values, x.columns,
                     x.counts, x.marks, alpha, delta, of_w - begin * x.step, x.step,
                     prefetch, n_prefetch)


cdef void turn_round(const Layer* first, const Sparse* x, const real_t* theta, real_t* slot_1,
                     real_t* slot_2) noexcept nogil:
    """w^(1) and what the optimizer remembers of it, turned round.

    theta, slot_1, slot_2: of all parameters; the slots may be NULL.  Where w_t has no gaps a slot
    is turned in its own place, to save the memory: slot_1 and first_t are then one.
    """
    _turn_slot(first, x, slot_1, <real_t*>x.first_t)
    _turn_slot(first, x, slot_2, <real_t*>x.second_t)
    turn(first.n_out, first.n_in, theta + first.w, first.n_in, <real_t*>x.w_t, x.step)


cdef void turn_back(const Layer* first, const Sparse* x, real_t* theta, real_t* slot_1,
                    real_t* slot_2) noexcept nogil:
    """What `turn_round` did, undone."""
    turn(first.n_in, first.n_out, <const real_t*>x.w_t, x.step, theta + first.w, first.n_in)
    _turn_slot_back(first, x, slot_1, <real_t*>x.first_t)
    _turn_slot_back(first, x, slot_2, <real_t*>x.second_t)


cdef void turn_gradient_back(const Layer* first, const Sparse* x,
                             real_t* gradient) noexcept nogil:
    """∂C/∂w^(1) in its place in ∇C."""
    turn(first.n_in, first.n_out, <const real_t*>x.gradient_t, x.step, gradient + first.w,
         first.n_in)


cdef void _turn_slot(const Layer* first, const Sparse* x, real_t* slot,
                     real_t* turned) noexcept nogil:
    cdef real_t* out = turned
    if slot == NULL:
        return
    slot += first.w
    if slot == turned:
        out = <real_t*>x.w_t
    turn(first.n_out, first.n_in, <const real_t*>slot, first.n_in, out, x.step)
    if slot == turned:
        memcpy(slot, out, first.n_in * first.n_out * sizeof(real_t))


cdef void _turn_slot_back(const Layer* first, const Sparse* x, real_t* slot,
                          real_t* turned) noexcept nogil:
    cdef real_t* out
    if slot == NULL:
        return
    slot += first.w
    out = <real_t*>x.w_t if slot == turned else slot
    turn(first.n_in, first.n_out, <const real_t*>turned, x.step, out, first.n_in)
    if slot == turned:
        memcpy(slot, out, first.n_in * first.n_out * sizeof(real_t))
