/* Included by products.h once for each instruction set and element type; see there.
 *
 * BP_REAL: the element; BP_LANES of them in a vector; BP_P(name): the name with its suffix;
 * BP_TARGET: a helper that is inlined; BP_ENTRY: a function of its own.
 * BP_DOT_ROWS, BP_ROW_ROWS: the rows of a tile, so that its sums fill the registers.
 */

typedef BP_REAL BP_P(vec) __attribute__((vector_size(BP_LANES * sizeof(BP_REAL)),
                                         aligned(sizeof(BP_REAL)), may_alias));
typedef BP_REAL BP_P(four) __attribute__((vector_size(4 * sizeof(BP_REAL)),
                                          aligned(sizeof(BP_REAL)), may_alias));

/* The first `count` elements at p, zeros beyond: nothing beyond them is read. */
BP_TARGET BP_P(vec) BP_P(load)(const BP_REAL *p, ptrdiff_t count)
{
    if (__builtin_constant_p(count) && count == BP_LANES) return *(const BP_P(vec) *)p;
#ifdef BP_MASKED_LOAD
    return (BP_P(vec))BP_MASKED_LOAD(p, count);
#else
    BP_P(vec) v = {0};
    for (ptrdiff_t i = 0; i < count; i++) v[i] = p[i];
    return v;
#endif
}

BP_TARGET void BP_P(store)(BP_REAL *p, BP_P(vec) v, ptrdiff_t count)
{
    if (count == BP_LANES) *(BP_P(vec) *)p = v;
    else for (ptrdiff_t i = 0; i < count; i++) p[i] = v[i];
}

/* The sums of the elements of a, b, c and d. */
BP_TARGET BP_P(four) BP_P(sums)(BP_P(vec) a, BP_P(vec) b, BP_P(vec) c, BP_P(vec) d)
{
#if BP_LANES == 16
#  define BP_FOLD(v)                                                                         \
    ((BP_PICK(v, v, 0, 1, 2, 3) + BP_PICK(v, v, 4, 5, 6, 7))                                 \
     + (BP_PICK(v, v, 8, 9, 10, 11) + BP_PICK(v, v, 12, 13, 14, 15)))
#elif BP_LANES == 8
#  define BP_FOLD(v) (BP_PICK(v, v, 0, 1, 2, 3) + BP_PICK(v, v, 4, 5, 6, 7))
#else
#  define BP_FOLD(v) (v)
#endif
    BP_P(four) p = BP_FOLD(a), q = BP_FOLD(b), r = BP_FOLD(c), s = BP_FOLD(d);
    BP_P(four) pq = BP_PICK(p, q, 0, 4, 1, 5) + BP_PICK(p, q, 2, 6, 3, 7);
    BP_P(four) rs = BP_PICK(r, s, 0, 4, 1, 5) + BP_PICK(r, s, 2, 6, 3, 7);
    return BP_PICK(pq, rs, 0, 1, 4, 5) + BP_PICK(pq, rs, 2, 3, 6, 7);
#undef BP_FOLD
}

/* One tile of C = alpha A B^T + beta C: rows x columns (<= 4) dot products over k.
 *
 * A: where each row stands.  ahead: k numbers to fetch into the caches meanwhile, or NULL. */
BP_TARGET void BP_P(dot_tile)(const int rows, const int columns, ptrdiff_t k, BP_REAL alpha,
                              const BP_REAL *const *A, const BP_REAL *B, ptrdiff_t ldb,
                              BP_REAL beta, BP_REAL *C, ptrdiff_t ldc, const BP_REAL *ahead)
{
    BP_P(vec) sum[BP_DOT_ROWS][4] = {{{0}}};
    BP_P(vec) a[BP_DOT_ROWS];
    const BP_REAL *row[BP_DOT_ROWS];
    ptrdiff_t p = 0;
    for (int i = 0; i < rows; i++) row[i] = A[i];
    for (; p + BP_LANES <= k; p += BP_LANES) {
        if (ahead) __builtin_prefetch(ahead + p);
        for (int i = 0; i < rows; i++) a[i] = BP_P(load)(row[i] + p, BP_LANES);
        for (int j = 0; j < columns; j++) {
            BP_P(vec) b = BP_P(load)(B + j * ldb + p, BP_LANES);
            for (int i = 0; i < rows; i++) sum[i][j] += a[i] * b;
        }
    }
    if (p < k) {
        for (int i = 0; i < rows; i++) a[i] = BP_P(load)(row[i] + p, k - p);
        for (int j = 0; j < columns; j++) {
            BP_P(vec) b = BP_P(load)(B + j * ldb + p, k - p);
            for (int i = 0; i < rows; i++) sum[i][j] += a[i] * b;
        }
    }
    for (int i = 0; i < rows; i++) {
        BP_P(four) dots = alpha * BP_P(sums)(sum[i][0], sum[i][1], sum[i][2], sum[i][3]);
        BP_REAL *c = C + i * ldc;
        if (columns == 4) {
            if (beta != 0) dots += beta * *(BP_P(four) *)c;
            *(BP_P(four) *)c = dots;
        } else {
            for (int j = 0; j < columns; j++) c[j] = beta == 0 ? dots[j] : dots[j] + beta * c[j];
        }
    }
}

#define BP_TILE(rows_, columns_)                                                            \
    BP_P(dot_tile)(rows_, columns_, k, alpha, A + i, B + j * ldb, ldb, beta,                \
                   C + i * ldc + j, ldc, next)
#define BP_TILES(rows_)                                                                     \
    case rows_:                                                                             \
        switch (columns) {                                                                  \
        case 4: BP_TILE(rows_, 4); break;                                                   \
        case 2: BP_TILE(rows_, 2); break;                                                   \
        default: BP_TILE(rows_, 1);                                                         \
        }                                                                                   \
        break;

/* C = alpha A B^T + beta C, A (m, k) by its rows, B (n, k): both read along k.
 *
 * A block of A's rows stays in the first cache while every row of B passes by.
 * ahead: m rows of k numbers that are needed soon, or NULL. */
BP_ENTRY void BP_P(dot)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, BP_REAL alpha,
                        const BP_REAL *const *A, const BP_REAL *B, ptrdiff_t ldb, BP_REAL beta,
                        BP_REAL *C, ptrdiff_t ldc, const BP_REAL *const *ahead)
{
    ptrdiff_t block = BP_BLOCK_BYTES / (ptrdiff_t)(k * sizeof(BP_REAL));
    block = block < BP_DOT_ROWS ? BP_DOT_ROWS : block / BP_DOT_ROWS * BP_DOT_ROWS;
    while (m > 0) {
        ptrdiff_t here = m < block ? m : block;
        ptrdiff_t columns;
        for (ptrdiff_t j = 0; j < n; j += columns) {
            columns = n - j >= 4 ? 4 : (n - j >= 2 ? 2 : 1);
            ptrdiff_t rows;
            for (ptrdiff_t i = 0; i < here; i += rows) {
                ptrdiff_t left = here - i;
                rows = left >= BP_DOT_ROWS ? BP_DOT_ROWS : (left >= 2 ? 2 : 1);
                /* each pass of four rows of B fetches one of the next rows of A */
                const BP_REAL *next = ahead && j / 4 < rows ? ahead[i + j / 4] : NULL;
                switch (rows) {
                BP_TILES(1) BP_TILES(2)
#if BP_DOT_ROWS == 4
                BP_TILES(4)
#else
                BP_TILES(3)
#endif
                }
            }
        }
        m -= here;
        A += here;
        C += here * ldc;
        if (ahead) ahead += here;
    }
}

#undef BP_TILE
#undef BP_TILES

/* One tile of C = alpha A B + beta C: sums over p of a_ip times a piece of B's row p.
 *
 * The piece starts at column `at` and is `vectors` vectors, the last one holding `last` elements.
 * a_ip stands at A[i * row_step + p * column_step]: A may be given transposed. */
BP_TARGET void BP_P(row_tile)(const int rows, const int vectors, ptrdiff_t last, ptrdiff_t k,
                              BP_REAL alpha, const BP_REAL *A, ptrdiff_t row_step,
                              ptrdiff_t column_step, const BP_REAL *const *B, ptrdiff_t at,
                              BP_REAL beta, BP_REAL *C, ptrdiff_t ldc)
{
    BP_P(vec) sum[BP_ROW_ROWS][3] = {{{0}}};
    BP_P(vec) b[3];
    for (ptrdiff_t p = 0; p < k; p++) {
        for (int v = 0; v < vectors; v++)
            b[v] = BP_P(load)(B[p] + at + v * BP_LANES, v == vectors - 1 ? last : BP_LANES);
        for (int i = 0; i < rows; i++) {
            BP_REAL a = A[i * row_step];
            for (int v = 0; v < vectors; v++) sum[i][v] += a * b[v];
        }
        A += column_step;
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) {
            ptrdiff_t count = v == vectors - 1 ? last : BP_LANES;
            BP_REAL *c = C + i * ldc + v * BP_LANES;
            BP_P(vec) s = alpha * sum[i][v];
            if (beta != 0) s += beta * BP_P(load)(c, count);
            BP_P(store)(c, s, count);
        }
}

#define BP_TILE(rows_)                                                                      \
    case rows_:                                                                             \
        switch (kind) {                                                                     \
        case 4: BP_PIECE(rows_, 3, BP_LANES); break;                                        \
        case 3: BP_PIECE(rows_, 3, last); break;                                            \
        case 2: BP_PIECE(rows_, 2, last); break;                                            \
        default: BP_PIECE(rows_, 1, last);                                                  \
        }                                                                                   \
        break;
#define BP_PIECE(rows_, vectors_, last_)                                                    \
    BP_P(row_tile)(rows_, vectors_, last_, k, alpha, A + i * row_step, row_step,            \
                   column_step, B, j, beta, C + i * ldc + j, ldc)

/* C = alpha A B + beta C, A (m, k) with any steps, B (k, n) by its rows, all read along n.
 *
 * A strip of B's columns stays in the first cache while every row of A passes by. */
BP_ENTRY void BP_P(rows)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, BP_REAL alpha,
                         const BP_REAL *A, ptrdiff_t row_step, ptrdiff_t column_step,
                         const BP_REAL *const *B, BP_REAL beta, BP_REAL *C, ptrdiff_t ldc)
{
    for (ptrdiff_t j = 0; j < n; j += 3 * BP_LANES) {
        ptrdiff_t width = n - j < 3 * BP_LANES ? n - j : 3 * BP_LANES;
        ptrdiff_t vectors = (width + BP_LANES - 1) / BP_LANES;
        ptrdiff_t last = width - (vectors - 1) * BP_LANES;
        int kind = width == 3 * BP_LANES ? 4 : (int)vectors;
        ptrdiff_t rows;
        for (ptrdiff_t i = 0; i < m; i += rows) {
            ptrdiff_t left = m - i;
            rows = left >= BP_ROW_ROWS ? BP_ROW_ROWS : (left >= 4 ? 4 : (left >= 2 ? 2 : 1));
            switch (rows) {
            BP_TILE(1) BP_TILE(2) BP_TILE(4)
#if BP_ROW_ROWS == 8
            BP_TILE(8)
#endif
            }
        }
    }
}

#undef BP_TILE
#undef BP_PIECE
