cimport numpy as cnp

from bpcore._core.engine cimport Engine
from bpcore._core.epoch cimport Run
from bpcore._core.rows cimport Rows

cdef class LeastSquares:
    cdef readonly Engine network
    cdef readonly Rows x
    cdef readonly Rows y
    cdef readonly cnp.ndarray sample_weight
    cdef readonly object converged      # why no iteration is worth while any more; None: one is
    cdef readonly double damping        # μ
    cdef readonly double l2
    cdef readonly bint evidence         # l2 is found from the data
    cdef readonly double effective      # γ
    cdef readonly double noise          # σ², of an example of weight 1
    cdef readonly list estimates        # l2, γ and σ² after each iteration
    cdef double residuals               # how many
    cdef double ceiling                 # λ stays below
    cdef double gained                  # the last step, over the cost before
    cdef double first_damping           # without the unit of JᵀJ
    cdef readonly Py_ssize_t epochs
    cdef double ftol
    cdef double xtol
    cdef bint is_scaled                 # μ has the unit of JᵀJ
    cdef double growth                  # ν, what μ grows by after a step that is no good
    cdef double half                    # C_k is so many times Σ r²
    cdef double squares                 # rᵀ S r at θ; -1: not known
    cdef bint is_linearised             # `normal` is that of θ
    cdef readonly bint is_entered
    cdef object blas
    cdef Run normal_run
    cdef Run cost_run
    cdef cnp.ndarray normal             # [J r]ᵀ[J r], the upper triangle
    cdef cnp.ndarray factor             # its Cholesky factor
    cdef cnp.ndarray penalised          # 1 where l2 holds, 0 elsewhere
    cdef cnp.ndarray step
    cdef cnp.ndarray trial
    cdef int _do(self, Run run) except -1
    cdef int _linearise(self) except -1
    cdef double _squares(self, const double* theta) except? -1
    cdef double _penalty(self, const double* theta) noexcept
    cdef bint _solve(self) noexcept
    cdef object _iterate(self)
    cdef bint _try_step(self) except -1
    cdef double _curvature(self) noexcept
    cdef int _go_by_evidence(self) except -1
    cdef double _estimate(self) except -1
