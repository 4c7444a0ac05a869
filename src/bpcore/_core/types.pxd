"""The element type of every kernel, and where each layer lies in the flat buffers."""

ctypedef fused real_t:
    float
    double

# Layer l (1 <= l <= L) of n_out units.  In θ and in ∇C its weights (n_out, n_in) start at
# `w`, its biases at `b`.  In a buffer made for some number of rows its (rows, n_out) block starts
# at rows * unit.
cdef struct Layer:
    Py_ssize_t n_in
    Py_ssize_t n_out
    Py_ssize_t w
    Py_ssize_t b
    Py_ssize_t unit
    int activation
    double parameter
    bint stores_da_dz       # σ'(z) cannot be told from a: forward keeps it
    double dropout          # the chance that a unit is left out of a training step

cdef struct Loss:
    int kind
    bint canonical          # δ^(L) = a - y with the output activation of this network
    bint given              # y is ∂C/∂a^(L) itself
    bint clips_probabilities    # report the entropies as scikit-learn does
    double parameter
    const double* quantiles  # of the quantile loss: one an output
    bint bounds_targets     # targets are from 0 to max_target
    double max_target

cdef struct Layout:
    Py_ssize_t n_layers     # L: the layers that have weights
    Layer* layers           # layers[l - 1] is layer l
    Py_ssize_t n_inputs
    Py_ssize_t n_outputs
    Py_ssize_t n_units      # Σ n_l over l = 1..L
    Py_ssize_t n_parameters
    bint is_single          # float32, else float64
    Py_ssize_t itemsize
    bint stores_da_dz       # some layer does
    bint has_dropout
    Loss loss

cdef enum:
    BY_BLOCK = -1           # z = x wᵀ + b by the own loop that suits so many rows as a block has

# Which products of a layer the own loops compute; BLAS the others.
cdef struct OwnProducts:
    int forward             # z = x wᵀ + b: 0 is BLAS, the others as `affine` has them
    bint delta              # δ w
    bint gradient           # δᵀ a

# Buffers for so many rows of every layer, one layer after the other (see Layer).  Those that are
# not wanted are NULL.
cdef struct Buffers:
    Py_ssize_t rows
    void* x                 # (rows, n_0): inputs that had to be gathered
    void* y                 # (rows, n_L)
    void* a
    void* z                 # every pre-activation, for a trace
    void* z_out             # (rows, n_L): those of layer L, for the losses
    void* da_dz             # σ'(z), of the layers that store it; in a trace of all
    void* delta
    void* dC_da             # for a trace
    void* bend              # what is added to each δ: of a cost that knows ∂a/∂x, by z through σ'
    const OwnProducts* own  # one a layer; NULL: all of all layers,
    int forward             # z = x wᵀ + b in this way then, or BY_BLOCK of `rows`

cdef inline Py_ssize_t ceil_div(Py_ssize_t n, Py_ssize_t size) noexcept nogil:
    """How many parts of `size` n make, the last one perhaps smaller."""
    return (n + size - 1) // size
