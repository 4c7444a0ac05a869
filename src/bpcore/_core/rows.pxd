cimport numpy as cnp

from libc.stdint cimport int32_t

from bpcore._core.types cimport real_t

cdef enum Kind:
    FLOAT32
    FLOAT64
    UINT8
    CSR32       # CSR with float32 values
    CSR64       # CSR with float64 values

# A table of numbers where the caller's array lies.  Strides in bytes, as NumPy's.
cdef struct MatrixView:
    int kind
    const char* data
    Py_ssize_t row_stride
    Py_ssize_t column_stride
    Py_ssize_t n_rows
    Py_ssize_t n_columns
    double divisor          # of bytes
    const char* indptr      # CSR
    const char* indices
    bint wide_indices       # indptr and indices are int64, else int32
    bint sorted_indices     # those of a row rise

cdef class Rows:
    cdef MatrixView view
    cdef readonly object array      # keeps the memory alive
    cdef readonly Rows slopes       # of targets: those for the outputs' derivatives, or None
    cdef readonly double slope_weight   # λ
    cdef Py_ssize_t fullest         # entries of CSR that a row has at most; else its columns
    cdef tuple _parts
    cdef double _density            # -1: not looked at yet
    cdef bint is_sparse(self) noexcept
    cdef double density(self)
    cdef _from_dense(self, cnp.ndarray array, double divisor)
    cdef _from_csr(self, matrix)

cdef void gather(const MatrixView* view, const Py_ssize_t* order, Py_ssize_t known,
                 Py_ssize_t start, Py_ssize_t n, Py_ssize_t ld, real_t* out) noexcept nogil
cdef Py_ssize_t sparse_row(const MatrixView* view, Py_ssize_t k, real_t* values,
                           int32_t* columns) noexcept nogil
cdef const real_t* zero_copy_rows(const MatrixView* view, const Py_ssize_t* order, Py_ssize_t start,
                                  Py_ssize_t* ld, const real_t* of_type) noexcept nogil
cdef bint row_is_within(const MatrixView* view, Py_ssize_t k, double limit) noexcept nogil
cdef bint has_plain_rows(const MatrixView* view, Py_ssize_t itemsize) noexcept nogil
cdef void row_pointers(const MatrixView* view, const Py_ssize_t* order, Py_ssize_t start,
                        Py_ssize_t n, const void** rows) noexcept nogil
