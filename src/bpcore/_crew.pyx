"""A job, and the threads that do it together.

The threads are started for one call and joined at its end.  Nothing keeps running between two
calls, so a process may fork at any time, and nothing has to be shut down.
"""

import threading

from bpcore._blas cimport is_small
from bpcore._data cimport has_plain_rows
from bpcore._team cimport BP_HAS_TEAMS, bp_team_quit
from bpcore._train cimport assist, lead
from bpcore._types cimport Layer

# From how many inputs on rows are read through pointers instead of being copied.
cdef Py_ssize_t SCATTERED_INPUTS = 64


cdef class Crew:
    """Holds a job while it is done; `_engine` fills it in."""

    cdef bint scatter(self) noexcept:
        """Whether shuffled rows can be read where they lie: plain rows, small products."""
        cdef const Layer* first = &self.job.layout.layers[0]
        cdef Py_ssize_t units = self.workspace.pieces[0].units
        if self.job.examples.order == NULL or first.n_in < SCATTERED_INPUTS \
                or not is_small(self.workspace.block, first.n_out, first.n_in) \
                or not is_small(units, first.n_in, self.workspace.capacity):
            return False
        if self.single:
            return has_plain_rows[float](self.job.examples.x, <float*>self.theta)
        return has_plain_rows[double](self.job.examples.x, <double*>self.theta)

    def help(self, int number):
        """A helper's part in the job."""
        with nogil:
            if self.single:
                assist[float](&self.job, self.workspace, self.optimizer, number,
                            <float*>self.theta)
            else:
                assist[double](&self.job, self.workspace, self.optimizer, number,
                             <double*>self.theta)

    cdef int run(self, int members) except -1:
        """Do the job with at most so many threads, this one being the leader.

        Raises what a signal handler has raised meanwhile.
        """
        try:
            self.gather_helpers(members)
            self.lead_once()
        finally:
            self.dismiss()
        return 0

    cdef int gather_helpers(self, int members) except -1:
        """Start the threads; they wait for `lead_once`, which may come many times, and end with
        `dismiss`, which has to come."""
        self.helpers = []
        self.job.team.size = 1
        for number in range(1, members if BP_HAS_TEAMS else 1):
            helper = threading.Thread(target=self.help, args=(number,),
                                      name=f"bpcore-{number}", daemon=True)
            try:
                helper.start()
            except RuntimeError:    # no more threads to be had: fewer do the same
                break
            self.helpers.append(helper)
        self.job.team.size = 1 + <int>len(self.helpers)
        return 0

    cdef int lead_once(self) except -1:
        """Do the job; raises what a signal handler has raised meanwhile."""
        with nogil:
            if self.single:
                lead[float](&self.job, self.workspace, self.optimizer, <float*>self.theta)
            else:
                lead[double](&self.job, self.workspace, self.optimizer, <double*>self.theta)
        if self.workspace.error is not None:
            error, self.workspace.error = self.workspace.error, None
            raise error
        return 0

    cdef int dismiss(self) except -1:
        """Let the threads end."""
        bp_team_quit(&self.job.team)
        for helper in self.helpers:
            helper.join()
        return 0
