/* The own loops with AVX-512: vectors of 64 bytes, 32 registers, masks. */

#define BP_TARGET static inline __attribute__((always_inline, target("avx512f,avx512vl,fma,popcnt")))
#define BP_ENTRY static __attribute__((noinline, target("avx512f,avx512vl,fma,popcnt")))
#define BP_PACKS 0
#define BP_DOT_ROWS 4
#define BP_ROWS_OF_3 8
#define BP_ROWS_OF_2 8
#define BP_SUM(value) "+v"(value)
#define BP_REGISTER(value) "v"(value)

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

#define BP_REAL float
#define BP_LANES 16
#define BP_P(name) bp_##name##_f32_avx512
#define BP_ADD_PRODUCT(sum, a, b) BP_ADD_PRODUCT_AS("vfmadd231ps", sum, a, b)
#define BP_MASKED_LOAD(p, count) _mm512_maskz_loadu_ps((__mmask16)(0xffff >> (16 - (count))), p)
#define BP_MASKED_STORE(p, count, v) \
    _mm512_mask_storeu_ps(p, (__mmask16)(0xffff >> (16 - (count))), (__m512)(v))
#define BP_COMPRESS bp_compress_sixteen
#include "gemm_tiles.h"
#include "transpose_tiles.h"
#include "sparse_tiles.h"
#include "gemm_undef.h"

#define BP_REAL double
#define BP_LANES 8
#define BP_P(name) bp_##name##_f64_avx512
#define BP_ADD_PRODUCT(sum, a, b) BP_ADD_PRODUCT_AS("vfmadd231pd", sum, a, b)
#define BP_MASKED_LOAD(p, count) _mm512_maskz_loadu_pd((__mmask8)(0xff >> (8 - (count))), p)
#define BP_MASKED_STORE(p, count, v) \
    _mm512_mask_storeu_pd(p, (__mmask8)(0xff >> (8 - (count))), (__m512d)(v))
#define BP_COMPRESS bp_compress_eight_doubles
#include "gemm_tiles.h"
#include "transpose_tiles.h"
#include "sparse_tiles.h"
#include "gemm_undef.h"

#include "gemm_undef_level.h"
