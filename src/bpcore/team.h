/* A leader and helpers that share the blocks of one phase of the work after another.
 *
 * The leader opens a phase of n blocks; it and the helpers take blocks until none is left; when
 * all are done the leader goes on.  It never waits for a helper that holds no block: one that
 * the system has put aside comes late, and nobody minds.  The threads are Python's, started for
 * one call and joined at its end; here is only how they share.  Waiting spins, since a phase
 * takes microseconds, and gives the processor away after a while.
 */
#ifndef BPCORE_TEAM_H
#define BPCORE_TEAM_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#  define BP_HAS_TEAMS 1
#  if !defined(_WIN32)
#    include <sched.h>
#  endif
#else
#  define BP_HAS_TEAMS 0
#endif

#define BP_SPINS 5000

typedef struct {
    int size;          /* 1: no helpers */
    int quit;
    char gap_0[64];
    uint64_t ticket;   /* n in the upper half, the next block in the lower */
    char gap_1[64];
    uint64_t done;     /* blocks of this phase */
    char gap_2[64];
} bp_team;

#if BP_HAS_TEAMS

static inline void bp_wait_a_little(int *spins)
{
    if (*spins < BP_SPINS) {
        ++*spins;
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    } else {
#if !defined(_WIN32)
        sched_yield();
#endif
    }
}

/* Leader: open a phase of n blocks.  What the blocks need has been written before. */
static inline void bp_team_open(bp_team *team, ptrdiff_t n)
{
    __atomic_store_n(&team->done, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&team->ticket, (uint64_t)n << 32, __ATOMIC_RELEASE);
}

/* The next block, or -1 where none is left. */
static inline ptrdiff_t bp_team_take(bp_team *team)
{
    uint64_t ticket = __atomic_load_n(&team->ticket, __ATOMIC_ACQUIRE);
    if ((uint32_t)ticket >= ticket >> 32) return -1;
    ticket = __atomic_fetch_add(&team->ticket, 1, __ATOMIC_ACQ_REL);
    return (uint32_t)ticket < ticket >> 32 ? (ptrdiff_t)(uint32_t)ticket : -1;
}

/* A block that was taken is done. */
static inline void bp_team_done(bp_team *team)
{
    __atomic_fetch_add(&team->done, 1, __ATOMIC_RELEASE);
}

/* Leader: wait until all n blocks are done. */
static inline void bp_team_close(bp_team *team, ptrdiff_t n)
{
    int spins = 0;
    while (__atomic_load_n(&team->done, __ATOMIC_ACQUIRE) < (uint64_t)n) bp_wait_a_little(&spins);
}

/* Helper: the next block of this phase or a later one; -1 when the work is over. */
static inline ptrdiff_t bp_team_next(bp_team *team)
{
    int spins = 0;
    for (;;) {
        ptrdiff_t block = bp_team_take(team);
        if (block >= 0) return block;
        if (__atomic_load_n(&team->quit, __ATOMIC_ACQUIRE)) return -1;
        bp_wait_a_little(&spins);
    }
}

static inline void bp_team_quit(bp_team *team)
{
    __atomic_store_n(&team->quit, 1, __ATOMIC_RELEASE);
}

#else /* one thread only */

static inline void bp_team_open(bp_team *team, ptrdiff_t n) { (void)team; (void)n; }
static inline ptrdiff_t bp_team_take(bp_team *team) { (void)team; return -1; }
static inline void bp_team_done(bp_team *team) { (void)team; }
static inline void bp_team_close(bp_team *team, ptrdiff_t n) { (void)team; (void)n; }
static inline ptrdiff_t bp_team_next(bp_team *team) { (void)team; return -1; }
static inline void bp_team_quit(bp_team *team) { (void)team; }

#endif
#endif
