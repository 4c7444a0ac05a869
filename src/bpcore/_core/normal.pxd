from bpcore._core.job cimport Job
from bpcore._core.types cimport Layout

cdef Py_ssize_t normal_tiles(const Layout* layout) noexcept nogil
cdef void normal_rows(const Job* job, Py_ssize_t task, int thread,
                      const double* theta) noexcept nogil
cdef void normal_tile(const Job* job, Py_ssize_t tile) noexcept nogil
