/* The own loops on the lowest level: vectors of 16 bytes where the processor has them. */

#define BP_TARGET static inline __attribute__((always_inline))
#define BP_ENTRY static __attribute__((noinline))
#define BP_PACKS 1
#define BP_DOT_ROWS 3
#define BP_ROWS_OF_3 4
#define BP_ROWS_OF_2 6

#define BP_REAL float
#define BP_LANES 4
#define BP_P(name) bp_##name##_f32_base
#define BP_ADD_PRODUCT(sum, a, b) sum += (a) * (b)
#include "gemm_tiles.h"
#include "transpose_tiles.h"
#include "sparse_tiles.h"
#include "gemm_undef.h"

#define BP_REAL double
#define BP_LANES 2
#define BP_P(name) bp_##name##_f64_base
#define BP_ADD_PRODUCT(sum, a, b) sum += (a) * (b)
#include "gemm_tiles.h"
#include "transpose_tiles.h"
#include "sparse_tiles.h"
#include "gemm_undef.h"

#include "gemm_undef_level.h"
