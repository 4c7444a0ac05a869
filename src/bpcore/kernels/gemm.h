/* Matrix products of a network's sizes.
 *
 * Why not BLAS alone: a general GEMM first copies its operands into packed panels, which pays
 * when each number is used hundreds of times.  In a layer of 16 or 100 units it costs as much
 * as the product, in one of 2048 still a sixth, since a batch goes through in ceil_div of some
 * hundred rows; and what a BLAS does about it differs from library to library and from processor
 * to processor.  Here the operands are read where they lie: the weights (n_out, n_in)
 * and the examples (n, n_in) both run along n_in, so that z = x w^T is a set of dot products of
 * contiguous rows; the other two products add up rows.  Tiles of sums fill the registers; ceil_div
 * of rows and strips of columns stay in the first cache.
 *
 * The loops stand in gemm_tiles.h and, for inputs that are mostly zero, in sparse_tiles.h, once
 * for each element type and each of three levels of the x86-64 instruction set; other processors
 * use the lowest.  The level is
 * chosen when the module is imported.  Compilers without vector types: BLAS does everything.
 */
#ifndef BPCORE_GEMM_H
#define BPCORE_GEMM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__has_builtin)
#  if __has_builtin(__builtin_shufflevector)
#    define BP_HAS_GEMM 1
#  endif
#endif
#ifndef BP_HAS_GEMM
#  define BP_HAS_GEMM 0
#endif

#if BP_HAS_GEMM

#if defined(__x86_64__)
#  include <immintrin.h>
#  define BP_GEMM_X86 1
#else
#  define BP_GEMM_X86 0
#endif
#if !defined(__clang__)
#  pragma GCC diagnostic ignored "-Wpsabi"
#endif

#define BP_PICK __builtin_shufflevector
/* What a block of rows may fill of a first cache of 32 KB, the longest row of which a block of
 * four is taken, and what rows that pass by may fill of a second cache of 256 KB. */
#define BP_BLOCK_BYTES 20000
#define BP_ROW_BYTES 4096
#define BP_PANEL_BYTES 163840
/* Rows that are added up at a time: a strip of so many rows fits the first cache. */
#define BP_DEPTH 256
/* Rows of a result from which on copying a strip pays, where it does at all (BP_PACKS: measured
 * with strips of 96 bytes, not worth it with those of 192). */
#define BP_PACK_FROM 32
/* Rows of so many numbers may be by_pointer, and meet `dot` (SCATTERED_INPUTS in pool.pyx): whole
 * matrices of such rows have to meet it too, to the last bit, however many rows they have. */
#define BP_SCATTERED 64
/* Columns from one offset to the next in a row that is mostly zero, and what rows that are added to
 * may fill of a second cache, beside what is added. */
#define BP_OFFSET_STRIDE 16
#define BP_ADD_BYTES 65536
#define BP_RUN 512
/* Left to itself GCC 12 keeps an address for each vector of a row and runs out of registers. */
#define BP_ONE_ADDRESS(p) __asm__("" : "+r"(p))

/* ---- what is needed prefetch ---------------------------------------------------------------- */

/* Into the second cache: the first one has places for some two dozen lines on their way, which
 * this product's own loads need. */
#define BP_PREFETCH(p) __builtin_prefetch(p, 0, 2)

/* Rows that the next product will read, fetched into the caches a small_workspace bytes with each step of
 * this one.  In one burst they would fill the processor's queue of misses, and this product's own
 * loads would wait behind them. */
typedef struct {
    const void *const *rows; /* every second row of this list, */
    ptrdiff_t n;             /* so many, */
    ptrdiff_t bytes;         /* each of so many bytes, */
    ptrdiff_t rate;          /* so many bytes a step */
    ptrdiff_t row, at;       /* where we are: row `row` from byte `at` on */
} bp_prefetch;

static bp_prefetch bp_no_prefetch(void)
{
    static const char here;
    static const void *const rows[1] = {&here};
    bp_prefetch prefetch = {rows, 0, 0, 0, 0, 0};
    return prefetch;
}

/* The rows, spread over `steps` steps of a product and a small_workspace to spare. */
static bp_prefetch bp_prefetch_rows(const void *const *rows, ptrdiff_t n, ptrdiff_t bytes, ptrdiff_t steps)
{
    bp_prefetch prefetch = {rows, n, bytes, 0, 0, 0};
    if (n <= 0 || steps <= 0) return bp_no_prefetch();
    prefetch.rate = (n * bytes + n * bytes / 4) / steps + 1;
    return prefetch;
}

/* Where the next `steps` steps begin to fetch, and how many bytes apart. */
static inline __attribute__((always_inline)) const char *bp_prefetch_next(bp_prefetch *prefetch, ptrdiff_t steps,
                                                                ptrdiff_t *step)
{
    const char *from;
    ptrdiff_t left = prefetch->bytes - prefetch->at;
    if (prefetch->row >= prefetch->n || steps <= 0) {
        *step = 0;
        return prefetch->rows[0];
    }
    from = (const char *)prefetch->rows[2 * prefetch->row] + prefetch->at;
    *step = prefetch->rate;
    prefetch->at += prefetch->rate * steps;
    if (prefetch->at >= prefetch->bytes) {
        *step = left / steps + 1;
        prefetch->at = 0;
        prefetch->row++;
    }
    return from;
}

static inline __attribute__((always_inline)) void bp_prefetch_now(bp_prefetch *prefetch, ptrdiff_t steps)
{
    ptrdiff_t step;
    if (prefetch->row < prefetch->n) {
        const char *from = bp_prefetch_next(prefetch, steps, &step);
        ptrdiff_t bytes = steps * step;
        for (ptrdiff_t i = 0; i < bytes; i += 64) BP_PREFETCH(from + i);
    }
}

/* ---- the lowest level ------------------------------------------------------------------- */

#define BP_TARGET static inline __attribute__((always_inline))
#define BP_ENTRY static __attribute__((noinline))
#define BP_PACKS 1
#define BP_DOT_ROWS 3
#define BP_ROWS_OF_3 4
#define BP_ROWS_OF_2 6
#define BP_LANES 4
#define BP_ADD_PRODUCT(sum, a, b) sum += (a) * (b)

#define BP_REAL float
#define BP_P(name) bp_##name##_f32_base
#include "gemm_tiles.h"
#include "sparse_tiles.h"
#undef BP_REAL
#undef BP_P

#define BP_REAL double
#define BP_P(name) bp_##name##_f64_base
#include "gemm_tiles.h"
#include "sparse_tiles.h"
#undef BP_REAL
#undef BP_P

#undef BP_TARGET
#undef BP_ENTRY
#undef BP_LANES
#undef BP_ADD_PRODUCT

#if BP_GEMM_X86

/* sum += a b in place.  Left to itself GCC 12 moves the sums of a full tile from register to
 * register and some of them through memory, which costs a tenth of the speed. */
#define BP_ADD_PRODUCT_AS(instruction, sum, a, b) \
    __asm__(instruction " %2, %1, %0" : BP_SUM(sum) : BP_REGISTER(a), BP_REGISTER(b))

/* ---- AVX2 and FMA ----------------------------------------------------------------------- */

#define BP_TARGET static inline __attribute__((always_inline, target("avx2,fma,popcnt")))
#define BP_ENTRY static __attribute__((noinline, target("avx2,fma,popcnt")))

/* Where the bits of a byte stand that are set, from the lowest on, for every byte. */
static uint8_t bp_places[256][8];

static void bp_find_places(void)
{
    for (int byte = 0; byte < 256; byte++)
        for (int bit = 0, count = 0; bit < 8; bit++)
            if (byte >> bit & 1) bp_places[byte][count++] = (uint8_t)bit;
}

/* A vector's numbers that are not zero, side by side, and their columns, counted from `at` on;
 * returns how many.  A whole vector is written to both. */
BP_TARGET int bp_compress_eight(const float *x, int32_t at, float *values, int32_t *columns)
{
    const __m256 v = _mm256_loadu_ps(x);
    const int kept = _mm256_movemask_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_NEQ_UQ));
    const __m256i place = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)bp_places[kept]));
    _mm256_storeu_ps(values, _mm256_permutevar8x32_ps(v, place));
    _mm256_storeu_si256((__m256i *)columns, _mm256_add_epi32(place, _mm256_set1_epi32(at)));
    return __builtin_popcount((unsigned)kept);
}

BP_TARGET int bp_compress_four(const double *x, int32_t at, double *values, int32_t *columns)
{
    const __m256d v = _mm256_loadu_pd(x);
    const int kept = _mm256_movemask_pd(_mm256_cmp_pd(v, _mm256_setzero_pd(), _CMP_NEQ_UQ));
    const __m128i place = _mm_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)bp_places[kept]));
    /* halves of a double: 2 i, 2 i + 1 */
    const __m256i first = _mm256_slli_epi64(_mm256_cvtepu32_epi64(place), 1);
    const __m256i second = _mm256_slli_epi64(_mm256_add_epi64(first, _mm256_set1_epi64x(1)), 32);
    const __m256i halves = _mm256_or_si256(first, second);
    _mm256_storeu_pd(values, _mm256_castsi256_pd(
        _mm256_permutevar8x32_epi32(_mm256_castpd_si256(v), halves)));
    _mm_storeu_si128((__m128i *)columns, _mm_add_epi32(place, _mm_set1_epi32(at)));
    return __builtin_popcount((unsigned)kept);
}

static const int32_t bp_mask_32[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
static const int64_t bp_mask_64[8] = {-1, -1, -1, -1};

#define BP_SUM(value) "+x"(value)
#define BP_REGISTER(value) "x"(value)
#define BP_REAL float
#define BP_ADD_PRODUCT(sum, a, b) BP_ADD_PRODUCT_AS("vfmadd231ps", sum, a, b)
#define BP_LANES 8
#define BP_P(name) bp_##name##_f32_v3
#define BP_MASKED_LOAD(p, count) \
    _mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *)(bp_mask_32 + 8 - (count))))
#define BP_COMPRESS bp_compress_eight
#include "gemm_tiles.h"
#include "sparse_tiles.h"
#undef BP_REAL
#undef BP_LANES
#undef BP_P
#undef BP_MASKED_LOAD
#undef BP_ADD_PRODUCT
#undef BP_COMPRESS

#define BP_REAL double
#define BP_ADD_PRODUCT(sum, a, b) BP_ADD_PRODUCT_AS("vfmadd231pd", sum, a, b)
#define BP_LANES 4
#define BP_P(name) bp_##name##_f64_v3
#define BP_MASKED_LOAD(p, count) \
    _mm256_maskload_pd(p, _mm256_loadu_si256((const __m256i *)(bp_mask_64 + 4 - (count))))
#define BP_COMPRESS bp_compress_four
#include "gemm_tiles.h"
#include "sparse_tiles.h"
#undef BP_REAL
#undef BP_LANES
#undef BP_P
#undef BP_MASKED_LOAD
#undef BP_ADD_PRODUCT
#undef BP_COMPRESS

#undef BP_TARGET
#undef BP_ENTRY
#undef BP_REGISTER
#undef BP_SUM
#undef BP_DOT_ROWS
#undef BP_PACKS
#undef BP_ROWS_OF_3
#undef BP_ROWS_OF_2

/* ---- AVX-512 ---------------------------------------------------------------------------- */

#define BP_TARGET static inline __attribute__((always_inline, target("avx512f,avx512vl,fma,popcnt")))
#define BP_ENTRY static __attribute__((noinline, target("avx512f,avx512vl,fma,popcnt")))
#define BP_PACKS 0
#define BP_DOT_ROWS 4

/* As bp_compress_eight. */
BP_TARGET int bp_compress_sixteen(const float *x, int32_t at, float *values, int32_t *columns)
{
    const __m512i here = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512 v = _mm512_loadu_ps(x);
    const __mmask16 kept = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    const __m512i column = _mm512_add_epi32(here, _mm512_set1_epi32(at));
    _mm512_storeu_ps(values, _mm512_maskz_compress_ps(kept, v));
    _mm512_storeu_si512(columns, _mm512_maskz_compress_epi32(kept, column));
    return __builtin_popcount(kept);
}

BP_TARGET int bp_compress_eight_doubles(const double *x, int32_t at, double *values, int32_t *columns)
{
    const __m256i here = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m512d v = _mm512_loadu_pd(x);
    const __mmask8 kept = _mm512_cmp_pd_mask(v, _mm512_setzero_pd(), _CMP_NEQ_UQ);
    const __m256i column = _mm256_add_epi32(here, _mm256_set1_epi32(at));
    _mm512_storeu_pd(values, _mm512_maskz_compress_pd(kept, v));
    _mm256_storeu_si256((__m256i *)columns, _mm256_maskz_compress_epi32(kept, column));
    return __builtin_popcount(kept);
}

#define BP_ROWS_OF_3 8
#define BP_ROWS_OF_2 8

#define BP_SUM(value) "+v"(value)
#define BP_REGISTER(value) "v"(value)
#define BP_REAL float
#define BP_ADD_PRODUCT(sum, a, b) BP_ADD_PRODUCT_AS("vfmadd231ps", sum, a, b)
#define BP_LANES 16
#define BP_P(name) bp_##name##_f32_v4
#define BP_MASKED_LOAD(p, count) _mm512_maskz_loadu_ps((__mmask16)(0xffff >> (16 - (count))), p)
#define BP_MASKED_STORE(p, count, v) \
    _mm512_mask_storeu_ps(p, (__mmask16)(0xffff >> (16 - (count))), (__m512)(v))
#define BP_COMPRESS bp_compress_sixteen
#include "gemm_tiles.h"
#include "sparse_tiles.h"
#undef BP_REAL
#undef BP_LANES
#undef BP_P
#undef BP_MASKED_LOAD
#undef BP_ADD_PRODUCT
#undef BP_MASKED_STORE
#undef BP_COMPRESS

#define BP_REAL double
#define BP_ADD_PRODUCT(sum, a, b) BP_ADD_PRODUCT_AS("vfmadd231pd", sum, a, b)
#define BP_LANES 8
#define BP_P(name) bp_##name##_f64_v4
#define BP_MASKED_LOAD(p, count) _mm512_maskz_loadu_pd((__mmask8)(0xff >> (8 - (count))), p)
#define BP_MASKED_STORE(p, count, v) \
    _mm512_mask_storeu_pd(p, (__mmask8)(0xff >> (8 - (count))), (__m512d)(v))
#define BP_COMPRESS bp_compress_eight_doubles
#include "gemm_tiles.h"
#include "sparse_tiles.h"
#undef BP_REAL
#undef BP_LANES
#undef BP_P
#undef BP_MASKED_LOAD
#undef BP_ADD_PRODUCT
#undef BP_MASKED_STORE
#undef BP_COMPRESS

#undef BP_TARGET
#undef BP_ENTRY
#undef BP_REGISTER
#undef BP_SUM
#endif /* BP_GEMM_X86 */
#undef BP_DOT_ROWS
#undef BP_PACKS
#undef BP_ROWS_OF_3
#undef BP_ROWS_OF_2
#undef BP_BLOCK_BYTES
#undef BP_ROW_BYTES
#undef BP_PANEL_BYTES
#undef BP_PACK_FROM
#undef BP_ADD_BYTES
#undef BP_RUN
#undef BP_ONE_ADDRESS

/* ---- the choice of a level -------------------------------------------------------------- */

#define BP_FUNCTIONS(real, type)                                                             \
    ptrdiff_t lanes_##type;                                                                  \
    void (*dot_##type)(ptrdiff_t, ptrdiff_t, ptrdiff_t, real, const real *const *,           \
                       const real *, ptrdiff_t, real, real *, ptrdiff_t, bp_prefetch *);        \
    void (*rows_##type)(ptrdiff_t, ptrdiff_t, ptrdiff_t, real, const real *, ptrdiff_t,      \
                        ptrdiff_t, const real *const *, const real *, real, real *,          \
                        ptrdiff_t, bp_prefetch *);                                              \
    void (*fill_##type)(ptrdiff_t, ptrdiff_t, const real *, real *, ptrdiff_t);              \
    void (*column_sums_##type)(ptrdiff_t, ptrdiff_t, ptrdiff_t, const real *, real, real,    \
                               real *);                                                      \
    ptrdiff_t (*compress_##type)(ptrdiff_t, const real *, const char *, real *, int32_t *,    \
                                int32_t *);                                                  \
    void (*sparse_dot_##type)(ptrdiff_t, ptrdiff_t, ptrdiff_t, const real *, const int32_t *, \
                              const ptrdiff_t *, const real *, ptrdiff_t, const real *,      \
                              real *, bp_prefetch *);                                           \
    void (*sparse_add_##type)(ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t,         \
                              ptrdiff_t, const real *, const int32_t *, const ptrdiff_t *,   \
                              const int32_t *, ptrdiff_t, real, const real *, real *,        \
                              ptrdiff_t, bp_prefetch *);

static struct {
    int level; /* 2, 3 or 4, of x86-64's levels; 2 elsewhere */
    double most; /* multiplications of the largest_shard product that is not left to BLAS */
    ptrdiff_t dot_rows, rows_of_3; /* of their tiles */
    BP_FUNCTIONS(float, f32)
    BP_FUNCTIONS(double, f64)
} bp_gemm;

#undef BP_FUNCTIONS

#define BP_TAKE_TYPE(lanes, type, of_level)                                                  \
    bp_gemm.lanes_##type = lanes;                                                        \
    bp_gemm.dot_##type = bp_dot_##type##_##of_level;                                     \
    bp_gemm.rows_##type = bp_rows_##type##_##of_level;                                   \
    bp_gemm.fill_##type = bp_fill_##type##_##of_level;                                   \
    bp_gemm.column_sums_##type = bp_column_sums_##type##_##of_level;                     \
    bp_gemm.compress_##type = bp_collect_##type##_##of_level;                             \
    bp_gemm.sparse_dot_##type = bp_sparse_dot_##type##_##of_level;                       \
    bp_gemm.sparse_add_##type = bp_sparse_add_##type##_##of_level
#define BP_TAKE(level_, lanes_f32, lanes_f64, dot_rows_, rows_of_3_, of_level)               \
    bp_gemm.level = level_;                                                              \
    bp_gemm.dot_rows = dot_rows_;                                                        \
    bp_gemm.rows_of_3 = rows_of_3_;                                                      \
    BP_TAKE_TYPE(lanes_f32, f32, of_level);                                                  \
    BP_TAKE_TYPE(lanes_f64, f64, of_level)

/* Take the highest level that the processor has, but none above `limit`; returns it. */
static int bp_set_isa(int limit, double most)
{
    bp_gemm.most = most;
    BP_TAKE(2, 4, 4, 3, 4, base);
#if BP_GEMM_X86
    __builtin_cpu_init();
    bp_find_places();
    if (limit >= 3 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("popcnt")) {
        BP_TAKE(3, 8, 4, 3, 4, v3);
        if (limit >= 4 && __builtin_cpu_supports("avx512f")
            && __builtin_cpu_supports("avx512vl")) {
            BP_TAKE(4, 16, 8, 4, 8, v4);
        }
    }
#endif
    return bp_gemm.level;
}

#undef BP_TAKE
#undef BP_TAKE_TYPE

static int bp_isa(void) { return bp_gemm.level; }

/* Whether a product of (m, k) by (k, n) is one for the own loops. */
static int bp_is_small(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    return (double)m * (double)n * (double)k <= bp_gemm.most;
}

/* Whether it depends on the number of rows which loop x w^T meets, rows of k numbers, and with it
 * the bits of a row. */
static int bp_loop_depends_on_rows(ptrdiff_t k) { return k < BP_SCATTERED; }

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

#else /* no vector types: every product goes to BLAS */

#define BP_OFFSET_STRIDE 16

static int bp_set_isa(int limit, double most) { (void)limit; (void)most; return 0; }
static int bp_isa(void) { return 0; }
static int bp_is_small(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{ (void)m; (void)n; (void)k; return 0; }
static int bp_loop_depends_on_rows(ptrdiff_t k) { (void)k; return 1; }
static void bp_product_f32(int a, int b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, float alpha,
                           const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb,
                           const float *bias, float beta, float *C, ptrdiff_t ldc) {}
static void bp_product_nt_f32(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *const *A,
                              const float *B, ptrdiff_t ldb, const float *bias, float *C,
                              ptrdiff_t ldc, const float *const *prefetch, ptrdiff_t n_prefetch) {}
static void bp_product_tn_f32(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, float alpha, const float *A,
                              ptrdiff_t lda, const float *const *B, float beta, float *C,
                              ptrdiff_t ldc, const float *const *prefetch, ptrdiff_t n_prefetch) {}
static ptrdiff_t bp_compress_f32(ptrdiff_t n, const float *x, const void *prefetch, float *values,
                                int32_t *columns, int32_t *offsets) { return 0; }
static void bp_sparse_dot_f32(ptrdiff_t n, ptrdiff_t n_out, ptrdiff_t width, const float *values,
                              const int32_t *columns, const ptrdiff_t *counts, const float *W,
                              ptrdiff_t ldw, const float *bias, float *z,
                              const float *const *prefetch, ptrdiff_t n_prefetch) {}
static void bp_sparse_add_f32(ptrdiff_t n, ptrdiff_t n_in, ptrdiff_t n_out, ptrdiff_t first,
                              ptrdiff_t end, ptrdiff_t width, const float *values,
                              const int32_t *columns, const ptrdiff_t *counts,
                              const int32_t *offsets, float alpha, const float *delta, float *W, ptrdiff_t ldw,
                              const float *const *prefetch, ptrdiff_t n_prefetch) {}
static void bp_transpose_f32(ptrdiff_t rows, ptrdiff_t columns, const float *A, ptrdiff_t lda, float *out,
                        ptrdiff_t ldo) {}
static void bp_column_sums_f32(ptrdiff_t n, ptrdiff_t width, ptrdiff_t step, const float *A,
                               float alpha, float beta, float *out)
{
    for (ptrdiff_t j = 0; j < width; j++) out[j] = beta != 0 ? beta * out[j] : 0;
    for (ptrdiff_t k = 0; k < n; k++, A += step)
        for (ptrdiff_t j = 0; j < width; j++) out[j] += alpha * A[j];
}
static void bp_product_f64(int a, int b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, double alpha,
                           const double *A, ptrdiff_t lda, const double *B, ptrdiff_t ldb,
                           const double *bias, double beta, double *C, ptrdiff_t ldc) {}
static void bp_product_nt_f64(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const double *const *A,
                              const double *B, ptrdiff_t ldb, const double *bias, double *C,
                              ptrdiff_t ldc, const double *const *prefetch, ptrdiff_t n_prefetch) {}
static void bp_product_tn_f64(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, double alpha, const double *A,
                              ptrdiff_t lda, const double *const *B, double beta, double *C,
                              ptrdiff_t ldc, const double *const *prefetch, ptrdiff_t n_prefetch) {}
static ptrdiff_t bp_compress_f64(ptrdiff_t n, const double *x, const void *prefetch, double *values,
                                int32_t *columns, int32_t *offsets) { return 0; }
static void bp_sparse_dot_f64(ptrdiff_t n, ptrdiff_t n_out, ptrdiff_t width, const double *values,
                              const int32_t *columns, const ptrdiff_t *counts, const double *W,
                              ptrdiff_t ldw, const double *bias, double *z,
                              const double *const *prefetch, ptrdiff_t n_prefetch) {}
static void bp_sparse_add_f64(ptrdiff_t n, ptrdiff_t n_in, ptrdiff_t n_out, ptrdiff_t first,
                              ptrdiff_t end, ptrdiff_t width, const double *values,
                              const int32_t *columns, const ptrdiff_t *counts,
                              const int32_t *offsets, double alpha, const double *delta, double *W, ptrdiff_t ldw,
                              const double *const *prefetch, ptrdiff_t n_prefetch) {}
static void bp_transpose_f64(ptrdiff_t rows, ptrdiff_t columns, const double *A, ptrdiff_t lda, double *out,
                        ptrdiff_t ldo) {}
static void bp_column_sums_f64(ptrdiff_t n, ptrdiff_t width, ptrdiff_t step, const double *A,
                               double alpha, double beta, double *out)
{
    for (ptrdiff_t j = 0; j < width; j++) out[j] = beta != 0 ? beta * out[j] : 0;
    for (ptrdiff_t k = 0; k < n; k++, A += step)
        for (ptrdiff_t j = 0; j < width; j++) out[j] += alpha * A[j];
}

#endif
#endif
