"""The own loops of the matrix products; see gemm.h.  Only `_core/products.pyx` takes functions,
other modules the constants alone: each that includes the header has a table of those that serve,
and only that of `products` is filled."""

from libc.stdint cimport int32_t

from bpcore._core.types cimport real_t

cdef extern from "gemm.h" nogil:
    int bp_set_isa(int limit)
    int bp_isa()
    bint bp_is_x86()
    enum:
        BP_TURNED
        BP_DOTS
    bint bp_turning_pays(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, Py_ssize_t lanes)
    void bp_product_f32(bint, int, Py_ssize_t, Py_ssize_t, Py_ssize_t, float, const float*,
                        Py_ssize_t, const float*, Py_ssize_t, const float*, float, float*,
                        Py_ssize_t)
    void bp_product_f64(bint, int, Py_ssize_t, Py_ssize_t, Py_ssize_t, double, const double*,
                        Py_ssize_t, const double*, Py_ssize_t, const double*, double, double*,
                        Py_ssize_t)
    void bp_product_nt_f32(Py_ssize_t, Py_ssize_t, Py_ssize_t, const float**, const float*,
                           Py_ssize_t, const float*, float*, Py_ssize_t, const float**,
                           Py_ssize_t)
    void bp_product_nt_f64(Py_ssize_t, Py_ssize_t, Py_ssize_t, const double**, const double*,
                           Py_ssize_t, const double*, double*, Py_ssize_t, const double**,
                           Py_ssize_t)
    void bp_product_tn_f32(Py_ssize_t, Py_ssize_t, Py_ssize_t, float, const float*, Py_ssize_t,
                           const float**, float, float*, Py_ssize_t, const float**, Py_ssize_t)
    void bp_product_tn_f64(Py_ssize_t, Py_ssize_t, Py_ssize_t, double, const double*, Py_ssize_t,
                           const double**, double, double*, Py_ssize_t, const double**,
                           Py_ssize_t)
    void bp_column_sums_f32(Py_ssize_t, Py_ssize_t, Py_ssize_t, const float*, float, float,
                            float*)
    void bp_column_sums_f64(Py_ssize_t, Py_ssize_t, Py_ssize_t, const double*, double, double,
                            double*)
    Py_ssize_t bp_compress_f32(Py_ssize_t, const float*, const void*, float*, int32_t*, int32_t*)
    Py_ssize_t bp_compress_f64(Py_ssize_t, const double*, const void*, double*, int32_t*,
                               int32_t*)
    void bp_sparse_dot_f32(int, Py_ssize_t, Py_ssize_t, Py_ssize_t, const float*, const int32_t*,
                           const Py_ssize_t*, const float*, Py_ssize_t, const float*, float*,
                           const float**, Py_ssize_t)
    void bp_sparse_dot_f64(int, Py_ssize_t, Py_ssize_t, Py_ssize_t, const double*, const int32_t*,
                           const Py_ssize_t*, const double*, Py_ssize_t, const double*, double*,
                           const double**, Py_ssize_t)
    void bp_sparse_add_f32(Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t,
                           const float*, const int32_t*, const Py_ssize_t*, const int32_t*, float,
                           const float*, float*, Py_ssize_t, const float**, Py_ssize_t)
    void bp_sparse_add_f64(Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t,
                           const double*, const int32_t*, const Py_ssize_t*, const int32_t*,
                           double, const double*, double*, Py_ssize_t, const double**, Py_ssize_t)
    Py_ssize_t bp_square_f32()
    Py_ssize_t bp_square_f64()
    void bp_sparse_in_place_f32(Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, const float*,
                                const int32_t*, const int32_t*, const Py_ssize_t*,
                                const float*, const float*, float*, float*)
    void bp_sparse_in_place_f64(Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, const double*,
                                const int32_t*, const int32_t*, const Py_ssize_t*,
                                const double*, const double*, double*, double*)
    void bp_transpose_f32(Py_ssize_t, Py_ssize_t, const float*, Py_ssize_t, float*, Py_ssize_t)
    void bp_transpose_f64(Py_ssize_t, Py_ssize_t, const double*, Py_ssize_t, double*, Py_ssize_t)


cdef inline void own_product(bint trans_a, int trans_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                             real_t alpha, const real_t* A, Py_ssize_t lda, const real_t* B,
                             Py_ssize_t ldb, const real_t* bias, real_t beta, real_t* C,
                             Py_ssize_t ldc) noexcept nogil:
    """C (m, n) = alpha op(A) op(B) + beta C; with a bias A Bᵀ + bias.

    trans_b: 0, 1, BP_TURNED or BP_DOTS; see gemm.h.
    """
    if real_t is float:
        bp_product_f32(trans_a, trans_b, m, n, k, alpha, A, lda, B, ldb, bias, beta, C, ldc)
    else:
        bp_product_f64(trans_a, trans_b, m, n, k, alpha, A, lda, B, ldb, bias, beta, C, ldc)


cdef inline void own_product_nt(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const real_t** A,
                                const real_t* B, Py_ssize_t ldb, const real_t* bias, real_t* C,
                                Py_ssize_t ldc, const real_t** prefetch,
                                Py_ssize_t n_prefetch) noexcept nogil:
    """C (m, n) = A Bᵀ + bias, A given by its rows."""
    if real_t is float:
        bp_product_nt_f32(m, n, k, A, B, ldb, bias, C, ldc, prefetch, n_prefetch)
    else:
        bp_product_nt_f64(m, n, k, A, B, ldb, bias, C, ldc, prefetch, n_prefetch)


cdef inline void own_product_tn(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, real_t alpha,
                                const real_t* A, Py_ssize_t lda, const real_t** B, real_t beta,
                                real_t* C, Py_ssize_t ldc, const real_t** prefetch,
                                Py_ssize_t n_prefetch) noexcept nogil:
    """C (m, n) = alpha Aᵀ B + beta C, B given by its rows."""
    if real_t is float:
        bp_product_tn_f32(m, n, k, alpha, A, lda, B, beta, C, ldc, prefetch, n_prefetch)
    else:
        bp_product_tn_f64(m, n, k, alpha, A, lda, B, beta, C, ldc, prefetch, n_prefetch)


cdef inline void own_column_sums(Py_ssize_t n, Py_ssize_t width, Py_ssize_t lda, const real_t* A,
                                 real_t alpha, real_t beta, real_t* out) noexcept nogil:
    """out = alpha Σ_k A_k + beta out."""
    if real_t is float:
        bp_column_sums_f32(n, width, lda, A, alpha, beta, out)
    else:
        bp_column_sums_f64(n, width, lda, A, alpha, beta, out)


cdef inline Py_ssize_t own_compress(Py_ssize_t n, const real_t* x, const void* prefetch,
                                    real_t* values, int32_t* columns,
                                    int32_t* offsets) noexcept nogil:
    """What is not zero, its columns and offsets; returns how many."""
    if real_t is float:
        return bp_compress_f32(n, x, prefetch, values, columns, offsets)
    else:
        return bp_compress_f64(n, x, prefetch, values, columns, offsets)


cdef inline void own_sparse_dot(bint in_order, Py_ssize_t n, Py_ssize_t n_out,
                                Py_ssize_t room, const real_t* values, const int32_t* columns,
                                const Py_ssize_t* counts, const real_t* w_t, Py_ssize_t ldw,
                                const real_t* bias, real_t* z, const real_t** prefetch,
                                Py_ssize_t n_prefetch) noexcept nogil:
    """z = x wᵀ + bias, of compressed rows."""
    if real_t is float:
        bp_sparse_dot_f32(in_order, n, n_out, room, values, columns, counts, w_t, ldw, bias, z,
                          prefetch, n_prefetch)
    else:
        bp_sparse_dot_f64(in_order, n, n_out, room, values, columns, counts, w_t, ldw, bias, z,
                          prefetch, n_prefetch)


cdef inline void own_sparse_add(Py_ssize_t n, Py_ssize_t n_in, Py_ssize_t n_out,
                                Py_ssize_t first, Py_ssize_t end, Py_ssize_t room,
                                const real_t* values, const int32_t* columns,
                                const Py_ssize_t* counts, const int32_t* offsets, real_t alpha,
                                const real_t* delta, real_t* out, Py_ssize_t ldo,
                                const real_t** prefetch, Py_ssize_t n_prefetch) noexcept nogil:
    """Rows first to end of out += alpha xᵀ delta, of compressed rows."""
    if real_t is float:
        bp_sparse_add_f32(n, n_in, n_out, first, end, room, values, columns, counts, offsets,
                          alpha, delta, out, ldo, prefetch, n_prefetch)
    else:
        bp_sparse_add_f64(n, n_in, n_out, first, end, room, values, columns, counts, offsets,
                          alpha, delta, out, ldo, prefetch, n_prefetch)


cdef inline Py_ssize_t own_square(const real_t* of_type) noexcept nogil:
    """How many columns of w a square has in `own_sparse_in_place`."""
    return bp_square_f32() if real_t is float else bp_square_f64()


cdef inline void own_sparse_in_place(Py_ssize_t n, Py_ssize_t n_in, Py_ssize_t n_out,
                                     Py_ssize_t n_entries, const real_t* values,
                                     const int32_t* columns, const int32_t* rows,
                                     const Py_ssize_t* ends, const real_t* w,
                                     const real_t* bias, real_t* z,
                                     real_t* sums) noexcept nogil:
    """z = x wᵀ + bias, of entries of x, w as it lies."""
    if real_t is float:
        bp_sparse_in_place_f32(n, n_in, n_out, n_entries, values, columns, rows, ends, w, bias, z,
                               sums)
    else:
        bp_sparse_in_place_f64(n, n_in, n_out, n_entries, values, columns, rows, ends, w, bias, z,
                               sums)


cdef inline void own_transpose(Py_ssize_t rows, Py_ssize_t columns, const real_t* A,
                               Py_ssize_t lda, real_t* out, Py_ssize_t ldo) noexcept nogil:
    """out (columns, rows) = Aᵀ."""
    if real_t is float:
        bp_transpose_f32(rows, columns, A, lda, out, ldo)
    else:
        bp_transpose_f64(rows, columns, A, lda, out, ldo)
