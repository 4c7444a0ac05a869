from bpcore._core.rows cimport MatrixView
from bpcore._core.epoch cimport Job, Workspace
from bpcore._core.types cimport Layout, real_t

cdef void per_sample_gradients(const Job* job, const real_t* theta, Workspace workspace,
                               real_t* out) noexcept nogil
cdef void jacobian(const Layout* layout, const MatrixView* x, const real_t* theta,
                   Workspace workspace, real_t* dC_dx, real_t* out) noexcept nogil
cdef double trace(const Layout* layout, const MatrixView* x, const MatrixView* y, const double* weights,
                  double scale, const real_t* theta, Workspace w, real_t* a_0, real_t* y_buffer,
                  real_t* z, real_t* a, real_t* da_dz, real_t* dC_da, real_t* delta,
                  real_t* dC_dx, double* costs, real_t* gradient) noexcept nogil
