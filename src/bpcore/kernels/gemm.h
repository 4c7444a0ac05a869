/* Matrix products of a network's sizes.
 *
 * Why not BLAS alone: a general GEMM first copies its operands into packed panels, which pays
 * when each number is used hundreds of times.  In a layer of 16 or 100 units it costs as much
 * as the product, in one of 2048 still a sixth, since a batch goes through in blocks of some
 * hundred rows; and what a BLAS does about it differs from library to library and from processor
 * to processor.  Here the operands are read where they lie: the weights (n_out, n_in)
 * and the examples (n, n_in) both run along n_in, so that z = x w^T is a set of dot products of
 * contiguous rows; the other two products add up rows.  Tiles of sums fill the registers; blocks
 * of rows and strips of columns stay in the first cache.
 *
 * The loops stand in gemm_tiles.h and, for inputs that are mostly zero, in sparse_tiles.h.  Each
 * instruction set has a file that includes both for float and for double; here is the table of
 * the functions that serve, filled when the module is imported; gemm_paths.h says which loop takes
 * which shape.  Compilers without vector types: the table is empty but for two, and BLAS does
 * every product.
 */
#ifndef BPCORE_GEMM_H
#define BPCORE_GEMM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What op(B) is, beside 0 and 1, B^T by the loop that suits the number of rows: B^T transposed before
 * the product, or dot products, whatever the number of rows. */
enum { BP_TURNED = 2, BP_DOTS = 3 };

#include "isa.h"
#include "prefetch.h"
#include "tuning.h"

#if BP_HAS_VECTORS
#  if !defined(__clang__)
#    pragma GCC diagnostic ignored "-Wpsabi"
#  endif
#  define BP_PICK __builtin_shufflevector
/* Left to itself GCC 12 keeps an address for each vector of a row and runs out of registers. */
#  define BP_ONE_ADDRESS(p) __asm__("" : "+r"(p))
#  include "gemm_base.h"
#  if BP_HAS_AVX
/* sum += a b in place.  Left to itself GCC 12 moves the sums of a full tile from register to
 * register and some of them through memory, which costs a tenth of the speed. */
#    define BP_ADD_PRODUCT_AS(instruction, sum, a, b) \
    __asm__(instruction " %2, %1, %0" : BP_SUM(sum) : BP_REGISTER(a), BP_REGISTER(b))
#    include "gemm_avx2.h"
#    include "gemm_avx512.h"
#  endif
#endif

#define BP_FUNCTIONS(real, type)                                                             \
    ptrdiff_t lanes_##type;                                                                  \
    void (*dot_##type)(ptrdiff_t, ptrdiff_t, ptrdiff_t, real, const real *const *,           \
                       const real *, ptrdiff_t, real, real *, ptrdiff_t, bp_prefetch *);     \
    void (*rows_##type)(ptrdiff_t, ptrdiff_t, ptrdiff_t, real, const real *, ptrdiff_t,      \
                        ptrdiff_t, const real *const *, const real *, real, real *,          \
                        ptrdiff_t, bp_prefetch *);                                           \
    void (*fill_##type)(ptrdiff_t, ptrdiff_t, const real *, real *, ptrdiff_t);              \
    void (*transpose_##type)(ptrdiff_t, ptrdiff_t, const real *, ptrdiff_t, real *, ptrdiff_t); \
    void (*column_sums_##type)(ptrdiff_t, ptrdiff_t, ptrdiff_t, const real *, real, real,    \
                               real *);                                                      \
    ptrdiff_t (*compress_##type)(ptrdiff_t, const real *, const char *, real *, int32_t *,   \
                                 int32_t *);                                                 \
    void (*sparse_dot_##type)(int, ptrdiff_t, ptrdiff_t, ptrdiff_t, const real *,            \
                              const int32_t *, const ptrdiff_t *, const real *, ptrdiff_t,   \
                              const real *, real *, bp_prefetch *);                          \
    void (*sparse_add_##type)(ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t,         \
                              ptrdiff_t, const real *, const int32_t *, const ptrdiff_t *,   \
                              const int32_t *, ptrdiff_t, real, const real *, real *,        \
                              ptrdiff_t, bp_prefetch *);                                     \
    ptrdiff_t square_##type;                                                                 \
    void (*sparse_in_place_##type)(ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t, const real *, \
                                   const int32_t *, const int32_t *, const ptrdiff_t *,      \
                                   const real *, const real *, real *, real *);

/* What serves, of the instruction set that was chosen. */
static struct {
    int isa; /* 2, 3 or 4, of x86-64's levels; 2 elsewhere; 0: no own loops */
    ptrdiff_t dot_rows, rows_of_3; /* of their tiles */
    BP_FUNCTIONS(float, f32)
    BP_FUNCTIONS(double, f64)
} bp_gemm;

#undef BP_FUNCTIONS

#define BP_TAKE_TYPE(lanes, type, of_isa)                                                    \
    bp_gemm.lanes_##type = lanes;                                                            \
    bp_gemm.dot_##type = bp_dot_##type##_##of_isa;                                           \
    bp_gemm.rows_##type = bp_rows_##type##_##of_isa;                                         \
    bp_gemm.fill_##type = bp_fill_##type##_##of_isa;                                         \
    bp_gemm.transpose_##type = bp_transpose_##type##_##of_isa;                               \
    bp_gemm.column_sums_##type = bp_column_sums_##type##_##of_isa;                           \
    bp_gemm.compress_##type = bp_compress_##type##_##of_isa;                                 \
    bp_gemm.sparse_dot_##type = bp_sparse_dot_##type##_##of_isa;                             \
    bp_gemm.sparse_add_##type = bp_sparse_add_##type##_##of_isa;                             \
    bp_gemm.square_##type = bp_square_##type##_##of_isa;                                     \
    bp_gemm.sparse_in_place_##type = bp_sparse_in_place_##type##_##of_isa
#define BP_TAKE(lanes_f32, lanes_f64, dot_rows_, rows_of_3_, of_isa)                         \
    bp_gemm.dot_rows = dot_rows_;                                                            \
    bp_gemm.rows_of_3 = rows_of_3_;                                                          \
    BP_TAKE_TYPE(lanes_f32, f32, of_isa);                                                    \
    BP_TAKE_TYPE(lanes_f64, f64, of_isa)

/* Whether x w^T, x (m, k), w (n, k), is faster with w transposed first: short dot products are mostly
 * ends, a tile of them ends in sums across its vectors, and rows of w that begin within a line of the
 * caches are read by two lines a vector.  Both loops in turns, m from 16 to 256, n from 16 to 512, k from
 * 16 to 1024: 1.5 to 5 times as fast up to four vectors of k, 1.1 to 2 up to eight, 1 to 1.3 up to
 * twenty; slower beyond with AVX2, where a vector of units, one of few, is left half full, and with one
 * column.  With AVX-512, whose registers hold a tile of 24 sums, 1 to 1.4 beyond twenty, where the units
 * leave few places of their last vector empty; n from 30 to 300, k from 300 to 5000 on an Intel Xeon: 1.1
 * to 1.7 with an eighth empty, 1.0 to 1.2 with a quarter if rows of w begin within lines, else 0.8 to 1.2. */
static int bp_turning_pays(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, ptrdiff_t lanes)
{
    const ptrdiff_t empty = (lanes - n % lanes) % lanes;
    if (n == 1) return 0;
    if (k < 4 * lanes) return m >= 8;
    if (k < 8 * lanes) return m >= 32 && (empty == 0 || n >= 4 * lanes);
    if (m < (bp_gemm.isa == 4 ? 48 : 64) || n < 2 * lanes) return 0;
    if (bp_gemm.isa == 4) return (k % lanes ? 4 : 8) * empty <= n + empty;
    return k <= 20 * lanes && (empty == 0 || n >= 8 * lanes);
}

#define BP_REAL float
#define BP_P(name) bp_##name##_f32
#define BP_OF(name) name##_f32
#include "gemm_paths.h"
#undef BP_REAL
#undef BP_P
#undef BP_OF

#define BP_REAL double
#define BP_P(name) bp_##name##_f64
#define BP_OF(name) name##_f64
#include "gemm_paths.h"
#undef BP_REAL
#undef BP_P
#undef BP_OF

/* Take the loops of the highest instruction set that the processor has, but none above `limit`;
 * returns its number. */
static inline int bp_set_isa(int limit)
{
    bp_gemm.isa = bp_supported_isa(limit);
#if !BP_HAS_VECTORS
    bp_gemm.column_sums_f32 = bp_plain_column_sums_f32;
    bp_gemm.column_sums_f64 = bp_plain_column_sums_f64;
    bp_gemm.square_f32 = bp_gemm.square_f64 = 1;
    bp_gemm.sparse_in_place_f32 = bp_plain_sparse_in_place_f32;
    bp_gemm.sparse_in_place_f64 = bp_plain_sparse_in_place_f64;
    return bp_gemm.isa;
#else
    BP_TAKE(4, 4, 3, 4, base);
#  if BP_HAS_AVX
    bp_find_places();
    if (bp_gemm.isa == 3) {
        BP_TAKE(8, 4, 3, 4, avx2);
    } else if (bp_gemm.isa == 4) {
        BP_TAKE(16, 8, 4, 8, avx512);
    }
#  endif
    return bp_gemm.isa;
#endif
}

static inline int bp_isa(void) { return bp_gemm.isa; }

#endif
