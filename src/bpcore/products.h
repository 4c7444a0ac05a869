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
 * The loops stand in product_loops.h, once for each element type and each of three levels of
 * the x86-64 instruction set; other processors use the lowest.  The level is
 * chosen when the module is imported.  Compilers without vector types: BLAS does everything.
 */
#ifndef BPCORE_PRODUCTS_H
#define BPCORE_PRODUCTS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__has_builtin)
#  if __has_builtin(__builtin_shufflevector)
#    define BP_HAS_PRODUCTS 1
#  endif
#endif
#ifndef BP_HAS_PRODUCTS
#  define BP_HAS_PRODUCTS 0
#endif

#if BP_HAS_PRODUCTS

#if defined(__x86_64__)
#  include <immintrin.h>
#  define BP_PRODUCTS_X86 1
#else
#  define BP_PRODUCTS_X86 0
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

/* ---- what is needed soon ---------------------------------------------------------------- */

/* Rows that the next product will read, fetched into the caches a few bytes with each step of
 * this one.  In one burst they would fill the processor's queue of misses, and this product's own
 * loads would wait behind them. */
typedef struct {
    const void *const *rows; /* every second row of this list, */
    ptrdiff_t n;             /* so many, */
    ptrdiff_t bytes;         /* each of so many bytes, */
    ptrdiff_t rate;          /* so many bytes a step */
    ptrdiff_t row, at;       /* where we are: row `row` from byte `at` on */
} bp_ahead;

static bp_ahead bp_nothing_ahead(void)
{
    static const char here;
    static const void *const rows[1] = {&here};
    bp_ahead ahead = {rows, 0, 0, 0, 0, 0};
    return ahead;
}

/* The rows, spread over `steps` steps of a product and a few to spare. */
static bp_ahead bp_rows_ahead(const void *const *rows, ptrdiff_t n, ptrdiff_t bytes, ptrdiff_t steps)
{
    bp_ahead ahead = {rows, n, bytes, 0, 0, 0};
    if (n <= 0 || steps <= 0) return bp_nothing_ahead();
    ahead.rate = (n * bytes + n * bytes / 4) / steps + 1;
    return ahead;
}

/* Where the next `steps` steps begin to fetch, and how many bytes apart. */
static inline __attribute__((always_inline)) const char *bp_take(bp_ahead *ahead, ptrdiff_t steps,
                                                                ptrdiff_t *step)
{
    const char *from;
    ptrdiff_t left = ahead->bytes - ahead->at;
    if (ahead->row >= ahead->n || steps <= 0) {
        *step = 0;
        return ahead->rows[0];
    }
    from = (const char *)ahead->rows[2 * ahead->row] + ahead->at;
    *step = ahead->rate;
    ahead->at += ahead->rate * steps;
    if (ahead->at >= ahead->bytes) {
        *step = left / steps + 1;
        ahead->at = 0;
        ahead->row++;
    }
    return from;
}

static inline __attribute__((always_inline)) void bp_fetch(bp_ahead *ahead, ptrdiff_t steps)
{
    ptrdiff_t step;
    if (ahead->row < ahead->n) {
        const char *from = bp_take(ahead, steps, &step);
        ptrdiff_t bytes = steps * step;
        for (ptrdiff_t i = 0; i < bytes; i += 64) __builtin_prefetch(from + i);
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
#include "product_loops.h"
#undef BP_REAL
#undef BP_P

#define BP_REAL double
#define BP_P(name) bp_##name##_f64_base
#include "product_loops.h"
#undef BP_REAL
#undef BP_P

#undef BP_TARGET
#undef BP_ENTRY
#undef BP_LANES
#undef BP_ADD_PRODUCT

#if BP_PRODUCTS_X86

/* sum += a b in place.  Left to itself GCC 12 moves the sums of a full tile from register to
 * register and some of them through memory, which costs a tenth of the speed. */
#define BP_ADD_PRODUCT_AS(instruction, sum, a, b) \
    __asm__(instruction " %2, %1, %0" : BP_SUM(sum) : BP_REGISTER(a), BP_REGISTER(b))

/* ---- AVX2 and FMA ----------------------------------------------------------------------- */

#define BP_TARGET static inline __attribute__((always_inline, target("avx2,fma")))
#define BP_ENTRY static __attribute__((noinline, target("avx2,fma")))

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
#include "product_loops.h"
#undef BP_REAL
#undef BP_LANES
#undef BP_P
#undef BP_MASKED_LOAD
#undef BP_ADD_PRODUCT

#define BP_REAL double
#define BP_ADD_PRODUCT(sum, a, b) BP_ADD_PRODUCT_AS("vfmadd231pd", sum, a, b)
#define BP_LANES 4
#define BP_P(name) bp_##name##_f64_v3
#define BP_MASKED_LOAD(p, count) \
    _mm256_maskload_pd(p, _mm256_loadu_si256((const __m256i *)(bp_mask_64 + 4 - (count))))
#include "product_loops.h"
#undef BP_REAL
#undef BP_LANES
#undef BP_P
#undef BP_MASKED_LOAD
#undef BP_ADD_PRODUCT

#undef BP_TARGET
#undef BP_ENTRY
#undef BP_REGISTER
#undef BP_SUM
#undef BP_DOT_ROWS
#undef BP_PACKS
#undef BP_ROWS_OF_3
#undef BP_ROWS_OF_2

/* ---- AVX-512 ---------------------------------------------------------------------------- */

#define BP_TARGET static inline __attribute__((always_inline, target("avx512f,avx512vl,fma")))
#define BP_ENTRY static __attribute__((noinline, target("avx512f,avx512vl,fma")))
#define BP_PACKS 0
#define BP_DOT_ROWS 4
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
#include "product_loops.h"
#undef BP_REAL
#undef BP_LANES
#undef BP_P
#undef BP_MASKED_LOAD
#undef BP_ADD_PRODUCT
#undef BP_MASKED_STORE

#define BP_REAL double
#define BP_ADD_PRODUCT(sum, a, b) BP_ADD_PRODUCT_AS("vfmadd231pd", sum, a, b)
#define BP_LANES 8
#define BP_P(name) bp_##name##_f64_v4
#define BP_MASKED_LOAD(p, count) _mm512_maskz_loadu_pd((__mmask8)(0xff >> (8 - (count))), p)
#define BP_MASKED_STORE(p, count, v) \
    _mm512_mask_storeu_pd(p, (__mmask8)(0xff >> (8 - (count))), (__m512d)(v))
#include "product_loops.h"
#undef BP_REAL
#undef BP_LANES
#undef BP_P
#undef BP_MASKED_LOAD
#undef BP_ADD_PRODUCT
#undef BP_MASKED_STORE

#undef BP_TARGET
#undef BP_ENTRY
#undef BP_REGISTER
#undef BP_SUM
#endif /* BP_PRODUCTS_X86 */
#undef BP_DOT_ROWS
#undef BP_PACKS
#undef BP_ROWS_OF_3
#undef BP_ROWS_OF_2
#undef BP_BLOCK_BYTES
#undef BP_ROW_BYTES
#undef BP_PANEL_BYTES
#undef BP_PACK_FROM

/* ---- the choice of a level -------------------------------------------------------------- */

typedef void bp_dot_fn_f32(ptrdiff_t, ptrdiff_t, ptrdiff_t, float, const float *const *,
                           const float *, ptrdiff_t, float, float *, ptrdiff_t, bp_ahead *);
typedef void bp_rows_fn_f32(ptrdiff_t, ptrdiff_t, ptrdiff_t, float, const float *, ptrdiff_t,
                            ptrdiff_t, const float *const *, const float *, float, float *,
                            ptrdiff_t, bp_ahead *);
typedef void bp_fill_fn_f32(ptrdiff_t, ptrdiff_t, const float *, float *, ptrdiff_t);
typedef void bp_sums_fn_f32(ptrdiff_t, ptrdiff_t, ptrdiff_t, const float *, float, float, float *);
typedef void bp_dot_fn_f64(ptrdiff_t, ptrdiff_t, ptrdiff_t, double, const double *const *,
                           const double *, ptrdiff_t, double, double *, ptrdiff_t, bp_ahead *);
typedef void bp_rows_fn_f64(ptrdiff_t, ptrdiff_t, ptrdiff_t, double, const double *, ptrdiff_t,
                            ptrdiff_t, const double *const *, const double *, double, double *,
                            ptrdiff_t, bp_ahead *);
typedef void bp_fill_fn_f64(ptrdiff_t, ptrdiff_t, const double *, double *, ptrdiff_t);
typedef void bp_sums_fn_f64(ptrdiff_t, ptrdiff_t, ptrdiff_t, const double *, double, double,
                            double *);

static struct {
    int level; /* 2, 3 or 4, of x86-64's levels; 2 elsewhere */
    double most; /* multiplications of the largest product that is not left to BLAS */
    ptrdiff_t bp_lanes_f32, bp_lanes_f64;
    ptrdiff_t dot_rows, rows_of_3; /* of their tiles */
    bp_dot_fn_f32 *bp_dot_f32;
    bp_dot_fn_f64 *bp_dot_f64;
    bp_rows_fn_f32 *bp_rows_f32;
    bp_rows_fn_f64 *bp_rows_f64;
    bp_fill_fn_f32 *bp_fill_f32;
    bp_sums_fn_f32 *bp_column_sums_f32;
    bp_fill_fn_f64 *bp_fill_f64;
    bp_sums_fn_f64 *bp_column_sums_f64;
} bp_products;

/* Take the highest level that the processor has, but none above `limit`; returns it. */
static int bp_choose_products(int limit, double most)
{
    bp_products.most = most;
    bp_products.level = 2;
    bp_products.bp_lanes_f32 = bp_products.bp_lanes_f64 = 4;
    bp_products.dot_rows = 3;
    bp_products.rows_of_3 = 4;
    bp_products.bp_dot_f32 = bp_dot_f32_base;
    bp_products.bp_dot_f64 = bp_dot_f64_base;
    bp_products.bp_rows_f32 = bp_rows_f32_base;
    bp_products.bp_rows_f64 = bp_rows_f64_base;
    bp_products.bp_fill_f32 = bp_fill_f32_base;
    bp_products.bp_column_sums_f32 = bp_column_sums_f32_base;
    bp_products.bp_fill_f64 = bp_fill_f64_base;
    bp_products.bp_column_sums_f64 = bp_column_sums_f64_base;
#if BP_PRODUCTS_X86
    __builtin_cpu_init();
    if (limit >= 3 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        bp_products.level = 3;
        bp_products.bp_lanes_f32 = 8;
        bp_products.bp_dot_f32 = bp_dot_f32_v3;
        bp_products.bp_dot_f64 = bp_dot_f64_v3;
        bp_products.bp_rows_f32 = bp_rows_f32_v3;
        bp_products.bp_rows_f64 = bp_rows_f64_v3;
        bp_products.bp_fill_f32 = bp_fill_f32_v3;
        bp_products.bp_column_sums_f32 = bp_column_sums_f32_v3;
        bp_products.bp_fill_f64 = bp_fill_f64_v3;
        bp_products.bp_column_sums_f64 = bp_column_sums_f64_v3;
    }
    if (limit >= 4 && bp_products.level == 3 && __builtin_cpu_supports("avx512f")
        && __builtin_cpu_supports("avx512vl")) {
        bp_products.level = 4;
        bp_products.bp_lanes_f32 = 16;
        bp_products.bp_lanes_f64 = 8;
        bp_products.dot_rows = 4;
        bp_products.rows_of_3 = 8;
        bp_products.bp_dot_f32 = bp_dot_f32_v4;
        bp_products.bp_dot_f64 = bp_dot_f64_v4;
        bp_products.bp_rows_f32 = bp_rows_f32_v4;
        bp_products.bp_rows_f64 = bp_rows_f64_v4;
        bp_products.bp_fill_f32 = bp_fill_f32_v4;
        bp_products.bp_column_sums_f32 = bp_column_sums_f32_v4;
        bp_products.bp_fill_f64 = bp_fill_f64_v4;
        bp_products.bp_column_sums_f64 = bp_column_sums_f64_v4;
    }
#endif
    return bp_products.level;
}

static int bp_products_level(void) { return bp_products.level; }

/* Whether a product of (m, k) by (k, n) is one for the own loops. */
static int bp_is_small(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    return (double)m * (double)n * (double)k <= bp_products.most;
}

#define BP_REAL float
#define BP_P(name) bp_##name##_f32
#include "product_shapes.h"
#undef BP_REAL
#undef BP_P

#define BP_REAL double
#define BP_P(name) bp_##name##_f64
#include "product_shapes.h"
#undef BP_REAL
#undef BP_P

#else /* no vector types: every product goes to BLAS */

static int bp_choose_products(int limit, double most) { (void)limit; (void)most; return 0; }
static int bp_products_level(void) { return 0; }
static int bp_is_small(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{ (void)m; (void)n; (void)k; return 0; }
static void bp_product_f32(int a, int b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, float alpha,
                           const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb,
                           const float *bias, float beta, float *C, ptrdiff_t ldc) {}
static void bp_product_nt_f32(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *const *A,
                              const float *B, ptrdiff_t ldb, const float *bias, float *C,
                              ptrdiff_t ldc, const float *const *ahead, ptrdiff_t n_ahead) {}
static void bp_product_tn_f32(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, float alpha, const float *A,
                              ptrdiff_t lda, const float *const *B, float beta, float *C,
                              ptrdiff_t ldc, const float *const *ahead, ptrdiff_t n_ahead) {}
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
                              ptrdiff_t ldc, const double *const *ahead, ptrdiff_t n_ahead) {}
static void bp_product_tn_f64(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, double alpha, const double *A,
                              ptrdiff_t lda, const double *const *B, double beta, double *C,
                              ptrdiff_t ldc, const double *const *ahead, ptrdiff_t n_ahead) {}
static void bp_column_sums_f64(ptrdiff_t n, ptrdiff_t width, ptrdiff_t step, const double *A,
                               double alpha, double beta, double *out)
{
    for (ptrdiff_t j = 0; j < width; j++) out[j] = beta != 0 ? beta * out[j] : 0;
    for (ptrdiff_t k = 0; k < n; k++, A += step)
        for (ptrdiff_t j = 0; j < width; j++) out[j] += alpha * A[j];
}

#endif
#endif
