"""The door to ``copy.h``."""

cdef extern from "copy.h" nogil:
    void bp_copy_rows(const char* data, Py_ssize_t stride, const Py_ssize_t* order, Py_ssize_t n,
                      Py_ssize_t known, Py_ssize_t bytes, char* out, Py_ssize_t apart)
