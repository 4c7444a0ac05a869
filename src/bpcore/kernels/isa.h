/* Which instruction sets the compiler and the processor offer the own loops. */
#ifndef BPCORE_ISA_H
#define BPCORE_ISA_H

#if defined(__has_builtin)
#  if __has_builtin(__builtin_shufflevector)
#    define BP_HAS_VECTORS 1
#  endif
#endif
#ifndef BP_HAS_VECTORS
#  define BP_HAS_VECTORS 0 /* MSVC, say: BLAS does every product */
#endif

#if BP_HAS_VECTORS && defined(__x86_64__)
#  include <immintrin.h>
#  define BP_HAS_AVX 1
#else
#  define BP_HAS_AVX 0
#endif

/* Of an array that vectors are read from: it begins where a line of the caches does. */
#if defined(_MSC_VER)
#  define BP_ALIGNED __declspec(align(64))
#else
#  define BP_ALIGNED __attribute__((aligned(64)))
#endif

/* Before a loop of at most sixteen steps that is to become straight code. */
#if defined(__clang__)
#  define BP_UNROLLED _Pragma("clang loop unroll(full)")
#else
#  define BP_UNROLLED _Pragma("GCC unroll 16")
#endif

/* Whether the lowest level is x86-64's. */
static inline int bp_is_x86(void) { return BP_HAS_AVX; }

/* Of x86-64's levels 3 (AVX2, FMA) and 4 (AVX-512) the highest that this processor has and that
 * `limit` allows; else 2, which is the lowest of x86-64 and stands for other processors too; 0
 * without vector types. */
static int bp_supported_isa(int limit)
{
#if BP_HAS_AVX
    __builtin_cpu_init();
    if (limit >= 3 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("popcnt"))
        return limit >= 4 && __builtin_cpu_supports("avx512f")
                && __builtin_cpu_supports("avx512vl") ? 4 : 3;
#else
    (void)limit;
#endif
    return BP_HAS_VECTORS ? 2 : 0;
}

#endif
