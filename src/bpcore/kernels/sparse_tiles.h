/* Included by gemm.h after gemm_tiles.h, whose names it uses: the first layer where most
 * inputs are zero.
 *
 * Of each row only the numbers that are not zero are kept, `count` values and the columns that they
 * stand in, and W^(1) is transposed, (n_in, n_out): then one input's weights lie together, z is a
 * sum of some rows of them, and the gradient goes to the same rows.  BP_COMPRESS(x, at, values,
 * columns): a vector's numbers that are not zero and their columns, without a branch: which numbers
 * are zero is hard to predict.
 */

/* The numbers of x (n,) that are not zero, in their order, and their columns; returns how many.
 * values may be x itself.  Both have room for n.
 * offsets: out, how many stand before each BP_OFFSET_STRIDE-th column.  prefetch: where to fetch
 * n numbers meanwhile. */
BP_ENTRY ptrdiff_t BP_P(compress)(ptrdiff_t n, const BP_REAL *x, const char *prefetch,
                                  BP_REAL *values, int32_t *columns, int32_t *offsets)
{
    ptrdiff_t count = 0, p = 0;
    for (ptrdiff_t end = 0; p < n;) {
        *offsets++ = (int32_t)count;
        end = end + BP_OFFSET_STRIDE < n ? end + BP_OFFSET_STRIDE : n;
#ifdef BP_COMPRESS
        for (; p + BP_LANES <= end; p += BP_LANES) {
            BP_PREFETCH(prefetch + p * (ptrdiff_t)sizeof(BP_REAL));
            count += BP_COMPRESS(x + p, (int32_t)p, values + count, columns + count);
        }
#else
        (void)prefetch;
#endif
        for (; p < end; p++) {
            const int counts = x[p] != 0;
            values[count] = x[p];
            columns[count] = (int32_t)p;
            count += counts;
        }
    }
    return count;
}

/* z = base + the sum of value_e times row column_e of W, a piece of `vectors` vectors, of z and the
 * base, which may be z itself, the last one holding `last` elements; all pointers to the piece's
 * first column.  Several chains of sums, where one would wait for its last addition at every entry;
 * in_order: one, from the base on, as sparse_in_place adds them up.
 */
BP_TARGET void BP_P(sparse_dot_tile)(const int in_order, const int chains, const int vectors,
                                     ptrdiff_t last, ptrdiff_t count, const BP_REAL *values,
                                     const int32_t *columns, const BP_REAL *W, ptrdiff_t ldw,
                                     const BP_REAL *base, BP_REAL *z, bp_prefetch *prefetch)
{
    ptrdiff_t step;
    const char *next = bp_prefetch_next(prefetch, count / chains, &step);
    BP_P(vec) sum[8]; /* vector v of chain c: sum[c * vectors + v] */
    ptrdiff_t e = 0;
    for (int i = 0; i < chains * vectors; i++) sum[i] = (BP_P(vec)){0};
    for (int v = 0; v < vectors && in_order; v++)
        sum[v] = BP_P(load)(base + v * BP_LANES, v == vectors - 1 ? last : BP_LANES);
    for (; e + chains <= count; e += chains) {
        BP_PREFETCH(next);
        next += step;
        for (int c = 0; c < chains; c++) {
            const BP_P(vec) x = values[e + c] - (BP_P(vec)){0};
            const BP_P(vec) *w = (const BP_P(vec) *)(W + columns[e + c] * ldw);
            BP_ONE_ADDRESS(w);
            for (int v = 0; v < vectors; v++) BP_ADD_PRODUCT(sum[c * vectors + v], x, w[v]);
        }
    }
    for (; e < count; e++) {
        const BP_P(vec) x = values[e] - (BP_P(vec)){0};
        const BP_P(vec) *w = (const BP_P(vec) *)(W + columns[e] * ldw);
        BP_ONE_ADDRESS(w);
        for (int v = 0; v < vectors; v++) BP_ADD_PRODUCT(sum[v], x, w[v]);
    }
    if (chains == 8)
        for (int i = 0; i < 4 * vectors; i++) sum[i] += sum[i + 4 * vectors];
    if (chains >= 4)
        for (int i = 0; i < 2 * vectors; i++) sum[i] += sum[i + 2 * vectors];
    if (chains >= 2)
        for (int i = 0; i < vectors; i++) sum[i] += sum[i + vectors];
    for (int v = 0; v < vectors; v++) {
        const ptrdiff_t here = v == vectors - 1 ? last : BP_LANES;
        if (!in_order) sum[v] = BP_P(load)(base + v * BP_LANES, here) + sum[v];
        BP_P(store)(z + v * BP_LANES, sum[v], here);
    }
}

/* Such a piece of each of n rows of z, whose entries lie as in sparse_dot. */
BP_TARGET void BP_P(sparse_dot_strip)(const int in_order, const int chains, const int vectors,
                                      ptrdiff_t last, ptrdiff_t n, ptrdiff_t n_out, ptrdiff_t room,
                                      const BP_REAL *values, const int32_t *columns,
                                      const ptrdiff_t *counts, const BP_REAL *W, ptrdiff_t ldw,
                                      const BP_REAL *bias, BP_REAL *z, bp_prefetch *prefetch)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const BP_REAL *base = bias;
        ptrdiff_t e = 0;
        do {
            const ptrdiff_t run = counts[i] - e < BP_RUN ? counts[i] - e : BP_RUN;
            BP_P(sparse_dot_tile)(in_order, chains, vectors, last, run, values + i * room + e,
                                  columns + i * room + e, W, ldw, base, z + i * n_out, prefetch);
            base = z + i * n_out;
            e += run;
        } while (e < counts[i]);
    }
}

/* Row column_e of W += value_e times alpha delta, for a piece of the columns as above. */
BP_TARGET void BP_P(sparse_add_tile)(const int vectors, ptrdiff_t last, ptrdiff_t count,
                                     const BP_REAL *values, const int32_t *columns, BP_REAL alpha,
                                     const BP_REAL *delta, BP_REAL *W, ptrdiff_t ldw,
                                     bp_prefetch *prefetch)
{
    ptrdiff_t step;
    const char *next = bp_prefetch_next(prefetch, count, &step);
    BP_P(vec) d[8];
    for (int v = 0; v < vectors; v++)
        d[v] = alpha * BP_P(load)(delta + v * BP_LANES, v == vectors - 1 ? last : BP_LANES);
    for (ptrdiff_t e = 0; e < count; e++) {
        const BP_P(vec) x = values[e] - (BP_P(vec)){0};
        BP_P(vec) *w = (BP_P(vec) *)(W + columns[e] * ldw);
        BP_ONE_ADDRESS(w);
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
 * end; of x the numbers that are not zero: row i has counts[i] of them, from i * room on.  Strips
 * of W's columns, as even as vectors allow, stay in the second cache while all rows pass by.  No sum
 * is longer than BP_RUN, for its rounding; but in_order: z has the bits that sparse_in_place gives it.
 * prefetch: rows that are needed next. */
BP_ENTRY void BP_P(sparse_dot)(int in_order, ptrdiff_t n, ptrdiff_t n_out, ptrdiff_t room,
                               const BP_REAL *values, const int32_t *columns,
                               const ptrdiff_t *counts, const BP_REAL *W, ptrdiff_t ldw,
                               const BP_REAL *bias, BP_REAL *z, bp_prefetch *prefetch)
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
    if (in_order)                                                                            \
        BP_P(sparse_dot_strip)(1, 1, vectors_, last, n, n_out, room, values, columns, counts,\
                               W + j, ldw, bias + j, z + j, prefetch);                       \
    else                                                                                     \
        BP_P(sparse_dot_strip)(0, chains_, vectors_, last, n, n_out, room, values, columns,  \
                               counts, W + j, ldw, bias + j, z + j, prefetch)
        BP_EACH_WIDTH
#undef BP_WIDTH
    }
}

/* Rows `first` to `end` of W += alpha x^T delta, x and W as in sparse_dot, delta (n, n_out).
 *
 * offsets: n_offsets of each row, see compress; first and end are multiples of BP_OFFSET_STRIDE,
 * or end is n_in.
 * W: where row 0 would be.  So many rows of it as the first cache holds take what all rows of x have
 * for them, then the next ones. */
BP_ENTRY void BP_P(sparse_add)(ptrdiff_t n, ptrdiff_t n_in, ptrdiff_t n_out, ptrdiff_t first,
                               ptrdiff_t end, ptrdiff_t room, const BP_REAL *values,
                               const int32_t *columns, const ptrdiff_t *counts,
                               const int32_t *offsets, ptrdiff_t n_offsets, BP_REAL alpha,
                               const BP_REAL *delta, BP_REAL *W, ptrdiff_t ldw,
                               bp_prefetch *prefetch)
{
    const ptrdiff_t all = (n_out + BP_LANES - 1) / BP_LANES;
    const ptrdiff_t strips = (all + 7) / 8;
    const ptrdiff_t widest = (all + strips - 1) / strips * BP_LANES * (ptrdiff_t)sizeof(BP_REAL);
    const ptrdiff_t fit = BP_ADD_BYTES / widest / BP_OFFSET_STRIDE * BP_OFFSET_STRIDE;
    const ptrdiff_t block = fit > BP_OFFSET_STRIDE ? fit : BP_OFFSET_STRIDE;
    for (ptrdiff_t k = first; k < end; k += block) {
        const ptrdiff_t next = k + block < end ? k + block : end;
        ptrdiff_t done = 0;
        for (ptrdiff_t s = 0; s < strips; s++) {
            const ptrdiff_t j = done * BP_LANES;
            const ptrdiff_t vectors = (all - done) / (strips - s);
            done += vectors;
            const ptrdiff_t last = done < all ? BP_LANES : n_out - (all - 1) * BP_LANES;
#define BP_WIDTH(chains_, vectors_)                                                          \
    for (ptrdiff_t i = 0; i < n; i++) {                                                      \
        const int32_t *offset = offsets + i * n_offsets;                                     \
        const ptrdiff_t from = offset[k / BP_OFFSET_STRIDE];                                 \
        const ptrdiff_t to = next < n_in ? offset[next / BP_OFFSET_STRIDE] : counts[i];      \
        if (from < to)                                                                       \
            BP_P(sparse_add_tile)(vectors_, last, to - from, values + i * room + from,       \
                                  columns + i * room + from, alpha, delta + i * n_out + j,   \
                                  W + j, ldw, prefetch);                                     \
    }
            BP_EACH_WIDTH
#undef BP_WIDTH
        }
    }
}

#undef BP_EACH_WIDTH

/* Units and columns of the squares of W that sparse_in_place reads at a time. */
enum { BP_P(square) = BP_LANES };

/* Of each of so many units, whose rows are ldw apart, the weight at w; zeros beyond. */
BP_TARGET BP_P(vec) BP_P(weights_of)(ptrdiff_t units, const BP_REAL *w, ptrdiff_t ldw)
{
    BP_P(vec) v = {0};
    BP_UNROLLED
    for (int u = 0; u < BP_LANES; u++)
        if (u < units) v[u] = w[u * ldw];
    return v;
}

/* Their weights at w, fetched into the caches meanwhile. */
BP_TARGET void BP_P(prefetch_units)(ptrdiff_t units, const BP_REAL *w, ptrdiff_t ldw)
{
    BP_UNROLLED
    for (int u = 0; u < BP_LANES; u++) {
        if (u < units) BP_PREFETCH(w);
        w += ldw;
        BP_ONE_ADDRESS(w);
    }
}

/* sparse_in_place for one strip of units, whole vectors but for the last, which holds `last`: z, bias
 * and W from its first unit on.  square: of each of a vector of columns the units' weights. */
BP_TARGET void BP_P(in_place_strip)(const int vectors, ptrdiff_t last, ptrdiff_t n,
                                    ptrdiff_t n_in, ptrdiff_t n_out, ptrdiff_t n_entries,
                                    const BP_REAL *values, const int32_t *columns,
                                    const int32_t *rows, const ptrdiff_t *ends, const BP_REAL *W,
                                    const BP_REAL *bias, BP_REAL *z, BP_REAL *sums)
{
    BP_P(vec) square[2][BP_LANES] = {{{0}}};
    for (ptrdiff_t i = 0; i < n; i++)
        for (int v = 0; v < vectors; v++)
            BP_P(store)(sums + (i * vectors + v) * BP_LANES,
                        BP_P(load)(bias + v * BP_LANES, v == vectors - 1 ? last : BP_LANES),
                        BP_LANES);
    for (ptrdiff_t e = 0; e < n_entries;) {
        const ptrdiff_t from = columns[e] / BP_LANES * BP_LANES;
        const ptrdiff_t width = n_in - from < BP_LANES ? n_in - from : BP_LANES;
        const ptrdiff_t ahead = e + BP_ENTRIES_AHEAD;
        ptrdiff_t end = e + 1;
        for (int v = 0; v < vectors && ahead < n_entries; v++)
            BP_P(prefetch_units)(v == vectors - 1 ? last : BP_LANES,
                                 W + v * BP_LANES * n_in + columns[ahead], n_in);
        if (ends)
            end = ends[from / BP_LANES];
        else
            while (end < n_entries && columns[end] - from < width && columns[end] >= from) end++;
        for (int v = 0; v < vectors; v++) {
            const ptrdiff_t here = v == vectors - 1 ? last : BP_LANES;
            const BP_REAL *w = W + v * BP_LANES * n_in;
            if (end == e + 1)
                square[v][columns[e] - from] = here == BP_LANES
                    ? BP_P(weights_of)(BP_LANES, w + columns[e], n_in)
                    : BP_P(weights_of)(here, w + columns[e], n_in);
            else if (here == BP_LANES && width == BP_LANES)
                BP_P(transpose_tile)(BP_LANES, BP_LANES, w + from, n_in, (BP_REAL *)square[v],
                                     BP_LANES);
            else
                BP_P(transpose_tile)(here, width, w + from, n_in, (BP_REAL *)square[v], BP_LANES);
        }
        for (; e < end; e++) {
            const BP_P(vec) x = values[e] - (BP_P(vec)){0};
            BP_REAL *of_row = sums + (rows ? rows[e] : 0) * vectors * BP_LANES;
            for (int v = 0; v < vectors; v++) {
                BP_P(vec) sum = BP_P(load)(of_row + v * BP_LANES, BP_LANES);
                BP_ADD_PRODUCT(sum, x, square[v][columns[e] - from]);
                BP_P(store)(of_row + v * BP_LANES, sum, BP_LANES);
            }
        }
    }
    for (ptrdiff_t i = 0; i < n; i++)
        for (int v = 0; v < vectors; v++)
            BP_P(store)(z + i * n_out + v * BP_LANES,
                        BP_P(load)(sums + (i * vectors + v) * BP_LANES, BP_LANES),
                        v == vectors - 1 ? last : BP_LANES);
}

/* z (n, n_out) = x W^T + bias, W (n_out, n_in) read where it lies.
 *
 * Entry e of x: values[e] in column columns[e] of row rows[e], or of row 0 where rows is NULL; those
 * of a row are added up in the order in which they come.  Two vectors of units at a time take all of
 * them, so that their weights are read once, from first to last where the columns rise.  Entries side
 * by side that need the same square of W, a vector of columns, share it, turned over in registers.
 * ends: where the entries of each square's columns end, if they come in the order of the squares; or
 * NULL.
 * sums: scratch, 2 n vectors. */
BP_ENTRY void BP_P(sparse_in_place)(ptrdiff_t n, ptrdiff_t n_in, ptrdiff_t n_out,
                                    ptrdiff_t n_entries, const BP_REAL *values,
                                    const int32_t *columns, const int32_t *rows,
                                    const ptrdiff_t *ends, const BP_REAL *W, const BP_REAL *bias,
                                    BP_REAL *z, BP_REAL *sums)
{
    for (ptrdiff_t j = 0; j < n_out; j += 2 * BP_LANES) {
        const ptrdiff_t left = n_out - j;
        if (left >= 2 * BP_LANES)
            BP_P(in_place_strip)(2, BP_LANES, n, n_in, n_out, n_entries, values, columns, rows, ends,
                                 W + j * n_in, bias + j, z + j, sums);
        else if (left > BP_LANES)
            BP_P(in_place_strip)(2, left - BP_LANES, n, n_in, n_out, n_entries, values, columns,
                                 rows, ends, W + j * n_in, bias + j, z + j, sums);
        else
            BP_P(in_place_strip)(1, left, n, n_in, n_out, n_entries, values, columns, rows, ends,
                                 W + j * n_in, bias + j, z + j, sums);
    }
}
