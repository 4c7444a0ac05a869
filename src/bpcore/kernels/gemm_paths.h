/* Included by gemm.h once for float and once for double: which loop for which shape. */

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

/* Whether C (m, n) = A^T B, sums over k, is faster as C^T = B^T A: vectors along m leave fewer lanes
 * empty than along n, by more than transposing the result costs. */
static int BP_P(wants_turned_result)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    const ptrdiff_t lanes = bp_gemm.BP_OF(lanes);
    const ptrdiff_t along_n = (n + lanes - 1) / lanes * lanes * m;
    const ptrdiff_t along_m = (m + lanes - 1) / lanes * lanes * n;
    return m * n <= BP_SCRATCH && 10 * k * (along_n - along_m) > along_m * (k + 80);
}

/* C (m, n) = alpha A^T B + beta C by way of C^T. */
static void BP_P(turned_result)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, BP_REAL alpha,
                                const BP_REAL *A, ptrdiff_t lda, const BP_REAL *B, ptrdiff_t ldb,
                                BP_REAL beta, BP_REAL *C, ptrdiff_t ldc)
{
    BP_ALIGNED BP_REAL scratch[BP_SCRATCH];
    const BP_REAL *rows[BP_DEPTH];
    bp_prefetch nothing = bp_no_prefetch();
    for (ptrdiff_t p = 0; p < k; p += BP_DEPTH) {
        ptrdiff_t depth = k - p < BP_DEPTH ? k - p : BP_DEPTH;
        for (ptrdiff_t i = 0; i < depth; i++) rows[i] = A + (p + i) * lda;
        bp_gemm.BP_OF(rows)(n, m, depth, alpha, B + p * ldb, 1, ldb, rows, NULL, p == 0 ? 0 : 1,
                            scratch, m, &nothing);
    }
    if (beta == 0) {
        bp_gemm.BP_OF(transpose)(n, m, scratch, m, C, ldc);
        return;
    }
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j = 0; j < n; j++) C[i * ldc + j] = scratch[j * m + i] + beta * C[i * ldc + j];
}

/* C (m, n) = alpha (A B^T + bias) + beta C, B transposed first, a strip of C and as many of its sums at
 * a time as the first cache holds. */
static void BP_P(turned_product)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, BP_REAL alpha,
                                 const BP_REAL *A, ptrdiff_t lda, const BP_REAL *B, ptrdiff_t ldb,
                                 const BP_REAL *bias, BP_REAL beta, BP_REAL *C, ptrdiff_t ldc)
{
    BP_ALIGNED BP_REAL scratch[BP_STRIP_BYTES / sizeof(BP_REAL)];
    const BP_REAL *rows[BP_DEPTH];
    const ptrdiff_t lanes = bp_gemm.BP_OF(lanes);
    const ptrdiff_t all = (n + lanes - 1) / lanes;
    const ptrdiff_t strips = (all + 2) / 3;
    const ptrdiff_t fit = BP_STRIP_BYTES / (3 * lanes * (ptrdiff_t)sizeof(BP_REAL));
    const ptrdiff_t longest = fit < BP_DEPTH ? fit : BP_DEPTH;
    const ptrdiff_t parts = (k + longest - 1) / longest;
    const ptrdiff_t depth = (k + parts - 1) / parts;
    bp_prefetch nothing = bp_no_prefetch();
    for (ptrdiff_t s = 0, j = 0; s < strips; s++) {
        const ptrdiff_t ldt = (all - j / lanes + strips - s - 1) / (strips - s) * lanes;
        const ptrdiff_t units = n - j < ldt ? n - j : ldt;
        for (ptrdiff_t p = 0; p < k; p += depth) {
            const ptrdiff_t here = k - p < depth ? k - p : depth;
            bp_gemm.BP_OF(transpose)(units, here, B + j * ldb + p, ldb, scratch, ldt);
            for (ptrdiff_t r = 0; r < here; r++) rows[r] = scratch + r * ldt;
            bp_gemm.BP_OF(rows)(m, units, here, alpha, A + p, lda, 1, rows,
                                bias && p == 0 ? bias + j : NULL, p == 0 ? beta : 1, C + j, ldc,
                                &nothing);
        }
        j += ldt;
    }
}

/* C (m, n) = alpha op(A) op(B) + beta C, row-major.
 * trans_b: 0, 1, BP_TURNED or BP_DOTS.
 * bias: NULL, or n numbers: C = A B^T + bias, given alpha = 1, beta = 0, op(A) = A, op(B) = B^T. */
static void BP_P(product)(int trans_a, int trans_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                          BP_REAL alpha, const BP_REAL *A, ptrdiff_t lda, const BP_REAL *B,
                          ptrdiff_t ldb, const BP_REAL *bias, BP_REAL beta, BP_REAL *C,
                          ptrdiff_t ldc)
{
    const BP_REAL *rows[BP_DEPTH];
    const ptrdiff_t lanes = bp_gemm.BP_OF(lanes);
    bp_prefetch nothing = bp_no_prefetch();
    if (trans_b) {
        if (trans_b == BP_TURNED
            || (trans_b == 1 && k < BP_SHORT_INPUTS && bp_turning_pays(m, n, k, lanes))) {
            BP_P(turned_product)(m, n, k, alpha, A, lda, B, ldb, bias, beta, C, ldc);
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
    if (trans_a && BP_P(wants_turned_result)(m, n, k)) {
        BP_P(turned_result)(m, n, k, alpha, A, lda, B, ldb, beta, C, ldc);
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

static void BP_P(transpose)(ptrdiff_t rows, ptrdiff_t columns, const BP_REAL *A, ptrdiff_t lda,
                            BP_REAL *out, ptrdiff_t ldo)
{
    bp_gemm.BP_OF(transpose)(rows, columns, A, lda, out, ldo);
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

/* See sparse_tiles.h; prefetch, n_prefetch: as for product_nt, rows of n_in numbers, which
 * is what there is room for then. */
static void BP_P(sparse_dot)(int in_order, ptrdiff_t n, ptrdiff_t n_out, ptrdiff_t room,
                             const BP_REAL *values, const int32_t *columns,
                             const ptrdiff_t *counts, const BP_REAL *W, ptrdiff_t ldw,
                             const BP_REAL *bias, BP_REAL *z,
                             const BP_REAL *const *prefetch, ptrdiff_t n_prefetch)
{
    const ptrdiff_t vectors = (n_out + bp_gemm.BP_OF(lanes) - 1) / bp_gemm.BP_OF(lanes);
    const ptrdiff_t each = vectors == 1 ? 8 : (vectors == 2 ? 4 : (vectors <= 4 ? 2 : 1));
    const ptrdiff_t steps = n_prefetch > 0 ? BP_P(steps)(n, counts, each) * ((vectors + 7) / 8) : 0;
    bp_prefetch next = bp_prefetch_rows((const void *const *)prefetch, n_prefetch,
                                        room * (ptrdiff_t)sizeof(BP_REAL), steps);
    bp_gemm.BP_OF(sparse_dot)(in_order, n, n_out, room, values, columns, counts, W, ldw, bias, z,
                             &next);
}

static void BP_P(sparse_add)(ptrdiff_t n, ptrdiff_t n_in, ptrdiff_t n_out, ptrdiff_t first,
                             ptrdiff_t end, ptrdiff_t room, const BP_REAL *values,
                             const int32_t *columns, const ptrdiff_t *counts,
                             const int32_t *offsets, BP_REAL alpha, const BP_REAL *delta,
                             BP_REAL *W, ptrdiff_t ldw,
                             const BP_REAL *const *prefetch, ptrdiff_t n_prefetch)
{
    const ptrdiff_t vectors = (n_out + bp_gemm.BP_OF(lanes) - 1) / bp_gemm.BP_OF(lanes);
    const ptrdiff_t all = n_prefetch > 0 ? BP_P(steps)(n, counts, 1) * ((vectors + 7) / 8) : 0;
    bp_prefetch next = bp_prefetch_rows((const void *const *)prefetch, n_prefetch,
                                        room * (ptrdiff_t)sizeof(BP_REAL), all * (end - first) / n_in);
    bp_gemm.BP_OF(sparse_add)(n, n_in, n_out, first, end, room, values, columns, counts, offsets,
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

static void BP_P(plain_sparse_in_place)(ptrdiff_t n, ptrdiff_t n_in, ptrdiff_t n_out,
                                        ptrdiff_t n_entries, const BP_REAL *values,
                                        const int32_t *columns, const int32_t *rows,
                                        const ptrdiff_t *ends, const BP_REAL *W,
                                        const BP_REAL *bias, BP_REAL *z, BP_REAL *sums)
{
    (void)ends, (void)sums;
    for (ptrdiff_t j = 0; j < n_out; j++) {
        for (ptrdiff_t i = 0; i < n; i++) z[i * n_out + j] = bias[j];
        for (ptrdiff_t e = 0; e < n_entries; e++)
            z[(rows ? rows[e] : 0) * n_out + j] += values[e] * W[j * n_in + columns[e]];
    }
}
#endif

/* Columns that a square of W has in sparse_in_place, a power of two. */
static ptrdiff_t BP_P(square)(void)
{
    return bp_gemm.BP_OF(square);
}

/* See sparse_tiles.h. */
static void BP_P(sparse_in_place)(ptrdiff_t n, ptrdiff_t n_in, ptrdiff_t n_out,
                                  ptrdiff_t n_entries, const BP_REAL *values,
                                  const int32_t *columns, const int32_t *rows,
                                  const ptrdiff_t *ends, const BP_REAL *W, const BP_REAL *bias,
                                  BP_REAL *z, BP_REAL *sums)
{
    bp_gemm.BP_OF(sparse_in_place)(n, n_in, n_out, n_entries, values, columns, rows, ends, W, bias,
                                   z, sums);
}

/* out = alpha * the sums of the columns of A (n, width), rows `lda` apart, + beta * out. */
static void BP_P(column_sums)(ptrdiff_t n, ptrdiff_t width, ptrdiff_t lda, const BP_REAL *A,
                              BP_REAL alpha, BP_REAL beta, BP_REAL *out)
{
    bp_gemm.BP_OF(column_sums)(n, width, lda, A, alpha, beta, out);
}

