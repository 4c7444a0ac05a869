from bpcore._core.types cimport Layout, real_t

cdef void delta_recursion(const Layout* layout, const real_t* theta, Py_ssize_t n,
                          Py_ssize_t row, Py_ssize_t microbatch_rows, const real_t* a,
                          const real_t* da_dz, real_t* delta, real_t* dC_da,
                          real_t* dC_dx) noexcept nogil
cdef void weight_gradient(const Layout* layout, Py_ssize_t l, Py_ssize_t first, Py_ssize_t units,
                         const real_t** x, Py_ssize_t ldx, const real_t** prefetch,
                         Py_ssize_t n_prefetch, Py_ssize_t n, Py_ssize_t row, Py_ssize_t microbatch_rows,
                         const real_t* a, const real_t* delta, real_t alpha, real_t beta,
                         real_t* of_w, real_t beta_b, real_t* of_b) noexcept nogil
