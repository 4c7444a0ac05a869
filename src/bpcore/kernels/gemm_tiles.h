/* Included by gemm.h once for each instruction set and element type; see there.
 *
 * BP_REAL: the element; BP_LANES of them in a vector; BP_P(name): the name with its suffix;
 * BP_TARGET: a helper that is inlined; BP_ENTRY: a function of its own.
 * BP_DOT_ROWS, BP_ROWS_OF_3, BP_ROWS_OF_2: the rows of a tile, so that its sums fill the
 * registers.
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

/* The first `count` elements of v to p. */
BP_TARGET void BP_P(store)(BP_REAL *p, BP_P(vec) v, ptrdiff_t count)
{
    if (count == BP_LANES) {
        *(BP_P(vec) *)p = v;
        return;
    }
#ifdef BP_MASKED_STORE
    BP_MASKED_STORE(p, count, v);
#else
    /* Masked stores of AVX2 take a dozen steps on some processors. */
    BP_REAL part[BP_LANES];
    const BP_REAL *from = part;
    *(BP_P(vec) *)part = v;
    if (BP_LANES > 8 && count & 8) {
        memcpy(p, from, 8 * sizeof(BP_REAL));
        p += 8;
        from += 8;
    }
    if (BP_LANES > 4 && count & 4) {
        memcpy(p, from, 4 * sizeof(BP_REAL));
        p += 4;
        from += 4;
    }
    if (BP_LANES > 2 && count & 2) {
        memcpy(p, from, 2 * sizeof(BP_REAL));
        p += 2;
        from += 2;
    }
    if (count & 1) *p = *from;
#endif
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
#if BP_LANES == 2
    return (BP_P(four)){a[0] + a[1], b[0] + b[1], c[0] + c[1], d[0] + d[1]};
#else
    BP_P(four) p = BP_FOLD(a), q = BP_FOLD(b), r = BP_FOLD(c), s = BP_FOLD(d);
    BP_P(four) pq = BP_PICK(p, q, 0, 4, 1, 5) + BP_PICK(p, q, 2, 6, 3, 7);
    BP_P(four) rs = BP_PICK(r, s, 0, 4, 1, 5) + BP_PICK(r, s, 2, 6, 3, 7);
    return BP_PICK(pq, rs, 0, 1, 4, 5) + BP_PICK(pq, rs, 2, 3, 6, 7);
#endif
#undef BP_FOLD
}

/* One tile of C = alpha A B^T + beta C: rows x columns (<= 4) dot products over k.
 *
 * A: where each row stands, of which the part from `at` on is taken.
 * prefetch: what to fetch into the caches meanwhile. */
BP_TARGET void BP_P(dot_tile)(const int rows, const int columns, ptrdiff_t k, BP_REAL alpha,
                              const BP_REAL *const *A, ptrdiff_t at, const BP_REAL *B,
                              ptrdiff_t ldb, BP_REAL beta, BP_REAL *C, ptrdiff_t ldc,
                              bp_prefetch *prefetch)
{
    ptrdiff_t step;
    const char *next = bp_prefetch_next(prefetch, k / BP_LANES, &step);
    BP_P(vec) sum[BP_DOT_ROWS][4] = {{{0}}};
    BP_P(vec) a[BP_DOT_ROWS];
    const BP_REAL *row[BP_DOT_ROWS];
    ptrdiff_t p = 0;
    for (int i = 0; i < rows; i++) row[i] = A[i] + at;
    for (; p + BP_LANES <= k; p += BP_LANES) {
        BP_PREFETCH(next);
        next += step;
        for (int i = 0; i < rows; i++) a[i] = BP_P(load)(row[i] + p, BP_LANES);
        for (int j = 0; j < columns; j++) {
            BP_P(vec) b = BP_P(load)(B + j * ldb + p, BP_LANES);
            for (int i = 0; i < rows; i++) BP_ADD_PRODUCT(sum[i][j], a[i], b);
        }
    }
    if (p < k) {
        for (int i = 0; i < rows; i++) a[i] = BP_P(load)(row[i] + p, k - p);
        for (int j = 0; j < columns; j++) {
            BP_P(vec) b = BP_P(load)(B + j * ldb + p, k - p);
            for (int i = 0; i < rows; i++) BP_ADD_PRODUCT(sum[i][j], a[i], b);
        }
    }
    if (columns == 1) { /* the sums of all rows at once */
        const BP_P(vec) none = {0};
        const BP_P(four) dots = alpha * BP_P(sums)(
            sum[0][0], rows > 1 ? sum[1][0] : none, rows > 2 ? sum[2][0] : none,
            rows > 3 ? sum[BP_DOT_ROWS - 1][0] : none);
        for (int i = 0; i < rows; i++)
            C[i * ldc] = beta == 0 ? dots[i] : dots[i] + beta * C[i * ldc];
        return;
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
    BP_P(dot_tile)(rows_, columns_, k, alpha, A + i, at, B + j * ldb, ldb, beta,             \
                   C + i * ldc + j, ldc, prefetch)
#define BP_TILES(rows_)                                                                     \
    case rows_:                                                                              \
        switch (columns) {                                                                   \
        case 4: BP_TILE(rows_, 4); break;                                                    \
        case 2: BP_TILE(rows_, 2); break;                                                    \
        default: BP_TILE(rows_, 1);                                                          \
        }                                                                                    \
        break;

/* `dot` for rows that fit the first cache, of which `at` is where they begin, and a B that fits
 * the second one. */
BP_TARGET void BP_P(dot_block)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, BP_REAL alpha,
                               const BP_REAL *const *A, ptrdiff_t at, const BP_REAL *B,
                               ptrdiff_t ldb, BP_REAL beta, BP_REAL *C, ptrdiff_t ldc,
                               bp_prefetch *prefetch)
{
    ptrdiff_t columns;
    for (ptrdiff_t j = 0; j < n; j += columns) {
        columns = n - j >= 4 ? 4 : (n - j >= 2 ? 2 : 1);
        ptrdiff_t rows;
        for (ptrdiff_t i = 0; i < m; i += rows) {
            ptrdiff_t left = m - i;
            rows = left >= BP_DOT_ROWS ? BP_DOT_ROWS : (left >= 2 ? 2 : 1);
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
}

/* C = alpha A B^T + beta C, A (m, k) by its rows, B (n, k): both read along k.
 *
 * A panel of B's rows stays in the second cache while all rows of A pass by, a block of A's rows
 * in the first one while the panel does.  Long rows are taken in even parts.
 * prefetch: rows that are needed next. */
BP_ENTRY void BP_P(dot)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, BP_REAL alpha,
                        const BP_REAL *const *A, const BP_REAL *B, ptrdiff_t ldb, BP_REAL beta,
                        BP_REAL *C, ptrdiff_t ldc, bp_prefetch *prefetch)
{
    const ptrdiff_t longest = BP_ROW_BYTES / (ptrdiff_t)sizeof(BP_REAL);
    const ptrdiff_t parts = (k + longest - 1) / longest;
    ptrdiff_t done = 0;
    for (ptrdiff_t s = 0; s < parts; s++) {
        ptrdiff_t depth = (k - done) / (parts - s);
        if (s < parts - 1) depth = depth / BP_LANES * BP_LANES;
        ptrdiff_t block = BP_BLOCK_BYTES / (ptrdiff_t)(depth * sizeof(BP_REAL));
        ptrdiff_t panel = BP_PANEL_BYTES / (ptrdiff_t)(depth * sizeof(BP_REAL)) / 4 * 4;
        block = block < BP_DOT_ROWS ? BP_DOT_ROWS : block / BP_DOT_ROWS * BP_DOT_ROWS;
        for (ptrdiff_t j = 0; j < n; j += panel) {
            ptrdiff_t columns = n - j < panel ? n - j : panel;
            for (ptrdiff_t i = 0; i < m; i += block) {
                ptrdiff_t rows = m - i < block ? m - i : block;
                BP_P(dot_block)(rows, columns, depth, alpha, A + i, done, B + j * ldb + done, ldb,
                                beta, C + i * ldc + j, ldc, prefetch);
            }
        }
        done += depth;
        beta = 1;
    }
}

#undef BP_TILE
#undef BP_TILES

/* One tile of C = alpha (A B + bias) + beta C: sums over p of a_ip times a piece of B's row p.
 *
 * The piece starts at column `at` and is `vectors` vectors, the last one holding `last` elements.
 * a_ip stands at A[i * row_step + p * column_step]: A may be given transposed.
 * bias: where the sums start, from the piece's first column on, or NULL.
 * prefetch: what to fetch into the caches meanwhile; narrow pieces, whose loads are the bottleneck,
 * leave it. */
BP_TARGET void BP_P(row_tile)(const int rows, const int vectors, ptrdiff_t last, ptrdiff_t k,
                              BP_REAL alpha, const BP_REAL *A, ptrdiff_t row_step,
                              ptrdiff_t column_step, const BP_REAL *const *B, ptrdiff_t at,
                              const BP_REAL *bias, BP_REAL beta, BP_REAL *C, ptrdiff_t ldc,
                              bp_prefetch *prefetch)
{
    BP_P(vec) sum[8][3];
    BP_P(vec) b[3];
    if (vectors == 3) bp_prefetch_now(prefetch, k);
    for (int v = 0; v < vectors; v++)
        b[v] = bias ? BP_P(load)(bias + v * BP_LANES, v == vectors - 1 ? last : BP_LANES)
                    : (BP_P(vec)){0};
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) sum[i][v] = b[v];
    for (ptrdiff_t p = 0; p < k; p++) {
        for (int v = 0; v < vectors; v++)
            b[v] = BP_P(load)(B[p] + at + v * BP_LANES, v == vectors - 1 ? last : BP_LANES);
        for (int i = 0; i < rows; i++) {
            const BP_P(vec) a = A[i * row_step] - (BP_P(vec)){0}; /* x - 0 is x: in every lane */
            for (int v = 0; v < vectors; v++) BP_ADD_PRODUCT(sum[i][v], a, b[v]);
        }
        A += column_step;
    }
    /* unrolled, or the sums are an array in memory, all the time */
    BP_UNROLLED
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) {
            ptrdiff_t count = v == vectors - 1 ? last : BP_LANES;
            BP_REAL *c = C + i * ldc + v * BP_LANES;
            BP_P(vec) s = alpha * sum[i][v];
            if (beta != 0) s += beta * BP_P(load)(c, count);
            BP_P(store)(c, s, count);
        }
}

/* A strip of C down all m rows.  Each kind is a function of its own: in one large function the
 * compiler runs out of registers for the addresses. */
#define BP_PIECE(rows_, vectors_, last_)                                                    \
    BP_P(row_tile)(rows_, vectors_, last_, k, alpha, A, row_step, column_step, B, j, bias,   \
                   beta, C, ldc, prefetch)
#define BP_STRIP(name_, most_, vectors_, last_)                                             \
    BP_ENTRY void BP_P(name_)(ptrdiff_t m, ptrdiff_t last, ptrdiff_t k, BP_REAL alpha,       \
                              const BP_REAL *A, ptrdiff_t row_step, ptrdiff_t column_step,   \
                              const BP_REAL *const *B, ptrdiff_t j, const BP_REAL *bias,     \
                              BP_REAL beta, BP_REAL *C, ptrdiff_t ldc, bp_prefetch *prefetch) \
    {                                                                                        \
        (void)last;                                                                          \
        while (m > 0) {                                                                      \
            ptrdiff_t rows = m >= most_ ? most_ : (m >= 4 ? 4 : (m >= 2 ? 2 : 1));           \
            if (rows == most_) BP_PIECE(most_, vectors_, last_);                             \
            else if (rows == 4) BP_PIECE(4, vectors_, last_);                                \
            else if (rows == 2) BP_PIECE(2, vectors_, last_);                                \
            else BP_PIECE(1, vectors_, last_);                                               \
            m -= rows;                                                                       \
            A += rows * row_step;                                                            \
            C += rows * ldc;                                                                 \
        }                                                                                    \
    }

BP_STRIP(strip_of_3, BP_ROWS_OF_3, 3, BP_LANES)
BP_STRIP(strip_of_2, BP_ROWS_OF_2, 2, BP_LANES)
BP_STRIP(strip_of_1, 8, 1, BP_LANES)
BP_STRIP(end_of_3, BP_ROWS_OF_3, 3, last)
BP_STRIP(end_of_2, BP_ROWS_OF_2, 2, last)
BP_STRIP(end_of_1, 8, 1, last)

#undef BP_STRIP
#undef BP_PIECE

/* Of k rows of B, `count` numbers from column j on, copied side by side to `packed`, and where each
 * then begins. */
static void BP_P(pack)(ptrdiff_t k, ptrdiff_t count, const BP_REAL *const *B, ptrdiff_t j,
                       BP_REAL *packed, const BP_REAL **rows)
{
    for (ptrdiff_t p = 0; p < k; p++, packed += 3 * BP_LANES) {
        memcpy(packed, B[p] + j, (size_t)count * sizeof(BP_REAL));
        rows[p] = packed;
    }
}

/* C = alpha (A B + bias) + beta C, A (m, k) with any steps, B (k, n) by its rows, all read along n.
 *
 * A strip of B's columns stays in the first cache while every row of A passes by.  Strips are
 * as even as vectors allow: of four vectors two and two, since a strip of one cannot keep the
 * arithmetic busy.  Narrow strips are copied (BP_PACKS) where their rows lie a multiple of 1024 bytes
 * apart, which share their places in the caches and drive each other out, and where they are many,
 * of two or three lines of the cache each.
 * prefetch: rows that are needed next. */
BP_ENTRY void BP_P(rows)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, BP_REAL alpha,
                         const BP_REAL *A, ptrdiff_t row_step, ptrdiff_t column_step,
                         const BP_REAL *const *B, const BP_REAL *bias, BP_REAL beta, BP_REAL *C,
                         ptrdiff_t ldc, bp_prefetch *prefetch)
{
    const ptrdiff_t all = (n + BP_LANES - 1) / BP_LANES;
    const ptrdiff_t strips = (all + 2) / 3;
    const ptrdiff_t last = n - (all - 1) * BP_LANES;
    const ptrdiff_t apart = k > 1 ? (const char *)B[1] - (const char *)B[0] : 0;
    const ptrdiff_t widest = 3 * BP_LANES * (ptrdiff_t)sizeof(BP_REAL);
    const int packs = BP_PACKS && (apart > widest || apart < -widest) /* else they lie so already */
        && ((m >= BP_PACK_FROM && k >= 64 && apart % 1024 == 0)
            || (m >= BP_PACK_LONG_FROM && k >= BP_PACK_LONG));
    BP_ALIGNED BP_REAL packed[BP_DEPTH * 3 * BP_LANES];
    const BP_REAL *packed_rows[BP_DEPTH];
    ptrdiff_t done = 0;
    for (ptrdiff_t s = 0; s < strips; s++) {
        const ptrdiff_t j = done * BP_LANES;
        const ptrdiff_t vectors = (all - done + strips - s - 1) / (strips - s);
        done += vectors;
        const int whole = done < all || last == BP_LANES;
        void (*strip)(ptrdiff_t, ptrdiff_t, ptrdiff_t, BP_REAL, const BP_REAL *, ptrdiff_t,
                      ptrdiff_t, const BP_REAL *const *, ptrdiff_t, const BP_REAL *, BP_REAL,
                      BP_REAL *, ptrdiff_t, bp_prefetch *);
        const BP_REAL *const *rows = B;
        ptrdiff_t at = j;
        if (packs) {
            BP_P(pack)(k, (vectors - 1) * BP_LANES + (whole ? BP_LANES : last), B, j, packed,
                       packed_rows);
            rows = packed_rows;
            at = 0;
        }
        if (vectors == 3) strip = whole ? BP_P(strip_of_3) : BP_P(end_of_3);
        else if (vectors == 2) strip = whole ? BP_P(strip_of_2) : BP_P(end_of_2);
        else strip = whole ? BP_P(strip_of_1) : BP_P(end_of_1);
        strip(m, last, k, alpha, A, row_step, column_step, rows, at, bias ? bias + j : NULL, beta,
              C + j, ldc, prefetch);
    }
}

/* Every row of C (m, n) = bias, in the pieces in which dot_tile reads them back: other pieces
 * would have to reach the cache first. */
BP_ENTRY void BP_P(fill)(ptrdiff_t m, ptrdiff_t n, const BP_REAL *bias, BP_REAL *C, ptrdiff_t ldc)
{
    for (ptrdiff_t i = 0; i < m; i++, C += ldc) {
        ptrdiff_t j = 0;
        for (; j + 4 <= n; j += 4) *(BP_P(four) *)(C + j) = *(const BP_P(four) *)(bias + j);
        for (; j < n; j++) C[j] = bias[j];
    }
}

/* out = alpha * the sums of `count` columns of A, at most a vector, + beta * out: n rows, `lda`
 * apart.  Four sums a column: one alone would wait for its last addition at every row. */
BP_TARGET void BP_P(sum_strip)(ptrdiff_t count, ptrdiff_t n, ptrdiff_t lda, const BP_REAL *A,
                               BP_REAL alpha, BP_REAL beta, BP_REAL *out)
{
    BP_P(vec) sum[4] = {{0}};
    ptrdiff_t k = 0;
    for (; k + 4 <= n; k += 4)
        for (int r = 0; r < 4; r++, A += lda) sum[r] += BP_P(load)(A, count);
    for (; k < n; k++, A += lda) sum[0] += BP_P(load)(A, count);
    BP_P(vec) s = alpha * ((sum[0] + sum[1]) + (sum[2] + sum[3]));
    if (beta != 0) s += beta * BP_P(load)(out, count);
    BP_P(store)(out, s, count);
}

/* out = alpha * the sums of the columns of A (n, width), rows `lda` apart, + beta * out. */
BP_ENTRY void BP_P(column_sums)(ptrdiff_t n, ptrdiff_t width, ptrdiff_t lda, const BP_REAL *A,
                                BP_REAL alpha, BP_REAL beta, BP_REAL *out)
{
    ptrdiff_t j = 0;
    for (; j + BP_LANES <= width; j += BP_LANES)
        BP_P(sum_strip)(BP_LANES, n, lda, A + j, alpha, beta, out + j);
    if (j < width) BP_P(sum_strip)(width - j, n, lda, A + j, alpha, beta, out + j);
}
