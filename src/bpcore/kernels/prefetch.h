/* Rows that the next product will read, fetched into the caches while this one computes.
 *
 * In one burst they would fill the processor's queue of misses, and this product's own loads
 * would wait behind them; so a few bytes are asked for with each step of its loops.
 */
#ifndef BPCORE_PREFETCH_H
#define BPCORE_PREFETCH_H

#include <stddef.h>

#if defined(__GNUC__)
/* Into the second cache: the first one has places for some two dozen lines on their way, which
 * this product's own loads need. */
#  define BP_PREFETCH(p) __builtin_prefetch(p, 0, 2)
#  define BP_STEP static inline __attribute__((always_inline))
#else
#  define BP_PREFETCH(p) ((void)(p))
#  define BP_STEP static inline
#endif

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

/* The rows, spread over `steps` steps of a product and a few to spare. */
static inline bp_prefetch bp_prefetch_rows(const void *const *rows, ptrdiff_t n, ptrdiff_t bytes,
                                           ptrdiff_t steps)
{
    bp_prefetch prefetch = {rows, n, bytes, 0, 0, 0};
    if (n <= 0 || steps <= 0) return bp_no_prefetch();
    prefetch.rate = (n * bytes + n * bytes / 4) / steps + 1;
    return prefetch;
}

/* Where the next `steps` steps begin to fetch, and how many bytes apart. */
BP_STEP const char *bp_prefetch_next(bp_prefetch *prefetch, ptrdiff_t steps, ptrdiff_t *step)
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

BP_STEP void bp_prefetch_now(bp_prefetch *prefetch, ptrdiff_t steps)
{
    ptrdiff_t step;
    if (prefetch->row < prefetch->n) {
        const char *from = bp_prefetch_next(prefetch, steps, &step);
        ptrdiff_t bytes = steps * step;
        for (ptrdiff_t i = 0; i < bytes; i += 64) BP_PREFETCH(from + i);
    }
}

#endif
