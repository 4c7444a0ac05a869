/* A leader and helpers share blocks as src/bpcore/pool.h says, for ThreadSanitizer (`make threads`).
 *
 * Phases of different length follow each other as those of a training do: each block reads what
 * the phase before has left in another block's place and writes its own, all in plain memory.
 * Without a happens-before between phases the sanitizer reports a race, and the sums are wrong.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"

enum { HELPERS = 3, PHASES = 600, MOST = 13 };

static bp_pool pool;
static long phase, length; /* of the open phase: plain, as the engine's are */
static long values[2][MOST];

static void work(ptrdiff_t block)
{
    const long *before = values[phase % 2];
    if (block < 0 || block >= length) {
        fprintf(stderr, "block %td of %ld\n", block, length);
        exit(3);
    }
    values[(phase + 1) % 2][block] = before[(block * 5 + 3) % MOST] + phase + block + length;
}

static void *help(void *unused)
{
    (void)unused;
    for (ptrdiff_t b = bp_pool_next(&pool); b >= 0; b = bp_pool_next(&pool)) {
        sched_yield(); /* the leader may be waiting for this block alone */
        work(b);
        bp_pool_done(&pool);
    }
    bp_pool_leave(&pool);
    return NULL;
}

static long run(int helpers)
{
    pthread_t thread;
    long sum = 0;
    memset(&pool, 0, sizeof pool);
    memset(values, 0, sizeof values);
    pool.size = 1 + helpers;
    for (int i = 0; i < helpers; i++)
        if (pthread_create(&thread, NULL, help, NULL) || pthread_detach(thread)) exit(2);
    for (long p = 0; p < PHASES; p++) {
        phase = p;
        length = 1 + p * 7 % MOST;
        bp_pool_open(&pool, length);
        if (p % 3 == 0) sched_yield(); /* a helper may be the first */
        for (ptrdiff_t b = bp_pool_take(&pool); b >= 0; b = bp_pool_take(&pool)) {
            work(b);
            bp_pool_done(&pool);
        }
        bp_pool_close(&pool, length);
    }
    bp_pool_quit(&pool);
    bp_pool_join(&pool); /* the next run writes to it */
    for (int i = 0; i < MOST; i++) sum = 31 * sum + values[0][i] + 17 * values[1][i];
    return sum;
}

int main(void)
{
    long alone = run(0);
    for (int turn = 0; turn < 3; turn++)
        if (run(HELPERS) != alone) {
            fprintf(stderr, "helpers changed the result\n");
            return 1;
        }
    printf("%d phases, the same with and without %d helpers\n", 4 * PHASES, HELPERS);
    return 0;
}
