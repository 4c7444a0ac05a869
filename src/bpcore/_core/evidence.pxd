cdef double determined(const double* normal, double* work, const double* penalised, Py_ssize_t n,
                       double penalty) noexcept nogil
