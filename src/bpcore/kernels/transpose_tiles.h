/* Included by gemm.h after gemm_tiles.h, once for each instruction set and element type: matrices
 * turned over in registers. */

#if BP_LANES == 16
#  define BP_EACH_PLACE(of, half)                                                             \
    of(0, half), of(1, half), of(2, half), of(3, half), of(4, half), of(5, half), of(6, half), \
        of(7, half), of(8, half), of(9, half), of(10, half), of(11, half), of(12, half),      \
        of(13, half), of(14, half), of(15, half)
#elif BP_LANES == 8
#  define BP_EACH_PLACE(of, half)                                                             \
    of(0, half), of(1, half), of(2, half), of(3, half), of(4, half), of(5, half), of(6, half), \
        of(7, half)
#elif BP_LANES == 4
#  define BP_EACH_PLACE(of, half) of(0, half), of(1, half), of(2, half), of(3, half)
#else
#  define BP_EACH_PLACE(of, half) of(0, half), of(1, half)
#endif

/* Two vectors mixed: which number of both, counted on from one to the other, comes to place k.  A part
 * is 16 bytes.  To mix numbers within parts, or whole parts, is one instruction; other mixtures are two
 * or three, or write over one of the vectors.
 *
 * Of each part the first half, or the second, numbers of the two vectors in turns. */
#define BP_PART (16 / (int)sizeof(BP_REAL))
#define BP_WITHIN(k, half) \
    ((k) / BP_PART * BP_PART + ((k) % BP_PART + (half) * BP_PART) / 2 + (k) % 2 * BP_LANES)
/* The parts with even places, or with odd ones, of one vector and then of the other. */
#define BP_PARTS(k, half) ((2 * ((k) / BP_PART) + (half)) * BP_PART + (k) % BP_PART)

/* Of the rows in pairs, whose numbers differ in `bit`, the first becomes their mixture of first halves
 * and the second that of second ones. */
#define BP_MIX_ROWS(bit, of)                                                                  \
    BP_UNROLLED                                                                               \
    for (int i = 0; i < BP_LANES; i++)                                                        \
        if (!(i & (bit))) {                                                                   \
            const BP_P(vec) first = row[i], second = row[i + (bit)];                          \
            row[i] = BP_PICK(first, second, BP_EACH_PLACE(of, 0));                            \
            row[i + (bit)] = BP_PICK(first, second, BP_EACH_PLACE(of, 1));                    \
        }

/* out (columns, rows) = the transpose of A (rows, columns), no more of either than a vector has lanes.
 *
 * A number's place in a square, written in bits, is its row and then its column.  A round of mixtures
 * puts one bit of the column, the first of those within a part or the last of the part's own, in the
 * place of one of the row, which comes in at the other end. */
BP_TARGET void BP_P(transpose_tile)(ptrdiff_t rows, ptrdiff_t columns, const BP_REAL *A, ptrdiff_t lda,
                                    BP_REAL *out, ptrdiff_t ldo)
{
    BP_P(vec) row[BP_LANES];
    BP_UNROLLED
    for (int i = 0; i < BP_LANES; i++) {
        row[i] = i < rows ? BP_P(load)(A, columns) : (BP_P(vec)){0};
        A += lda;
        BP_ONE_ADDRESS(A);
    }
    BP_UNROLLED
    for (int bit = BP_PART / 2; bit; bit /= 2) BP_MIX_ROWS(bit, BP_WITHIN)
    BP_UNROLLED
    for (int bit = BP_PART; bit < BP_LANES; bit *= 2) BP_MIX_ROWS(bit, BP_PARTS)
    BP_UNROLLED
    for (int i = 0; i < BP_LANES; i++)
        if (i < columns) BP_P(store)(out + i * ldo, row[i], rows);
}

/* out (columns, rows) = the transpose of A (rows, columns), their rows lda and ldo apart. */
BP_ENTRY void BP_P(transpose)(ptrdiff_t rows, ptrdiff_t columns, const BP_REAL *A, ptrdiff_t lda,
                              BP_REAL *out, ptrdiff_t ldo)
{
    for (ptrdiff_t i = 0; i < rows; i += BP_LANES)
        for (ptrdiff_t j = 0; j < columns; j += BP_LANES) {
            const ptrdiff_t height = rows - i < BP_LANES ? rows - i : BP_LANES;
            const ptrdiff_t width = columns - j < BP_LANES ? columns - j : BP_LANES;
            const BP_REAL *from = A + i * lda + j;
            BP_REAL *to = out + j * ldo + i;
            if (height == BP_LANES && width == BP_LANES)
                BP_P(transpose_tile)(BP_LANES, BP_LANES, from, lda, to, ldo);
            else
                BP_P(transpose_tile)(height, width, from, lda, to, ldo);
        }
}

#undef BP_EACH_PLACE
#undef BP_PART
#undef BP_WITHIN
#undef BP_PARTS
#undef BP_MIX_ROWS
