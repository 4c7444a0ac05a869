"""A phase of work that threads share; see pool.h."""

cdef extern from "pool.h" nogil:
    ctypedef struct bp_pool:
        int size
    const int BP_HAS_POOL
    void bp_pool_open(bp_pool*, Py_ssize_t n)
    Py_ssize_t bp_pool_take(bp_pool*)
    void bp_pool_done(bp_pool*)
    void bp_pool_close(bp_pool*, Py_ssize_t n)
    Py_ssize_t bp_pool_next(bp_pool*)
    void bp_pool_quit(bp_pool*)
    void bp_pool_leave(bp_pool*)
    void bp_pool_join(bp_pool*)
