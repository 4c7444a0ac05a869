"""data → buffers: rows of the caller's arrays, read where they lie.

Whatever the element type (float32, float64, uint8), the strides or the storage (dense or
CSR), a block of rows arrives in the kernels as a contiguous matrix of the network's type.
Nothing is copied as a whole; a dense array of the right type whose rows are contiguous is
not even copied by the block.
"""

import numpy as np

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport fabs
from libc.string cimport memset

from bpcore._core.tuning cimport TUNING
from bpcore._core.types cimport real_t
from bpcore.kernels.copy cimport bp_copy_rows
from bpcore.kernels.sums cimport all_within

cnp.import_array()

# The distance between two rows that BLAS's integers hold.
cdef Py_ssize_t MAX_LD = 2**31 - 1

ctypedef fused number_t:
    float
    double
    unsigned char


cdef inline void _gather_row(int kind, const char* row, Py_ssize_t stride, Py_ssize_t n,
                             double divisor, real_t* out) noexcept nogil:
    """out[j] = row[j] for one strided row of a dense view, bytes divided by the divisor.

    Neighbours of real_t itself are copied elsewhere.
    """
    cdef Py_ssize_t j
    if kind == FLOAT32:
        if real_t is double and stride == sizeof(float):
            for j in range(n):
                out[j] = <real_t>(<const float*>row)[j]
        else:
            for j in range(n):
                out[j] = <real_t>(<const float*>(row + j * stride))[0]
    elif kind == FLOAT64:
        if real_t is float and stride == sizeof(double):
            for j in range(n):
                out[j] = <real_t>(<const double*>row)[j]
        else:
            for j in range(n):
                out[j] = <real_t>(<const double*>(row + j * stride))[0]
    elif divisor == 1.0:
        for j in range(n):
            out[j] = <real_t>(<const unsigned char*>(row + j * stride))[0]
    elif stride == 1:
        for j in range(n):
            out[j] = <real_t>(<const unsigned char*>row)[j] / <real_t>divisor
    else:
        for j in range(n):
            out[j] = <real_t>(<const unsigned char*>(row + j * stride))[0] / <real_t>divisor


cdef inline Py_ssize_t _index(const char* indices, bint wide, Py_ssize_t i) noexcept nogil:
    return (<const long long*>indices)[i] if wide else (<const int*>indices)[i]


cdef void _gather_sparse_row(const MatrixView* view, Py_ssize_t k, real_t* out) noexcept nogil:
    """One CSR row, spread out; entries given twice add up."""
    cdef Py_ssize_t i
    cdef Py_ssize_t begin = _index(view.indptr, view.wide_indices, k)
    cdef Py_ssize_t end = _index(view.indptr, view.wide_indices, k + 1)
    memset(out, 0, view.n_columns * sizeof(real_t))
    for i in range(begin, end):
        if view.kind == CSR32:
            out[_index(view.indices, view.wide_indices, i)] += \
                <real_t>(<const float*>view.data)[i]
        else:
            out[_index(view.indices, view.wide_indices, i)] += \
                <real_t>(<const double*>view.data)[i]


cdef void gather(const MatrixView* view, const Py_ssize_t* order, Py_ssize_t known,
                 Py_ssize_t start, Py_ssize_t n, Py_ssize_t ld, real_t* out) noexcept nogil:
    """out (n, n_columns) = rows order[start : start + n], or start : start + n where order
    is NULL.

    known: how many entries `order` has; what comes after these rows is asked for ahead.
    ld: numbers from one row of out to the next.
    """
    cdef Py_ssize_t k, row
    cdef Py_ssize_t width = view.n_columns
    if has_plain_rows(view, sizeof(real_t)):
        if order == NULL:
            bp_copy_rows(view.data + start * view.row_stride, view.row_stride, order, n, n,
                         width * sizeof(real_t), <char*>out, ld * sizeof(real_t))
        else:
            bp_copy_rows(view.data, view.row_stride, order + start, n, known - start,
                         width * sizeof(real_t), <char*>out, ld * sizeof(real_t))
        return
    for k in range(n):
        row = order[start + k] if order != NULL else start + k
        if view.kind == CSR32 or view.kind == CSR64:
            _gather_sparse_row(view, row, out + k * ld)
        else:
            _gather_row(view.kind, view.data + row * view.row_stride, view.column_stride,
                        width, view.divisor, out + k * ld)


cdef Py_ssize_t sparse_row(const MatrixView* view, Py_ssize_t k, real_t* values,
                           int32_t* columns) noexcept nogil:
    """The entries of CSR row k and their columns, which rise; returns how many there are.

    -1 where the view is no such one, or where entries are given twice, more than there is room
    for: nothing is written then.
    """
    cdef Py_ssize_t i, begin, count
    if view.kind != CSR32 and view.kind != CSR64 or not view.sorted_indices:
        return -1
    begin = _index(view.indptr, view.wide_indices, k)
    count = _index(view.indptr, view.wide_indices, k + 1) - begin
    if count > view.n_columns:
        return -1
    for i in range(count):
        columns[i] = <int32_t>_index(view.indices, view.wide_indices, begin + i)
        if view.kind == CSR32:
            values[i] = <real_t>(<const float*>view.data)[begin + i]
        else:
            values[i] = <real_t>(<const double*>view.data)[begin + i]
    return count


cdef const real_t* zero_copy_rows(const MatrixView* view, const Py_ssize_t* order, Py_ssize_t start,
                                  Py_ssize_t* ld, const real_t* of_type) noexcept nogil:
    """The rows from `start` on where they lie, or NULL where they have to be gathered.

    of_type only names the element type.  ld: out, numbers from one row to the next.
    """
    cdef Py_ssize_t apart = view.row_stride // <Py_ssize_t>sizeof(real_t)
    if order != NULL or not has_plain_rows(view, sizeof(real_t)) \
            or view.row_stride % sizeof(real_t) != 0:
        return NULL
    if apart < view.n_columns or apart > MAX_LD:
        return NULL
    ld[0] = apart
    return <const real_t*>(view.data + start * view.row_stride)


cdef bint has_plain_rows(const MatrixView* view, Py_ssize_t itemsize) noexcept nogil:
    """Whether each row is contiguous floats of so many bytes, so that a pointer tells it."""
    cdef Kind floats = FLOAT32 if itemsize == sizeof(float) else FLOAT64
    return view.kind == floats and view.column_stride == itemsize


cdef void row_pointers(const MatrixView* view, const Py_ssize_t* order, Py_ssize_t start,
                        Py_ssize_t n, const void** rows) noexcept nogil:
    """rows[k] = where row order[start + k] begins."""
    cdef Py_ssize_t k
    for k in range(n):
        rows[k] = view.data + order[start + k] * view.row_stride


cdef bint row_is_within(const MatrixView* view, Py_ssize_t k, double limit) noexcept nogil:
    """Whether every |x| of a row is at most `limit`, which NaN and infinity are not."""
    cdef Py_ssize_t i
    cdef Py_ssize_t n = view.n_columns
    cdef Py_ssize_t stride = view.column_stride
    cdef const char* row = view.data + k * view.row_stride
    cdef bint within = True
    if view.kind == UINT8:
        return True
    if view.kind == CSR32 or view.kind == CSR64:
        i = _index(view.indptr, view.wide_indices, k)
        n = _index(view.indptr, view.wide_indices, k + 1) - i
        row = view.data + i * stride
    if view.kind == FLOAT32 or view.kind == CSR32:
        if stride == sizeof(float):
            return all_within(n, <const float*>row, limit)
        for i in range(n):
            within = within and fabs((<const float*>(row + i * stride))[0]) <= limit
    else:
        if stride == sizeof(double):
            return all_within(n, <const double*>row, limit)
        for i in range(n):
            within = within and fabs((<const double*>(row + i * stride))[0]) <= limit
    return within


cdef Py_ssize_t _nonzero(Py_ssize_t n, const number_t* x, Py_ssize_t stride) noexcept nogil:
    """How many of n numbers, `stride` bytes apart, are not zero."""
    cdef Py_ssize_t j
    cdef Py_ssize_t count = 0
    if stride == sizeof(number_t):
        for j in range(n):
            count += x[j] != 0
    else:
        for j in range(n):
            count += (<const number_t*>(<const char*>x + j * stride))[0] != 0
    return count


cdef Py_ssize_t _entries(const MatrixView* view, Py_ssize_t k) noexcept nogil:
    """How many numbers of row k are not zero; of a CSR row how many it holds."""
    cdef Py_ssize_t n = view.n_columns
    cdef Py_ssize_t stride = view.column_stride
    cdef const char* x = view.data + k * view.row_stride
    if view.kind == FLOAT32:
        return _nonzero(n, <const float*>x, stride)
    if view.kind == FLOAT64:
        return _nonzero(n, <const double*>x, stride)
    if view.kind == UINT8:
        return _nonzero(n, <const unsigned char*>x, stride)
    return _index(view.indptr, view.wide_indices, k + 1) \
        - _index(view.indptr, view.wide_indices, k)


cdef class Rows:
    """A caller's view as the kernels read it.

    Parameters
    ----------
    array : ndarray of shape (n, m), float32, float64 or uint8, native byte order, aligned; \
or scipy.sparse CSR matrix or array of float32 or float64
        Kept, not copied.
    divisor : float, default=1.0
        What each number of an array of uint8 is divided by when it is read.
    slopes : Rows of shape (n, n_L n_0), optional
        Of targets: those for ∂a^(L)/∂a^(0), output by output; NaN where one is not known.
    slope_weight : float, default=1.0
        λ, by which their squares count.
    """

    def __cinit__(self, array, double divisor=1.0, Rows slopes=None, double slope_weight=1.0):
        self.array = array
        self.slopes, self.slope_weight = slopes, slope_weight
        self._density = -1.0
        if isinstance(array, np.ndarray):
            self._from_dense(array, divisor)
        else:
            self._from_csr(array)

    cdef _from_dense(self, cnp.ndarray array, double divisor):
        cdef int kind = cnp.PyArray_TYPE(array)
        if kind == cnp.NPY_FLOAT32:
            self.view.kind = FLOAT32
        elif kind == cnp.NPY_FLOAT64:
            self.view.kind = FLOAT64
        elif kind == cnp.NPY_UINT8:
            self.view.kind = UINT8
        else:
            kind = -1
        if kind < 0 or cnp.PyArray_NDIM(array) != 2 or not cnp.PyArray_ISBEHAVED_RO(array):
            raise TypeError("Rows takes an aligned 2-d array of float32, float64 or uint8, "
                            f"got {array.ndim} dimensions of {array.dtype}")
        self.view.divisor = divisor
        self.view.data = <const char*>cnp.PyArray_DATA(array)
        self.view.row_stride = cnp.PyArray_STRIDE(array, 0)
        self.view.column_stride = cnp.PyArray_STRIDE(array, 1)
        self.view.n_rows = cnp.PyArray_DIM(array, 0)
        self.view.n_columns = self.fullest = cnp.PyArray_DIM(array, 1)

    cdef _from_csr(self, matrix):
        if getattr(matrix, "format", None) != "csr" \
                or matrix.dtype.name not in ("float32", "float64"):
            raise TypeError("Rows takes sparse matrices in CSR format of float32 or float64, "
                            f"got {type(matrix).__name__}")
        # Indices out of range would be written to by the kernels.
        n, m = matrix.shape
        values = np.ascontiguousarray(matrix.data)
        indices, indptr = matrix.indices, matrix.indptr
        self.view.wide_indices = indices.dtype == np.int64 or indptr.dtype == np.int64
        index_type = np.int64 if self.view.wide_indices else np.int32
        indices = np.ascontiguousarray(indices, dtype=index_type)
        indptr = np.ascontiguousarray(indptr, dtype=index_type)
        counts = np.diff(indptr)
        if (
            indptr.shape != (n + 1,) or indptr[0] != 0 or indptr[n] > len(indices)
            or len(indices) > len(values) or (counts < 0).any()
            or (indices.size and (indices.min() < 0 or indices.max() >= m))
        ):
            raise ValueError(f"the sparse matrix of shape {n} × {m} is damaged: its indptr or "
                             "indices point outside its data")
        self._parts = (values, indices, indptr)
        self.view.sorted_indices = bool(matrix.has_sorted_indices)
        self.view.kind = CSR32 if values.dtype == np.float32 else CSR64
        self.view.data = <const char*><size_t>values.__array_interface__["data"][0]
        self.view.indices = <const char*><size_t>indices.__array_interface__["data"][0]
        self.view.indptr = <const char*><size_t>indptr.__array_interface__["data"][0]
        self.view.column_stride = values.itemsize
        self.view.row_stride = 0
        self.view.n_rows = n
        self.view.n_columns = m
        self.fullest = counts.max(initial=0)
        if not self.view.sorted_indices:
            self.fullest = m        # `sparse_row` reads none of them

    def __len__(self):
        return self.view.n_rows

    @property
    def shape(self):
        return self.view.n_rows, self.view.n_columns

    cdef bint is_sparse(self) noexcept:
        """Whether the table is a CSR matrix."""
        return self.view.kind == CSR32 or self.view.kind == CSR64

    cdef double density(self):
        """The share of numbers that are not zero, in a few rows from first to last."""
        cdef Py_ssize_t k
        cdef Py_ssize_t found = 0
        cdef Py_ssize_t n = min(self.view.n_rows, TUNING.sparse_sampled_rows)
        if self._density < 0:
            for k in range(n):
                found += _entries(&self.view, k * (self.view.n_rows - 1) // max(1, n - 1))
            self._density = found / max(1.0, <double>n * self.view.n_columns)
        return self._density

    def first_row_beyond(self, double limit):
        """The first row that holds NaN, infinity or a number larger than `limit`, or -1.

        Answers Ctrl-C.
        """
        cdef Py_ssize_t k, end
        cdef Py_ssize_t first = 0
        cdef Py_ssize_t found = -1
        cdef Py_ssize_t rows = <Py_ssize_t>max(
            1.0, TUNING.signal_scanned / max(1, self.view.n_columns))
        while first < self.view.n_rows and found < 0:
            end = min(self.view.n_rows, first + rows)
            with nogil:
                for k in range(first, end):
                    if not row_is_within(&self.view, k, limit):
                        found = k
                        break
            PyErr_CheckSignals()
            first = end
        return found
