from bpcore._core.job cimport Job
from bpcore._core.types cimport Layout, real_t

cdef Py_ssize_t normal_tiles(const Layout* layout) noexcept nogil
cdef void normal_rows(const Job* job, Py_ssize_t task, int thread,
                      const real_t* theta) noexcept nogil
cdef void normal_tile(const Job* job, Py_ssize_t tile, const real_t* theta) noexcept nogil
