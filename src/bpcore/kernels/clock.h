/* A clock that needs no interpreter: seconds since some moment, never set back. */

#ifndef BPCORE_CLOCK_H
#define BPCORE_CLOCK_H

#ifdef _WIN32
#include <windows.h>

static inline double bp_seconds(void)
{
    LARGE_INTEGER now, a_second;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&a_second);
    return (double)now.QuadPart / (double)a_second.QuadPart;
}
#else
#include <time.h>

static inline double bp_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
#endif

#endif
