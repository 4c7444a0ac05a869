/* The own loops with AVX2 and FMA: vectors of 32 bytes, 16 registers. */

#define BP_TARGET static inline __attribute__((always_inline, target("avx2,fma,popcnt")))
#define BP_ENTRY static __attribute__((noinline, target("avx2,fma,popcnt")))
#define BP_PACKS 1
#define BP_DOT_ROWS 3
#define BP_ROWS_OF_3 4
#define BP_ROWS_OF_2 6
#define BP_SUM(value) "+x"(value)
#define BP_REGISTER(value) "x"(value)

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

/* So many lanes on, counted back from the middle. */
static const int32_t bp_mask_32[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
static const int64_t bp_mask_64[8] = {-1, -1, -1, -1};

#define BP_REAL float
#define BP_LANES 8
#define BP_P(name) bp_##name##_f32_avx2
#define BP_ADD_PRODUCT(sum, a, b) BP_ADD_PRODUCT_AS("vfmadd231ps", sum, a, b)
#define BP_MASKED_LOAD(p, count) \
    _mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *)(bp_mask_32 + 8 - (count))))
#define BP_COMPRESS bp_compress_eight
#include "gemm_tiles.h"
#include "transpose_tiles.h"
#include "sparse_tiles.h"
#include "gemm_undef.h"

#define BP_REAL double
#define BP_LANES 4
#define BP_P(name) bp_##name##_f64_avx2
#define BP_ADD_PRODUCT(sum, a, b) BP_ADD_PRODUCT_AS("vfmadd231pd", sum, a, b)
#define BP_MASKED_LOAD(p, count) \
    _mm256_maskload_pd(p, _mm256_loadu_si256((const __m256i *)(bp_mask_64 + 4 - (count))))
#define BP_COMPRESS bp_compress_four
#include "gemm_tiles.h"
#include "transpose_tiles.h"
#include "sparse_tiles.h"
#include "gemm_undef.h"

#include "gemm_undef_level.h"
