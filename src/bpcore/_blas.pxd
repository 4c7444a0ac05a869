from bpcore._types cimport real_t

cdef void gemm(bint trans_a, bint trans_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
               real_t alpha, const real_t* A, Py_ssize_t lda,
               const real_t* B, Py_ssize_t ldb,
               real_t beta, real_t* C, Py_ssize_t ldc) noexcept nogil
cdef bint is_small(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil
cdef void weighted_inputs(Py_ssize_t n, Py_ssize_t n_out, Py_ssize_t n_in, const real_t** x,
                          Py_ssize_t ldx, const real_t* w, const real_t* b, real_t* z,
                          const real_t** ahead, Py_ssize_t n_ahead) noexcept nogil
cdef void column_sums(Py_ssize_t n, Py_ssize_t width, Py_ssize_t step, const real_t* A,
                      real_t alpha, real_t beta, real_t* out) noexcept nogil
cdef void transposed_times_rows(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, real_t alpha,
                                const real_t* A, Py_ssize_t lda, const real_t** B, real_t beta,
                                real_t* C, Py_ssize_t ldc, const real_t** ahead,
                                Py_ssize_t n_ahead) noexcept nogil
