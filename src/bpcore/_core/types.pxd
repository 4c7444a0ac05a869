"""The element type of every kernel, and where each layer lies in the flat buffers."""

ctypedef fused real_t:
    float
    double

# The same numbers as in elementary.h.
cdef enum Activation:
    IDENTITY = 0
    SIGMOID
    TANH
    RELU
    LEAKY_RELU
    ELU
    SOFTPLUS
    GELU
    SILU
    EXPONENTIAL
    SOFTMAX

cdef enum LossKind:
    QUADRATIC = 0
    SQUARED_ERROR
    ABSOLUTE
    HUBER
    QUANTILE
    BINARY_CROSS_ENTROPY
    CATEGORICAL_CROSS_ENTROPY
    POISSON

# Layer l (1 <= l <= L) of n_out units.  In θ and in ∇C its weights (n_out, n_in) start at
# `w`, its biases at `b`.  In a buffer made for `microbatch_rows` rows its (microbatch_rows, n_out) block
# starts at microbatch_rows * unit.
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
    bint clip               # report the entropies as scikit-learn does
    double parameter
    const double* quantiles  # QUANTILE: one an output

cdef struct Layout:
    Py_ssize_t n_layers     # L: the layers that have weights
    Layer* layers           # layers[l - 1] is layer l
    Py_ssize_t n_inputs
    Py_ssize_t n_outputs
    Py_ssize_t n_units      # Σ n_l over l = 1..L
    Py_ssize_t n_parameters
    Loss loss
