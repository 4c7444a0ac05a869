"""The one door to matrix products: row-major in; own loops for small layers, BLAS for large ones.

SciPy's ``cython_blas`` takes C ``int``.  Every size that comes here is the width of a layer,
the rows of a block or the distance between two rows of the input; the callers refuse widths
beyond ``MAX_DIMENSION`` once, when a network is made, copy rows that lie further apart than
that, and cut rows into blocks.  So the casts below cannot wrap round.
"""

from libc.stdint cimport int32_t

from bpcore._core.tuning cimport TUNING
from bpcore._core.types cimport real_t
from bpcore.kernels.blas cimport blas_gemm, blas_gemv
from bpcore.kernels.gemm cimport (
    bp_is_x86, bp_isa, bp_set_isa, bp_turning_pays, own_column_sums, own_compress, own_product,
    own_product_nt, own_product_tn, own_sparse_add, own_sparse_dot, own_sparse_in_place, own_square,
    own_transpose,
)
from bpcore.kernels.sums cimport add_bias

MAX_DIMENSION = 2**31 - 1

# The widest vector, and a line of the caches, which no vector then crosses.
cdef Py_ssize_t VECTOR_BYTES = 64


def set_isa(int limit=4):
    """Let the own loops use no higher instruction set than this; returns the one taken.

    For tests and measurements; the module calls it once when it is imported.

    Parameters
    ----------
    limit : int, default=4
        A level of x86-64 (2, 3 or 4); where the processor lacks it, the highest that it has.

    Returns
    -------
    int
        0 where the module was compiled without own loops.
    """
    return bp_set_isa(limit)


set_isa()


def isa():
    """What the own product loops run on, as text."""
    return {4: "x86-64-v4 (AVX-512)", 3: "x86-64-v3 (AVX2, FMA)",
            2: "the architecture's baseline"}.get(bp_isa(), "none: BLAS does all")


# ---------------------------------------------------------------- the choice

cdef bint own_loops_serve(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Whether the own loops can have a product of (m, k) by (k, n), also of rows by pointer: there
    are some, and it is not one for the packed panels of BLAS."""
    cdef double work = <double>m * <double>n * <double>k
    if bp_isa() > 2:
        return work <= TUNING.own_product_max_work
    return bp_isa() > 0 and work <= TUNING.own_product_max_work_baseline


cdef bint choose_own(int product, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, Py_ssize_t itemsize,
                     bint is_small, bint is_large) noexcept nogil:
    """Whether a product of (m, k) by (k, n) goes to the own loops, else to BLAS.

    Only the plan asks, once for each layer and product, with the nominal size of a block or shard:
    never with the rows of a call, of which the last are fewer, or the number of threads.  The
    figures are BLAS's time over that of the own loops, medians over the shapes of
    benchmarks/products.py, on one thread of an Intel Xeon with AVX-512 and OpenBLAS 0.3.30 as
    SkylakeX, as Haswell and as Prescott.

    is_small: the run is so small that holding BLAS at one thread (11 microseconds) would show.
    is_large: w is so large that BLAS has its products; see `wants_blas`.
    """
    cdef bint multiplies_little = <double>m * <double>n * <double>k <= TUNING.blas_max_work
    if not own_loops_serve(m, n, k):
        return False
    if product == FORWARD:
        # the bits of a row do not depend on its neighbours: predict, trace and fit are one
        return True
    if is_small:
        return True
    if bp_isa() == 2:
        # doubles 0.80 to 0.92; floats 2.2 to 1.1 up to 10⁶ multiplications,
        # 0.98 beyond; other architectures are not measured
        return bp_is_x86() and itemsize == sizeof(float) and multiplies_little
    if is_large:
        return False            # 0.4 to 0.9
    # AVX2: δ w 2.1 to 1.25, δᵀ a 4.2 to 1.2: OpenBLAS packs every operand.  AVX-512: up to 10⁶
    # multiplications, where it packs nothing, δ w 0.91 to 1.27, δᵀ a 0.8 to 1.25, both 0.95 to 1.03
    # in an epoch, where its code is not at hand; beyond 1.1 to 1.8
    return True


cdef bint wants_blas(Py_ssize_t weights, Py_ssize_t itemsize, Py_ssize_t rows) noexcept nogil:
    """Whether a matrix is so large that BLAS has its products, in blocks of so many rows.

    With AVX2 the time of whole epochs by BLAS over that by own loops, AMD Zen 3, in blocks of 128
    rows: doubles 0.93 to 0.98 from 2 MB on, 0.78 to 0.92 from 8 MB; floats 0.79 to 0.99 from 4 MB.
    In blocks of 32, for which BLAS packs w as often: doubles 1.02 to 1.25, floats 1.1 to 1.2.
    """
    cdef Py_ssize_t n_bytes = weights * itemsize
    if bp_isa() == 4:
        return itemsize == sizeof(double) and n_bytes >= TUNING.blas_matrix_bytes
    return bp_isa() == 3 and rows >= TUNING.blas_avx2_rows and n_bytes >= (
        TUNING.blas_avx2_double_bytes if itemsize == sizeof(double)
        else TUNING.blas_avx2_float_bytes)


cdef bint turns_weights(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                        Py_ssize_t itemsize) noexcept nogil:
    """Whether an own z = x wᵀ, x (m, k), w (n, k), has w transposed first."""
    return bp_turning_pays(m, n, k, (16 << max(0, bp_isa() - 2)) // itemsize)


# ---------------------------------------------------------------- the products

cdef void gemm(bint own, bint trans_a, bint trans_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
               real_t alpha, const real_t* A, Py_ssize_t lda,
               const real_t* B, Py_ssize_t ldb,
               real_t beta, real_t* C, Py_ssize_t ldc) noexcept nogil:
    """C = alpha op(A) op(B) + beta C, where op(A) is (m, k), op(B) is (k, n), C is (m, n).

    Row-major matrices are the transposes of Fortran's: Cᵀ = op(B)ᵀ op(A)ᵀ.  With beta = 0,
    C is written without being read.  own: by the own loops, else by BLAS.
    """
    cdef char op_a = b"T" if trans_a else b"N"
    cdef char op_b = b"T" if trans_b else b"N"
    if own:
        own_product(trans_a, trans_b, m, n, k, alpha, A, lda, B, ldb, <real_t*>NULL, beta, C, ldc)
    elif m == 1 and not trans_a:
        # One row: c = op(B)ᵀ a.  Fortran sees op(B) transposed once already.
        if trans_b:
            blas_gemv(op_b, <int>k, <int>n, alpha, B, <int>ldb, A, beta, C)
        else:
            blas_gemv(op_b, <int>n, <int>k, alpha, B, <int>ldb, A, beta, C)
    else:
        blas_gemm(op_b, op_a, <int>n, <int>m, <int>k, alpha, B, <int>ldb, A, <int>lda, beta, C,
                  <int>ldc)


cdef void affine(int own, Py_ssize_t n, Py_ssize_t n_out, Py_ssize_t n_in, const real_t** x,
                 Py_ssize_t ldx, const real_t* w, const real_t* b, real_t* z,
                 const real_t** prefetch, Py_ssize_t n_prefetch) noexcept nogil:
    """z = x wᵀ + b, z (n, n_out), w (n_out, n_in).

    x: where the n rows are.  ldx: numbers from one to the next, so that x[0] tells all; 0 where
    each is read by its pointer, which only an own product can do.
    prefetch: a list of which every second row, n_prefetch in all, of n_in numbers, is fetched
    into the caches meanwhile; with rows by pointer only.
    own: 0: BLAS; 1: the own loop that suits n; BP_TURNED, BP_DOTS: this one, whatever n is.
    """
    if ldx == 0:
        own_product_nt(n, n_out, n_in, x, w, n_in, b, z, n_out, prefetch, n_prefetch)
    elif own:
        # the other numbers are the ways of op(B) = Bᵀ
        own_product(False, own, n, n_out, n_in, <real_t>1, x[0], ldx, w, n_in, b, <real_t>0, z,
                    n_out)
    else:
        gemm(False, False, True, n, n_out, n_in, <real_t>1, x[0], ldx, w, n_in, <real_t>0, z, n_out)
        add_bias(n, n_out, b, z)


cdef void gemm_tn_rows(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, real_t alpha, const real_t* A,
                       Py_ssize_t lda, const real_t** B, real_t beta, real_t* C,
                       Py_ssize_t ldc, const real_t** prefetch,
                       Py_ssize_t n_prefetch) noexcept nogil:
    """C = alpha Aᵀ B + beta C by the own loops, A (k, m), B (k, n) given by its rows.

    prefetch, n_prefetch: as for `affine`, rows of n numbers.
    """
    own_product_tn(m, n, k, alpha, A, lda, B, beta, C, ldc, prefetch, n_prefetch)


cdef void column_sums(Py_ssize_t n, Py_ssize_t width, Py_ssize_t lda, const real_t* A,
                      real_t alpha, real_t beta, real_t* out) noexcept nogil:
    """out = alpha Σ_k A_k + beta out, A (n, width), its rows lda apart."""
    own_column_sums(n, width, lda, A, alpha, beta, out)


# ---------------------------------------------------------------- rows that are mostly zero

cdef bint has_sparse_loops() noexcept nogil:
    """Whether the functions below do anything: not where BLAS does all."""
    return bp_isa() > 0


cdef Py_ssize_t compress(Py_ssize_t n, const real_t* x, const void* prefetch, real_t* values,
                         int32_t* columns, int32_t* offsets) noexcept nogil:
    """The numbers of x (n,) that are not zero, in their order, and their columns, from 0 on.

    values, columns: (n,), written.  values may be x itself.
    offsets: (⌈n / OFFSET_STRIDE⌉,), written: how many stand before column 0, OFFSET_STRIDE, …
    prefetch: n numbers that are fetched into the caches meanwhile.
    Returns how many there are; NaN is one of them.
    """
    return own_compress(n, x, prefetch, values, columns, offsets)


cdef void sparse_affine(bint in_order, Py_ssize_t n, Py_ssize_t n_out, Py_ssize_t room,
                        const real_t* values, const int32_t* columns, const Py_ssize_t* counts,
                        const real_t* w_t, Py_ssize_t ldw, const real_t* b, real_t* z,
                        const real_t** prefetch, Py_ssize_t n_prefetch) noexcept nogil:
    """z = x wᵀ + b, z (n, n_out), of x (n, n_in) only what `compress` has kept.

    values, columns: row i has counts[i], from i * room on.  w_t: (n_in, n_out), w transposed,
    its rows ldw apart: whole vectors (`padded_width`), zeros at their end.
    in_order: with the bits of `sparse_affine_in_place`.
    prefetch, n_prefetch: as for `affine`; room is n_in then.
    """
    own_sparse_dot(in_order, n, n_out, room, values, columns, counts, w_t, ldw, b, z, prefetch,
                   n_prefetch)


cdef Py_ssize_t columns_of_square(const real_t* of_type) noexcept nogil:
    """How many columns, a power of two, the squares of w have that `sparse_affine_in_place` reads.
    of_type only names the element type."""
    return own_square(of_type)


cdef void sparse_affine_in_place(Py_ssize_t n, Py_ssize_t n_in, Py_ssize_t n_out,
                                 Py_ssize_t n_entries, const real_t* values,
                                 const int32_t* columns, const int32_t* rows,
                                 const Py_ssize_t* ends, const real_t* w, const real_t* b,
                                 real_t* z, real_t* sums) noexcept nogil:
    """z = x wᵀ + b, z (n, n_out), w (n_out, n_in) as it lies, of n_entries entries of x.

    values, columns, rows: of each entry; rows NULL: all are of row 0.  Those of a row are added up
    in their order, which gives z the same bits whatever stands between them.
    ends: where the entries of each square's columns end (`columns_of_square`), if they come in
    the order of the squares; or NULL.
    sums: n times IN_PLACE_UNITS, scratch.
    """
    own_sparse_in_place(n, n_in, n_out, n_entries, values, columns, rows, ends, w, b, z,
                        sums)


cdef void add_sparse_outer(Py_ssize_t n, Py_ssize_t n_in, Py_ssize_t n_out, Py_ssize_t first,
                           Py_ssize_t end, Py_ssize_t room, const real_t* values,
                           const int32_t* columns, const Py_ssize_t* counts,
                           const int32_t* offsets, real_t alpha, const real_t* delta, real_t* out,
                           Py_ssize_t ldo, const real_t** prefetch,
                           Py_ssize_t n_prefetch) noexcept nogil:
    """out += alpha xᵀ delta, out (n_in, n_out) but only its rows first to end, delta (n, n_out).

    first, end: multiples of OFFSET_STRIDE, or end is n_in.  offsets: as `compress` writes
    them, one row after the other.  out: where row 0 would be, its rows ldo apart, whole vectors.
    The others as for `sparse_affine`; the columns of a row rise.
    """
    own_sparse_add(n, n_in, n_out, first, end, room, values, columns, counts, offsets, alpha,
                   delta, out, ldo, prefetch, n_prefetch)


cdef Py_ssize_t padded_width(Py_ssize_t n_out, Py_ssize_t itemsize) noexcept nogil:
    """n_out rounded up to whole vectors."""
    cdef Py_ssize_t lanes = VECTOR_BYTES // itemsize
    return (n_out + lanes - 1) // lanes * lanes


cdef void transpose(Py_ssize_t rows, Py_ssize_t columns, const real_t* A, Py_ssize_t lda,
                    real_t* out, Py_ssize_t ldo) noexcept nogil:
    """out (columns, rows) = the transpose of A (rows, columns), their rows lda and ldo apart."""
    own_transpose(rows, columns, A, lda, out, ldo)
