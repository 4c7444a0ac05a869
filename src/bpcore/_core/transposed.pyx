"""w^(1) transposed, which a network keeps from one prediction to the next.

Of an input that is not zero a prediction needs the weights to all units.  They lie side by side
in w^(1) transposed, (n_in, n_1); in θ each is in another line of the caches.  To transpose w^(1)
takes as long as to read it for so many such inputs where it lies (`sparse_keeping_share`, about
n_in).  So it is done once predictions with the same θ have had that many: all of them together
take at most about twice what they would have taken had it been known how many will come.

Whoever holds a view of θ may write to it at any time: the copy serves only while nobody does, and
only for the θ that it was made from (`Parameters.changes`).  Whole vectors of few units are mostly
empty: where the copy would be much larger than w^(1) there is none.
"""

from bpcore._core.memory import zeros

cimport numpy as cnp

from bpcore._core.epoch cimport Run
from bpcore._core.parameters cimport Parameters
from bpcore._core.products cimport has_sparse_loops, padded_width, transpose
from bpcore._core.rows cimport Rows
from bpcore._core.tuning cimport TUNING
from bpcore._core.types cimport Layer

cnp.import_array()


cdef class TransposedWeights:
    """w^(1) of a network, transposed, and whether it is time to make it."""

    cdef int serve(self, Run run, Parameters network, Rows x) except -1:
        """Give a prediction of rows that are mostly zero w^(1) transposed, if that is to be.

        Raises
        ------
        MemoryError
            If it has to be, and there is not so much memory.
        """
        cdef cnp.ndarray w_t = self._take(network, x, run.job.plan.transposes)
        if w_t is not None:
            run.owners += (w_t,)
            run.job.memory.sparse.w_t = cnp.PyArray_DATA(w_t)
            run.job.memory.sparse.in_order = not run.job.plan.transposes
        return 0

    cdef cnp.ndarray _take(self, Parameters network, Rows x, bint is_needed):
        """w^(1) transposed; None where it is better read where it lies."""
        cdef cnp.ndarray made
        cdef unsigned long long changes = network.changes
        cdef bint is_own = not network._may_be_written()
        if not is_own or changes != self.changes:
            self.kept, self.inputs, self.changes = None, 0, changes
        if self.kept is not None:
            return self.kept
        if not is_needed:
            if not is_own or not has_sparse_loops() or _is_too_large(network) \
                    or self.inputs < TUNING.sparse_keeping_share * x.view.n_columns:
                self.inputs += x.density() * x.view.n_rows * x.view.n_columns
                return None
        try:
            made = _transposed(network)
        except MemoryError:
            if is_needed:
                raise
            return None
        if is_own and changes == network.changes and not network._may_be_written() \
                and not _is_too_large(network):
            self.kept = made
        return made


cdef bint _is_too_large(Parameters network) noexcept:
    """Whether the copy is not worth its memory."""
    cdef const Layer* first = &network.layout.layers[0]
    cdef double numbers = <double>first.n_in * padded_width(first.n_out, network.layout.itemsize)
    return numbers > 4.0 * first.n_in * first.n_out \
        and numbers * network.layout.itemsize > TUNING.sparse_keeping_bytes


cdef cnp.ndarray _transposed(Parameters network):
    """w^(1) of θ, transposed; zeros where a row's last vector is not full."""
    cdef const Layer* first = &network.layout.layers[0]
    cdef Py_ssize_t ldw = padded_width(first.n_out, network.layout.itemsize)
    cdef cnp.ndarray made = zeros(<object>first.n_in * ldw, network.dtype)
    cdef void* out = cnp.PyArray_DATA(made)
    with nogil:
        if network.layout.is_single:
            transpose(first.n_out, first.n_in, <const float*>network.theta + first.w, first.n_in,
                      <float*>out, ldw)
        else:
            transpose(first.n_out, first.n_in, <const double*>network.theta + first.w, first.n_in,
                      <double*>out, ldw)
    return made
