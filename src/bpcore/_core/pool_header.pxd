cdef extern from "pool.h" nogil:
    ctypedef struct bp_team:
        int size
    const int BP_HAS_TEAMS
    void bp_team_open(bp_team*, Py_ssize_t n)
    Py_ssize_t bp_team_take(bp_team*)
    void bp_team_done(bp_team*)
    void bp_team_close(bp_team*, Py_ssize_t n)
    Py_ssize_t bp_team_next(bp_team*)
    void bp_team_quit(bp_team*)
    void bp_team_leave(bp_team*)
    void bp_team_join(bp_team*)
