/* Included by gemm.h after gemm_tiles.h, once for each instruction set and element type: matrices
 * turned over in registers. */

#if BP_LANES == 16
#  define BP_FIRST_HALVES 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#  define BP_SECOND_HALVES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif BP_LANES == 8
#  define BP_FIRST_HALVES 0, 8, 1, 9, 2, 10, 3, 11
#  define BP_SECOND_HALVES 4, 12, 5, 13, 6, 14, 7, 15
#elif BP_LANES == 4
#  define BP_FIRST_HALVES 0, 4, 1, 5
#  define BP_SECOND_HALVES 2, 6, 3, 7
#else
#  define BP_FIRST_HALVES 0, 2
#  define BP_SECOND_HALVES 1, 3
#endif

/* out (columns, rows) = the transpose of A (rows, columns), no more of either than a vector has lanes.
 *
 * A number's place in a square, written in bits, is its row and then its column.  To interleave the
 * first half of the rows with the second one rotates the bits by one; after as many rounds as a column
 * has bits, row and column have changed places. */
BP_TARGET void BP_P(transpose_tile)(ptrdiff_t rows, ptrdiff_t columns, const BP_REAL *A, ptrdiff_t lda,
                                    BP_REAL *out, ptrdiff_t ldo)
{
    BP_P(vec) row[BP_LANES], next[BP_LANES];
    BP_UNROLLED
    for (int i = 0; i < BP_LANES; i++)
        row[i] = i < rows ? BP_P(load)(A + i * lda, columns) : (BP_P(vec)){0};
    BP_UNROLLED
    for (int round = 1; round < BP_LANES; round *= 2) {
        BP_UNROLLED
        for (int i = 0; i < BP_LANES / 2; i++) {
            next[2 * i] = BP_PICK(row[i], row[i + BP_LANES / 2], BP_FIRST_HALVES);
            next[2 * i + 1] = BP_PICK(row[i], row[i + BP_LANES / 2], BP_SECOND_HALVES);
        }
        BP_UNROLLED
        for (int i = 0; i < BP_LANES; i++) row[i] = next[i];
    }
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

#undef BP_FIRST_HALVES
#undef BP_SECOND_HALVES
