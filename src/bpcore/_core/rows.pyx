"""data → buffers: rows of the caller's arrays, read where they lie.

Whatever the element type (float32, float64, uint8), the strides or the storage (dense or
CSR), a block of rows arrives in the kernels as a contiguous matrix of the network's type.
Nothing is copied as a whole; a dense array of the right type whose rows are contiguous is
not even copied by the block.
"""

import numpy as np

cimport numpy as cnp
from libc.float cimport FLT_MAX
from libc.math cimport fabs
from libc.string cimport memcpy, memset

from bpcore._core.types cimport real_t

cdef extern from "elementary.h" nogil:
    bint bp_all_within_f32(Py_ssize_t, const float*, float)
    bint bp_all_within_f64(Py_ssize_t, const double*, double)

cnp.import_array()

cdef Py_ssize_t MAX_LD = 2**31 - 1

ctypedef fused number_t:
    float
    double
    unsigned char

# Rows that tell how much of a table is zero.
cdef Py_ssize_t SAMPLED_ROWS = 32


cdef inline void _gather_row(int kind, const char* row, Py_ssize_t stride, Py_ssize_t n,
                             double divisor, real_t* out) noexcept nogil:
    """out[j] = row[j] for one strided row of a dense table, bytes divided by the divisor.

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


cdef void _gather_sparse_row(const Table* table, Py_ssize_t k, real_t* out) noexcept nogil:
    """One CSR row, spread out; entries given twice add up."""
    cdef Py_ssize_t i
    cdef Py_ssize_t begin = _index(table.indptr, table.wide_indices, k)
    cdef Py_ssize_t end = _index(table.indptr, table.wide_indices, k + 1)
    memset(out, 0, table.n_columns * sizeof(real_t))
    for i in range(begin, end):
        if table.kind == CSR32:
            out[_index(table.indices, table.wide_indices, i)] += \
                <real_t>(<const float*>table.data)[i]
        else:
            out[_index(table.indices, table.wide_indices, i)] += \
                <real_t>(<const double*>table.data)[i]


cdef void gather(const Table* table, const Py_ssize_t* order, Py_ssize_t start, Py_ssize_t n,
                 real_t* out) noexcept nogil:
    """out (n, n_columns) = rows order[start : start + n], or start : start + n where order
    is NULL."""
    cdef Py_ssize_t k, row
    cdef Py_ssize_t width = table.n_columns
    cdef bint same_type = (
        table.kind == (FLOAT32 if sizeof(real_t) == sizeof(float) else FLOAT64)
        and table.column_stride == sizeof(real_t)
    )
    for k in range(n):
        row = order[start + k] if order != NULL else start + k
        if same_type:
            memcpy(out + k * width, table.data + row * table.row_stride, width * sizeof(real_t))
        elif table.kind == CSR32 or table.kind == CSR64:
            _gather_sparse_row(table, row, out + k * width)
        else:
            _gather_row(table.kind, table.data + row * table.row_stride, table.column_stride,
                        width, table.divisor, out + k * width)


cdef Py_ssize_t sparse_row(const Table* table, Py_ssize_t k, real_t* values,
                           int32_t* columns) noexcept nogil:
    """The entries of CSR row k and their columns, which rise; returns how many there are.

    -1 where the table is no such one, or where entries are given twice, more than there is room
    for: nothing is written then.
    """
    cdef Py_ssize_t i, begin, count
    if table.kind != CSR32 and table.kind != CSR64 or not table.sorted_indices:
        return -1
    begin = _index(table.indptr, table.wide_indices, k)
    count = _index(table.indptr, table.wide_indices, k + 1) - begin
    if count > table.n_columns:
        return -1
    for i in range(count):
        columns[i] = <int32_t>_index(table.indices, table.wide_indices, begin + i)
        if table.kind == CSR32:
            values[i] = <real_t>(<const float*>table.data)[begin + i]
        else:
            values[i] = <real_t>(<const double*>table.data)[begin + i]
    return count


cdef const real_t* in_place(const Table* table, const Py_ssize_t* order, Py_ssize_t start,
                            Py_ssize_t* row_distance, const real_t* of_type) noexcept nogil:
    """The rows from `start` on where they lie, or NULL where they have to be gathered.

    of_type only names the element type.  row_distance: out, in elements.
    """
    cdef Py_ssize_t distance = table.row_stride // <Py_ssize_t>sizeof(real_t)
    if order != NULL or table.kind != (FLOAT32 if sizeof(real_t) == sizeof(float) else FLOAT64):
        return NULL
    if table.column_stride != sizeof(real_t) or table.row_stride % sizeof(real_t) != 0:
        return NULL
    if distance < table.n_columns or distance > MAX_LD:
        return NULL
    row_distance[0] = distance
    return <const real_t*>(table.data + start * table.row_stride)


cdef bint has_plain_rows(const Table* table, const real_t* of_type) noexcept nogil:
    """Whether each row is contiguous numbers of the type, so that a pointer tells it."""
    return (table.kind == (FLOAT32 if sizeof(real_t) == sizeof(float) else FLOAT64)
            and table.column_stride == sizeof(real_t))


cdef void point_at_rows(const Table* table, const Py_ssize_t* order, Py_ssize_t start,
                        Py_ssize_t n, const void** rows) noexcept nogil:
    """rows[k] = where row order[start + k] begins."""
    cdef Py_ssize_t k
    for k in range(n):
        rows[k] = table.data + order[start + k] * table.row_stride


cdef bint row_is_within(const Table* table, Py_ssize_t k, double limit) noexcept nogil:
    """Whether every |x| of a row is at most `limit`, which NaN and infinity are not."""
    cdef Py_ssize_t i
    cdef Py_ssize_t n = table.n_columns
    cdef Py_ssize_t stride = table.column_stride
    cdef const char* row = table.data + k * table.row_stride
    cdef bint within = True
    if table.kind == UINT8:
        return True
    if table.kind == CSR32 or table.kind == CSR64:
        i = _index(table.indptr, table.wide_indices, k)
        n = _index(table.indptr, table.wide_indices, k + 1) - i
        row = table.data + i * stride
    if table.kind == FLOAT32 or table.kind == CSR32:
        if stride == sizeof(float):
            return bp_all_within_f32(n, <const float*>row, <float>min(limit, <double>FLT_MAX))
        for i in range(n):
            within = within and fabs((<const float*>(row + i * stride))[0]) <= limit
    else:
        if stride == sizeof(double):
            return bp_all_within_f64(n, <const double*>row, limit)
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


cdef Py_ssize_t _entries(const Table* table, Py_ssize_t k) noexcept nogil:
    """How many numbers of row k are not zero; of a CSR row how many it holds."""
    cdef Py_ssize_t n = table.n_columns
    cdef Py_ssize_t stride = table.column_stride
    cdef const char* x = table.data + k * table.row_stride
    if table.kind == FLOAT32:
        return _nonzero(n, <const float*>x, stride)
    if table.kind == FLOAT64:
        return _nonzero(n, <const double*>x, stride)
    if table.kind == UINT8:
        return _nonzero(n, <const unsigned char*>x, stride)
    return _index(table.indptr, table.wide_indices, k + 1) \
        - _index(table.indptr, table.wide_indices, k)


cdef class Rows:
    """A caller's table as the kernels read it.

    Parameters
    ----------
    array : ndarray of shape (n, m), float32, float64 or uint8, native byte order, aligned; \
or scipy.sparse CSR matrix or array of float32 or float64
        Kept, not copied.
    divisor : float, default=1.0
        What each number of an array of uint8 is divided by when it is read.
    """

    def __cinit__(self, array, double divisor=1.0):
        self.array = array
        self._density = -1.0
        if isinstance(array, np.ndarray):
            self._from_dense(array, divisor)
        else:
            self._from_csr(array)

    cdef _from_dense(self, cnp.ndarray array, double divisor):
        cdef int kind = cnp.PyArray_TYPE(array)
        if kind == cnp.NPY_FLOAT32:
            self.table.kind = FLOAT32
        elif kind == cnp.NPY_FLOAT64:
            self.table.kind = FLOAT64
        elif kind == cnp.NPY_UINT8:
            self.table.kind = UINT8
        else:
            kind = -1
        if kind < 0 or cnp.PyArray_NDIM(array) != 2 or not cnp.PyArray_ISBEHAVED_RO(array):
            raise TypeError("Rows takes an aligned 2-d array of float32, float64 or uint8, "
                            f"got {array.ndim} dimensions of {array.dtype}")
        self.table.divisor = divisor
        self.table.data = <const char*>cnp.PyArray_DATA(array)
        self.table.row_stride = cnp.PyArray_STRIDE(array, 0)
        self.table.column_stride = cnp.PyArray_STRIDE(array, 1)
        self.table.n_rows = cnp.PyArray_DIM(array, 0)
        self.table.n_columns = cnp.PyArray_DIM(array, 1)

    cdef _from_csr(self, matrix):
        if getattr(matrix, "format", None) != "csr" \
                or matrix.dtype.name not in ("float32", "float64"):
            raise TypeError("Rows takes sparse matrices in CSR format of float32 or float64, "
                            f"got {type(matrix).__name__}")
        # Indices out of range would be written to by the kernels.
        n, m = matrix.shape
        values = np.ascontiguousarray(matrix.data)
        indices, indptr = matrix.indices, matrix.indptr
        self.table.wide_indices = indices.dtype == np.int64 or indptr.dtype == np.int64
        index_type = np.int64 if self.table.wide_indices else np.int32
        indices = np.ascontiguousarray(indices, dtype=index_type)
        indptr = np.ascontiguousarray(indptr, dtype=index_type)
        if (
            indptr.shape != (n + 1,) or indptr[0] != 0 or indptr[n] > len(indices)
            or len(indices) > len(values) or (np.diff(indptr) < 0).any()
            or (indices.size and (indices.min() < 0 or indices.max() >= m))
        ):
            raise ValueError(f"the sparse matrix of shape {n} × {m} is damaged: its indptr or "
                             "indices point outside its data")
        self._parts = (values, indices, indptr)
        self.table.sorted_indices = bool(matrix.has_sorted_indices)
        self.table.kind = CSR32 if values.dtype == np.float32 else CSR64
        self.table.data = <const char*><size_t>values.__array_interface__["data"][0]
        self.table.indices = <const char*><size_t>indices.__array_interface__["data"][0]
        self.table.indptr = <const char*><size_t>indptr.__array_interface__["data"][0]
        self.table.column_stride = values.itemsize
        self.table.row_stride = 0
        self.table.n_rows = n
        self.table.n_columns = m

    def __len__(self):
        return self.table.n_rows

    @property
    def shape(self):
        return self.table.n_rows, self.table.n_columns

    cdef double density(self):
        """The share of numbers that are not zero, in a small_workspace rows from first to last."""
        cdef Py_ssize_t k
        cdef Py_ssize_t found = 0
        cdef Py_ssize_t n = min(self.table.n_rows, SAMPLED_ROWS)
        if self._density < 0:
            for k in range(n):
                found += _entries(&self.table, k * (self.table.n_rows - 1) // max(1, n - 1))
            self._density = found / max(1.0, <double>n * self.table.n_columns)
        return self._density

    def first_row_beyond(self, double limit):
        """The first row that holds NaN, infinity or a number larger than `limit`, or -1."""
        cdef Py_ssize_t k
        cdef Py_ssize_t found = -1
        with nogil:
            for k in range(self.table.n_rows):
                if not row_is_within(&self.table, k, limit):
                    found = k
                    break
        return found
