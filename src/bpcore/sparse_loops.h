/* Included by products.h after product_loops.h, whose names it uses: the first layer where most
 * inputs are zero.
 *
 * Of each row only the numbers that are not zero are kept, `count` values and the columns that they
 * stand in, and W^(1) is turned round, (n_in, n_out): then one input's weights lie together, z is a
 * sum of some rows of them, and the gradient goes to the same rows.  BP_COLLECT: a vector's
 * numbers that are not zero; BP_NONZERO: only which they are, as bits.
 */

/* The numbers of x (n,) that are not zero, in their order, and their columns; returns how many.
 * values may be x itself.  Both have room for n.  soon: where to fetch n numbers meanwhile. */
BP_ENTRY ptrdiff_t BP_P(collect)(ptrdiff_t n, const BP_REAL *x, const char *soon, BP_REAL *values,
                                 int32_t *columns)
{
    ptrdiff_t count = 0, p = 0;
#if defined(BP_COLLECT) || defined(BP_NONZERO)
    for (; p + BP_LANES <= n; p += BP_LANES) {
        BP_PREFETCH(soon + p * (ptrdiff_t)sizeof(BP_REAL));
#  ifdef BP_COLLECT
        count += BP_COLLECT(x + p, (int32_t)p, values + count, columns + count);
#  else
        for (unsigned bits = (unsigned)BP_NONZERO(x + p); bits != 0; bits &= bits - 1) {
            const int i = __builtin_ctz(bits);
            values[count] = x[p + i];
            columns[count++] = (int32_t)(p + i);
        }
#  endif
    }
#else
    (void)soon;
#endif
    for (; p < n; p++) {
        const int counts = x[p] != 0;
        values[count] = x[p];
        columns[count] = (int32_t)p;
        count += counts;
    }
    return count;
}

/* z = bias + the sum of value_e times row column_e of W, a piece of `vectors` vectors, of z and the
 * bias the last one holding `last` elements; all pointers to the piece's first column.  Several
 * chains of sums, where one would wait for its last addition at every entry. */
BP_TARGET void BP_P(sparse_dot_tile)(const int chains, const int vectors, ptrdiff_t last,
                                     ptrdiff_t count, const BP_REAL *values,
                                     const int32_t *columns, const BP_REAL *W, ptrdiff_t ldw,
                                     const BP_REAL *bias, BP_REAL *z, bp_ahead *ahead)
{
    ptrdiff_t step;
    const char *next = bp_take(ahead, count / chains, &step);
    BP_P(vec) sum[8]; /* vector v of chain c: sum[c * vectors + v] */
    ptrdiff_t e = 0;
    for (int i = vectors; i < chains * vectors; i++) sum[i] = (BP_P(vec)){0};
    for (int v = 0; v < vectors; v++)
        sum[v] = BP_P(load)(bias + v * BP_LANES, v == vectors - 1 ? last : BP_LANES);
    for (; e + chains <= count; e += chains) {
        BP_PREFETCH(next);
        next += step;
        for (int c = 0; c < chains; c++) {
            const BP_P(vec) x = values[e + c] - (BP_P(vec)){0};
            const BP_P(vec) *w = (const BP_P(vec) *)(W + columns[e + c] * ldw);
            for (int v = 0; v < vectors; v++) BP_ADD_PRODUCT(sum[c * vectors + v], x, w[v]);
        }
    }
    for (; e < count; e++) {
        const BP_P(vec) x = values[e] - (BP_P(vec)){0};
        const BP_P(vec) *w = (const BP_P(vec) *)(W + columns[e] * ldw);
        for (int v = 0; v < vectors; v++) BP_ADD_PRODUCT(sum[v], x, w[v]);
    }
    if (chains == 8)
        for (int i = 0; i < 4 * vectors; i++) sum[i] += sum[i + 4 * vectors];
    if (chains >= 4)
        for (int i = 0; i < 2 * vectors; i++) sum[i] += sum[i + 2 * vectors];
    if (chains >= 2)
        for (int i = 0; i < vectors; i++) sum[i] += sum[i + vectors];
    for (int v = 0; v < vectors; v++)
        BP_P(store)(z + v * BP_LANES, sum[v], v == vectors - 1 ? last : BP_LANES);
}

/* Row column_e of W += value_e times alpha delta, for a piece of the columns as above. */
BP_TARGET void BP_P(sparse_add_tile)(const int vectors, ptrdiff_t last, ptrdiff_t count,
                                     const BP_REAL *values, const int32_t *columns, BP_REAL alpha,
                                     const BP_REAL *delta, BP_REAL *W, ptrdiff_t ldw,
                                     bp_ahead *ahead)
{
    ptrdiff_t step;
    const char *next = bp_take(ahead, count, &step);
    BP_P(vec) d[8];
    for (int v = 0; v < vectors; v++)
        d[v] = alpha * BP_P(load)(delta + v * BP_LANES, v == vectors - 1 ? last : BP_LANES);
    for (ptrdiff_t e = 0; e < count; e++) {
        const BP_P(vec) x = values[e] - (BP_P(vec)){0};
        BP_P(vec) *w = (BP_P(vec) *)(W + columns[e] * ldw);
        BP_PREFETCH(next);
        next += step;
        for (int v = 0; v < vectors; v++) {
            BP_P(vec) sum = w[v];
            BP_ADD_PRODUCT(sum, x, d[v]);
            w[v] = sum;
        }
    }
}

#define BP_EACH_WIDTH                                                                        \
    switch (vectors) {                                                                       \
    case 1: BP_WIDTH(8, 1); break;                                                           \
    case 2: BP_WIDTH(4, 2); break;                                                           \
    case 3: BP_WIDTH(2, 3); break;                                                           \
    case 4: BP_WIDTH(2, 4); break;                                                           \
    case 5: BP_WIDTH(1, 5); break;                                                           \
    case 6: BP_WIDTH(1, 6); break;                                                           \
    case 7: BP_WIDTH(1, 7); break;                                                           \
    default: BP_WIDTH(1, 8);                                                                 \
    }

/* z (n, n_out) = x W + bias, W (n_in, n_out) with rows ldw apart, whole vectors with zeros at their
 * end; of x the numbers that are not zero: row i has counts[i] of them, from i * width on.  Strips
 * of W's columns, as even as vectors allow, stay in the second cache while all rows pass by.
 * ahead: rows that are needed soon. */
BP_ENTRY void BP_P(sparse_dot)(ptrdiff_t n, ptrdiff_t n_out, ptrdiff_t width,
                               const BP_REAL *values, const int32_t *columns,
                               const ptrdiff_t *counts, const BP_REAL *W, ptrdiff_t ldw,
                               const BP_REAL *bias, BP_REAL *z, bp_ahead *ahead)
{
    const ptrdiff_t all = (n_out + BP_LANES - 1) / BP_LANES;
    const ptrdiff_t strips = (all + 7) / 8;
    ptrdiff_t done = 0;
    for (ptrdiff_t s = 0; s < strips; s++) {
        const ptrdiff_t j = done * BP_LANES;
        const ptrdiff_t vectors = (all - done) / (strips - s);
        done += vectors;
        const ptrdiff_t last = done < all ? BP_LANES : n_out - (all - 1) * BP_LANES;
#define BP_WIDTH(chains_, vectors_)                                                          \
    for (ptrdiff_t i = 0; i < n; i++)                                                        \
        BP_P(sparse_dot_tile)(chains_, vectors_, last, counts[i], values + i * width,        \
                              columns + i * width, W + j, ldw, bias + j, z + i * n_out + j,  \
                              ahead)
        BP_EACH_WIDTH
#undef BP_WIDTH
    }
}

/* Where the first of `count` columns, which rise, is that is not below `limit`. */
static ptrdiff_t BP_P(first_from)(ptrdiff_t count, const int32_t *columns, ptrdiff_t limit)
{
    ptrdiff_t low = 0;
    while (low < count) {
        const ptrdiff_t middle = low + (count - low) / 2;
        if (columns[middle] < limit) low = middle + 1;
        else count = middle;
    }
    return low;
}

/* Rows `first` to `end` of W += alpha x^T delta, x and W as in sparse_dot, delta (n, n_out).
 * W: where row 0 would be. */
BP_ENTRY void BP_P(sparse_add)(ptrdiff_t n, ptrdiff_t n_in, ptrdiff_t n_out, ptrdiff_t first,
                               ptrdiff_t end, ptrdiff_t width, const BP_REAL *values,
                               const int32_t *columns, const ptrdiff_t *counts, BP_REAL alpha,
                               const BP_REAL *delta, BP_REAL *W, ptrdiff_t ldw, bp_ahead *ahead)
{
    const ptrdiff_t all = (n_out + BP_LANES - 1) / BP_LANES;
    const ptrdiff_t strips = (all + 7) / 8;
    for (ptrdiff_t i = 0; i < n; i++, values += width, columns += width, delta += n_out) {
        const ptrdiff_t from = first > 0 ? BP_P(first_from)(counts[i], columns, first) : 0;
        const ptrdiff_t to = end < n_in ? BP_P(first_from)(counts[i], columns, end) : counts[i];
        ptrdiff_t done = 0;
        for (ptrdiff_t s = 0; s < strips; s++) {
            const ptrdiff_t j = done * BP_LANES;
            const ptrdiff_t vectors = (all - done) / (strips - s);
            done += vectors;
            const ptrdiff_t last = done < all ? BP_LANES : n_out - (all - 1) * BP_LANES;
#define BP_WIDTH(chains_, vectors_)                                                          \
    BP_P(sparse_add_tile)(vectors_, last, to - from, values + from, columns + from, alpha,   \
                          delta + j, W + j, ldw, ahead)
            BP_EACH_WIDTH
#undef BP_WIDTH
        }
    }
}

#undef BP_EACH_WIDTH
