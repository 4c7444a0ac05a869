from libc.stdint cimport int32_t

from bpcore._core.types cimport real_t

cdef enum Product:
    FORWARD         # z (rows, n_out) = x wᵀ + b
    DELTA           # δ w (rows, n_in)
    GRADIENT        # δᵀ a (units of a shard, n_in), over the rows of a microbatch

cdef bint choose_own(int product, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, Py_ssize_t itemsize,
                     bint is_small, bint is_large) noexcept nogil
cdef bint wants_blas(Py_ssize_t weights, Py_ssize_t itemsize, Py_ssize_t rows) noexcept nogil
cdef bint own_loops_serve(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil
cdef void gemm(bint own, bint trans_a, bint trans_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
               real_t alpha, const real_t* A, Py_ssize_t lda,
               const real_t* B, Py_ssize_t ldb,
               real_t beta, real_t* C, Py_ssize_t ldc) noexcept nogil
cdef bint turns_weights(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                        Py_ssize_t itemsize) noexcept nogil
cdef void affine(int own, Py_ssize_t n, Py_ssize_t n_out, Py_ssize_t n_in, const real_t** x,
                 Py_ssize_t ldx, const real_t* w, const real_t* b, real_t* z,
                 const real_t** prefetch, Py_ssize_t n_prefetch) noexcept nogil
cdef void gemm_tn_rows(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, real_t alpha, const real_t* A,
                       Py_ssize_t lda, const real_t** B, real_t beta, real_t* C,
                       Py_ssize_t ldc, const real_t** prefetch,
                       Py_ssize_t n_prefetch) noexcept nogil
cdef void column_sums(Py_ssize_t n, Py_ssize_t width, Py_ssize_t lda, const real_t* A,
                      real_t alpha, real_t beta, real_t* out) noexcept nogil

cdef enum:
    IN_PLACE_UNITS = 32     # that `sparse_affine_in_place` takes at a time, at most

cdef bint has_sparse_loops() noexcept nogil
cdef Py_ssize_t columns_of_square(const real_t* of_type) noexcept nogil
cdef Py_ssize_t compress(Py_ssize_t n, const real_t* x, const void* prefetch, real_t* values,
                         int32_t* columns, int32_t* offsets) noexcept nogil
cdef void sparse_affine(bint in_order, Py_ssize_t n, Py_ssize_t n_out, Py_ssize_t room,
                        const real_t* values, const int32_t* columns, const Py_ssize_t* counts,
                        const real_t* w_t, Py_ssize_t ldw, const real_t* b, real_t* z,
                        const real_t** prefetch, Py_ssize_t n_prefetch) noexcept nogil
cdef void sparse_affine_in_place(Py_ssize_t n, Py_ssize_t n_in, Py_ssize_t n_out,
                                 Py_ssize_t n_entries, const real_t* values,
                                 const int32_t* columns, const int32_t* rows,
                                 const Py_ssize_t* ends, const real_t* w, const real_t* b,
                                 real_t* z, real_t* sums) noexcept nogil
cdef void add_sparse_outer(Py_ssize_t n, Py_ssize_t n_in, Py_ssize_t n_out, Py_ssize_t first,
                           Py_ssize_t end, Py_ssize_t room, const real_t* values,
                           const int32_t* columns, const Py_ssize_t* counts,
                           const int32_t* offsets, real_t alpha, const real_t* delta, real_t* out,
                           Py_ssize_t ldo, const real_t** prefetch,
                           Py_ssize_t n_prefetch) noexcept nogil
cdef Py_ssize_t padded_width(Py_ssize_t n_out, Py_ssize_t itemsize) noexcept nogil
cdef void transpose(Py_ssize_t rows, Py_ssize_t columns, const real_t* A, Py_ssize_t lda,
                    real_t* out, Py_ssize_t ldo) noexcept nogil
