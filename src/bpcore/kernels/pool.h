/* A leader and workers that share the tasks of one phase of the work after another.
 *
 * The leader opens a phase of n tasks; it and the workers take tasks until none is left; when
 * all are done the leader goes on.  It never waits for a worker that holds no task: one that
 * the system has put aside comes late, and nobody minds.  The threads are started for one call and
 * waited for at its end; here is only how they share.  Waiting spins, since a phase takes
 * microseconds, and gives the processor away after a while.
 */
#ifndef BPCORE_POOL_H
#define BPCORE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "tuning.h"

#if defined(_WIN32)
#  ifndef WIN32_LEAN_AND_MEAN
#    define WIN32_LEAN_AND_MEAN
#  endif
#  ifndef NOMINMAX
#    define NOMINMAX
#  endif
#  include <windows.h>
#  define BP_HAS_POOL 1
#elif defined(__GNUC__)
#  include <sched.h>
#  define BP_HAS_POOL 1
#else
#  define BP_HAS_POOL 0
#endif

typedef struct {
    int size;          /* 1: no workers */
    uint64_t quit;
    char gap_0[64];
    uint64_t ticket;   /* n in the upper half, the next task in the lower */
    char gap_1[64];
    uint64_t done;     /* tasks of this phase */
    char gap_2[64];
    uint64_t left;     /* workers that have gone */
} bp_pool;

#if BP_HAS_POOL

/* What threads read and write at once.  A read sees what was written before the write that it
 * reads; Windows has it from its own functions, whatever the compiler. */
#if defined(_WIN32)

static inline uint64_t bp_atomic_add(uint64_t *at, uint64_t n)
{
    return (uint64_t)InterlockedExchangeAdd64((LONG64 volatile *)at, (LONG64)n);
}

static inline uint64_t bp_atomic_read(uint64_t *at) { return bp_atomic_add(at, 0); }

static inline void bp_atomic_write(uint64_t *at, uint64_t n)
{
    InterlockedExchange64((LONG64 volatile *)at, (LONG64)n);
}

static inline void bp_pause(void) { YieldProcessor(); }
static inline void bp_yield(void) { SwitchToThread(); }

#else

static inline uint64_t bp_atomic_add(uint64_t *at, uint64_t n)
{
    return __atomic_fetch_add(at, n, __ATOMIC_ACQ_REL);
}

static inline uint64_t bp_atomic_read(uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static inline void bp_atomic_write(uint64_t *at, uint64_t n)
{
    __atomic_store_n(at, n, __ATOMIC_RELEASE);
}

static inline void bp_pause(void)
{
#  if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#  elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#  endif
}

static inline void bp_yield(void) { sched_yield(); }

#endif

static inline void bp_wait_a_little(int *spins)
{
    if (*spins < BP_SPINS) {
        ++*spins;
        bp_pause();
    } else {
        bp_yield();
    }
}

/* Leader: open a phase of n tasks.  What the tasks need has been written before. */
static inline void bp_pool_open(bp_pool *pool, ptrdiff_t n)
{
    bp_atomic_write(&pool->done, 0);
    bp_atomic_write(&pool->ticket, (uint64_t)n << 32);
}

/* The next task, or -1 where none is left. */
static inline ptrdiff_t bp_pool_take(bp_pool *pool)
{
    uint64_t ticket = bp_atomic_read(&pool->ticket);
    if ((uint32_t)ticket >= ticket >> 32) return -1;
    ticket = bp_atomic_add(&pool->ticket, 1);
    return (uint32_t)ticket < ticket >> 32 ? (ptrdiff_t)(uint32_t)ticket : -1;
}

/* A task that was taken is done. */
static inline void bp_pool_done(bp_pool *pool)
{
    bp_atomic_add(&pool->done, 1);
}

/* Leader: wait until all n tasks are done. */
static inline void bp_pool_close(bp_pool *pool, ptrdiff_t n)
{
    int spins = 0;
    while (bp_atomic_read(&pool->done) < (uint64_t)n) bp_wait_a_little(&spins);
}

/* Worker: the next task of this phase or a later one; -1 when the work is over. */
static inline ptrdiff_t bp_pool_next(bp_pool *pool)
{
    int spins = 0;
    for (;;) {
        ptrdiff_t task = bp_pool_take(pool);
        if (task >= 0) return task;
        if (bp_atomic_read(&pool->quit)) return -1;
        bp_wait_a_little(&spins);
    }
}

static inline void bp_pool_quit(bp_pool *pool)
{
    bp_atomic_write(&pool->quit, 1);
}

/* Worker: the last thing that it does. */
static inline void bp_pool_leave(bp_pool *pool)
{
    bp_atomic_add(&pool->left, 1);
}

/* Leader: wait until all workers have left. */
static inline void bp_pool_join(bp_pool *pool)
{
    int spins = 0;
    while (bp_atomic_read(&pool->left) < (uint64_t)(pool->size - 1)) bp_wait_a_little(&spins);
}

#else /* one thread only */

static inline void bp_pool_open(bp_pool *pool, ptrdiff_t n) { (void)pool; (void)n; }
static inline ptrdiff_t bp_pool_take(bp_pool *pool) { (void)pool; return -1; }
static inline void bp_pool_done(bp_pool *pool) { (void)pool; }
static inline void bp_pool_close(bp_pool *pool, ptrdiff_t n) { (void)pool; (void)n; }
static inline ptrdiff_t bp_pool_next(bp_pool *pool) { (void)pool; return -1; }
static inline void bp_pool_quit(bp_pool *pool) { (void)pool; }
static inline void bp_pool_leave(bp_pool *pool) { (void)pool; }
static inline void bp_pool_join(bp_pool *pool) { (void)pool; }

#endif
#endif
