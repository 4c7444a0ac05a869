/* Included by gemm.h once for float and once for double: which loop for which shape. */

/* out (columns, rows, ldo apart) = the transpose of A (rows, columns), zeros in the gaps; a few rows
 * at a time, so that what is read stays in the first cache. */
static void BP_P(transpose_padded)(ptrdiff_t rows, ptrdiff_t columns, const BP_REAL *A,
                                   ptrdiff_t lda, BP_REAL *out, ptrdiff_t ldo)
{
    ptrdiff_t i0 = 0;
    for (; i0 + 8 <= rows; i0 += 8)
        for (ptrdiff_t j = 0; j < columns; j++)
            for (ptrdiff_t i = i0; i < i0 + 8; i++) out[j * ldo + i] = A[i * lda + j];
    for (ptrdiff_t j = 0; i0 < ldo && j < columns; j++) {
        for (ptrdiff_t i = i0; i < rows; i++) out[j * ldo + i] = A[i * lda + j];
        for (ptrdiff_t i = rows; i < ldo; i++) out[j * ldo + i] = 0;
    }
}

/* C (m, n) = A B^T + bias, A (m, k) by its rows, B (n, k).
 * C starts as the bias: `dot` runs out of registers where it has to take it at its end.
 * prefetch: a list of rows of k numbers, every second of which, n_prefetch in all, is fetched into
 * the caches meanwhile. */
static void BP_P(product_nt)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const BP_REAL *const *A,
                             const BP_REAL *B, ptrdiff_t ldb, const BP_REAL *bias, BP_REAL *C,
                             ptrdiff_t ldc, const BP_REAL *const *prefetch, ptrdiff_t n_prefetch)
{
    /* a tile of so many rows by 4 takes a step for each vector of k */
    const ptrdiff_t tiles = (m / bp_gemm.dot_rows + 1) * ((n + 3) / 4);
    const ptrdiff_t steps = tiles * (k / bp_gemm.BP_OF(lanes));
    bp_prefetch next = bp_prefetch_rows((const void *const *)prefetch, n_prefetch,
                                        k * (ptrdiff_t)sizeof(BP_REAL), steps);
    bp_gemm.BP_OF(fill)(m, n, bias, C, ldc);
    bp_gemm.BP_OF(dot)(m, n, k, 1, A, B, ldb, 1, C, ldc, &next);
}

/* C (m, n) = alpha A^T B + beta C, A (k, m), B (k, n) by its rows.
 * prefetch, n_prefetch: as for product_nt, rows of n numbers. */
static void BP_P(product_tn)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, BP_REAL alpha,
                             const BP_REAL *A, ptrdiff_t lda, const BP_REAL *const *B,
                             BP_REAL beta, BP_REAL *C, ptrdiff_t ldc,
                             const BP_REAL *const *prefetch, ptrdiff_t n_prefetch)
{
    /* a tile of so many rows by 3 vectors takes a step for each of k */
    const ptrdiff_t tiles = (m / bp_gemm.rows_of_3 + 1) * (n / (3 * bp_gemm.BP_OF(lanes)));
    const ptrdiff_t steps = tiles * k;
    bp_prefetch next = bp_prefetch_rows((const void *const *)prefetch, n_prefetch,
                                        n * (ptrdiff_t)sizeof(BP_REAL), steps);
    for (ptrdiff_t p = 0; p < k; p += BP_DEPTH) {
        ptrdiff_t depth = k - p < BP_DEPTH ? k - p : BP_DEPTH;
        bp_gemm.BP_OF(rows)(m, n, depth, alpha, A + p * lda, 1, lda, B + p,
                             NULL, p == 0 ? beta : 1, C, ldc, &next);
    }
}

/* C (m, n) = alpha A^T B + beta C for n < lanes < m: C^T = B^T A wastes no lanes. */
static void BP_P(narrow_tn)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, BP_REAL alpha,
                            const BP_REAL *A, ptrdiff_t lda, const BP_REAL *B, ptrdiff_t ldb,
                            BP_REAL beta, BP_REAL *C, ptrdiff_t ldc)
{
    BP_REAL scratch[BP_SCRATCH];
    const BP_REAL *rows[BP_DEPTH];
    bp_prefetch nothing = bp_no_prefetch();
    for (ptrdiff_t p = 0; p < k; p += BP_DEPTH) {
        ptrdiff_t depth = k - p < BP_DEPTH ? k - p : BP_DEPTH;
        for (ptrdiff_t i = 0; i < depth; i++) rows[i] = A + (p + i) * lda;
        bp_gemm.BP_OF(rows)(n, m, depth, 1, B + p * ldb, 1, ldb, rows, NULL,
                             p == 0 ? 0 : 1, scratch, m, &nothing);
    }
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j = 0; j < n; j++) {
            BP_REAL c = alpha * scratch[j * m + i];
            C[i * ldc + j] = beta == 0 ? c : c + beta * C[i * ldc + j];
        }
}

/* C (m, n) = alpha op(A) op(B) + beta C, row-major.
 * trans_b: 0, 1, or BP_TURNED: B is transposed first, k being at most BP_DEPTH.
 * bias: NULL, or n numbers: C = A B^T + bias, given alpha = 1, beta = 0, op(A) = A, op(B) = B^T. */
static void BP_P(product)(int trans_a, int trans_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                          BP_REAL alpha, const BP_REAL *A, ptrdiff_t lda, const BP_REAL *B,
                          ptrdiff_t ldb, const BP_REAL *bias, BP_REAL beta, BP_REAL *C,
                          ptrdiff_t ldc)
{
    BP_REAL scratch[BP_SCRATCH];
    const BP_REAL *rows[BP_DEPTH];
    const ptrdiff_t lanes = bp_gemm.BP_OF(lanes);
    bp_prefetch nothing = bp_no_prefetch();
    if (trans_b) {
        /* Short dot products are mostly ends: transpose B and add up rows instead.  With those that
         * are not so short a vector that is left half full, one of few, costs 1.3 to 2.1 times as
         * much as the dot products; and so does one column always. */
        const int pays = n > 1 && (k < 4 * lanes ? m >= 8
                                   : k < 8 * lanes && m >= 32
                                         && (n % lanes == 0 || n >= 4 * lanes));
        if (trans_b == BP_TURNED || (pays && k < BP_SHORT_INPUTS)) {
            /* as many units at a time as there is room for */
            const ptrdiff_t most = BP_SCRATCH / k / lanes * lanes;
            for (ptrdiff_t j = 0; j < n; j += most) {
                const ptrdiff_t here = n - j < most ? n - j : most;
                const ptrdiff_t ldt = (here + lanes - 1) / lanes * lanes;
                BP_P(transpose_padded)(here, k, B + j * ldb, ldb, scratch, ldt);
                for (ptrdiff_t p = 0; p < k; p++) rows[p] = scratch + p * ldt;
                bp_gemm.BP_OF(rows)(m, here, k, alpha, A, lda, 1, rows, bias ? bias + j : NULL, beta,
                                    C + j, ldc, &nothing);
            }
            return;
        }
        if (bias) {
            bp_gemm.BP_OF(fill)(m, n, bias, C, ldc);
            beta = 1;
        }
        for (ptrdiff_t i = 0; i < m; i += BP_DEPTH) {
            ptrdiff_t here = m - i < BP_DEPTH ? m - i : BP_DEPTH;
            for (ptrdiff_t r = 0; r < here; r++) rows[r] = A + (i + r) * lda;
            bp_gemm.BP_OF(dot)(here, n, k, alpha, rows, B, ldb, beta, C + i * ldc, ldc,
                             &nothing);
        }
        return;
    }
    if (trans_a && n < lanes && m > n && m * n <= BP_SCRATCH) {
        BP_P(narrow_tn)(m, n, k, alpha, A, lda, B, ldb, beta, C, ldc);
        return;
    }
    for (ptrdiff_t p = 0; p < k; p += BP_DEPTH) {
        ptrdiff_t depth = k - p < BP_DEPTH ? k - p : BP_DEPTH;
        for (ptrdiff_t i = 0; i < depth; i++) rows[i] = B + (p + i) * ldb;
        bp_gemm.BP_OF(rows)(m, n, depth, alpha, trans_a ? A + p * lda : A + p,
                             trans_a ? 1 : lda, trans_a ? lda : 1, rows, NULL,
                             p == 0 ? beta : 1, C, ldc, &nothing);
    }
}

/* out (columns, rows) = the transpose of A (rows, columns), their rows lda and ldo apart; in
 * squares, of which both sides stay in the first cache. */
static void BP_P(transpose)(ptrdiff_t rows, ptrdiff_t columns, const BP_REAL *A, ptrdiff_t lda,
                       BP_REAL *out, ptrdiff_t ldo)
{
    for (ptrdiff_t i0 = 0; i0 < rows; i0 += 16)
        for (ptrdiff_t j0 = 0; j0 < columns; j0 += 16) {
            const ptrdiff_t i1 = i0 + 16 < rows ? i0 + 16 : rows;
            const ptrdiff_t j1 = j0 + 16 < columns ? j0 + 16 : columns;
            for (ptrdiff_t j = j0; j < j1; j++)
                for (ptrdiff_t i = i0; i < i1; i++) out[j * ldo + i] = A[i * lda + j];
        }
}

static ptrdiff_t BP_P(compress)(ptrdiff_t n, const BP_REAL *x, const void *prefetch,
                                BP_REAL *values, int32_t *columns, int32_t *offsets)
{
    return bp_gemm.BP_OF(compress)(n, x, (const char *)prefetch, values, columns, offsets);
}

/* Steps that a loop of `each` numbers a step takes through all rows. */
static ptrdiff_t BP_P(steps)(ptrdiff_t n, const ptrdiff_t *counts, ptrdiff_t each)
{
    ptrdiff_t steps = 0;
    for (ptrdiff_t i = 0; i < n; i++) steps += counts[i] / each;
    return steps;
}

/* See sparse_tiles.h; prefetch, n_prefetch: as for product_nt, rows of `width` numbers. */
static void BP_P(sparse_dot)(ptrdiff_t n, ptrdiff_t n_out, ptrdiff_t width, const BP_REAL *values,
                             const int32_t *columns, const ptrdiff_t *counts, const BP_REAL *W,
                             ptrdiff_t ldw, const BP_REAL *bias, BP_REAL *z,
                             const BP_REAL *const *prefetch, ptrdiff_t n_prefetch)
{
    const ptrdiff_t vectors = (n_out + bp_gemm.BP_OF(lanes) - 1) / bp_gemm.BP_OF(lanes);
    const ptrdiff_t each = vectors == 1 ? 8 : (vectors == 2 ? 4 : (vectors <= 4 ? 2 : 1));
    const ptrdiff_t steps = n_prefetch > 0 ? BP_P(steps)(n, counts, each) * ((vectors + 7) / 8) : 0;
    bp_prefetch next = bp_prefetch_rows((const void *const *)prefetch, n_prefetch,
                                        width * (ptrdiff_t)sizeof(BP_REAL), steps);
    bp_gemm.BP_OF(sparse_dot)(n, n_out, width, values, columns, counts, W, ldw, bias, z,
                             &next);
}

static void BP_P(sparse_add)(ptrdiff_t n, ptrdiff_t n_in, ptrdiff_t n_out, ptrdiff_t first,
                             ptrdiff_t end, ptrdiff_t width, const BP_REAL *values,
                             const int32_t *columns, const ptrdiff_t *counts,
                             const int32_t *offsets, BP_REAL alpha, const BP_REAL *delta,
                             BP_REAL *W, ptrdiff_t ldw,
                             const BP_REAL *const *prefetch, ptrdiff_t n_prefetch)
{
    const ptrdiff_t vectors = (n_out + bp_gemm.BP_OF(lanes) - 1) / bp_gemm.BP_OF(lanes);
    const ptrdiff_t all = n_prefetch > 0 ? BP_P(steps)(n, counts, 1) * ((vectors + 7) / 8) : 0;
    bp_prefetch next = bp_prefetch_rows((const void *const *)prefetch, n_prefetch,
                                        width * (ptrdiff_t)sizeof(BP_REAL), all * (end - first) / n_in);
    bp_gemm.BP_OF(sparse_add)(n, n_in, n_out, first, end, width, values, columns, counts, offsets,
                              (n_in + BP_OFFSET_STRIDE - 1) / BP_OFFSET_STRIDE, alpha, delta, W,
                              ldw, &next);
}

#if !BP_HAS_VECTORS
static void BP_P(plain_column_sums)(ptrdiff_t n, ptrdiff_t width, ptrdiff_t lda,
                                    const BP_REAL *A, BP_REAL alpha, BP_REAL beta, BP_REAL *out)
{
    for (ptrdiff_t j = 0; j < width; j++) out[j] = beta != 0 ? beta * out[j] : 0;
    for (ptrdiff_t k = 0; k < n; k++, A += lda)
        for (ptrdiff_t j = 0; j < width; j++) out[j] += alpha * A[j];
}
#endif

/* out = alpha * the sums of the columns of A (n, width), rows `lda` apart, + beta * out. */
static void BP_P(column_sums)(ptrdiff_t n, ptrdiff_t width, ptrdiff_t lda, const BP_REAL *A,
                              BP_REAL alpha, BP_REAL beta, BP_REAL *out)
{
    bp_gemm.BP_OF(column_sums)(n, width, lda, A, alpha, beta, out);
}

