from bpcore._core.rows cimport MatrixView
from bpcore._core.optimizers cimport Optimizer, UpdateCoefficients
from bpcore._core.sparse cimport Sparse
from bpcore._core.pool_header cimport bp_pool
from bpcore._core.types cimport Layout, real_t

# What is added to the gradient of a batch, or done to it, before the update.
cdef struct Regularisation:
    double l2               # ½ l2 Σ w² / Σ s, on weights
    double l1               # l1 Σ |w| / Σ s, on weights
    double decay            # decoupled: w ← (1 - η decay) w
    double clip             # largest_shard norm of ∇C; 0: no limit

# The rows that a pass goes through.
cdef struct Examples:
    const MatrixView* x
    const MatrixView* y
    const Py_ssize_t* order         # NULL: as they lie
    const double* weights           # one a row of the view, or NULL

# Some units of a layer, or of a sparse first layer some inputs: the parameters that one thread of a
# pool updates.  In θ its n_w weights start at w, in w_t if the layer is a sparse first one; its n_b
# biases start at b of θ.
cdef struct Shard:
    Py_ssize_t layer
    Py_ssize_t first
    Py_ssize_t units
    Py_ssize_t w
    Py_ssize_t n_w
    Py_ssize_t b
    Py_ssize_t n_b

cdef enum Task:
    PREDICT = 0     # a^(L) of every row
    COST            # C of one batch
    GRADIENT        # C and ∇C of one batch
    TRAIN           # an update a batch

# What a block is: rows of a prediction or of a pass, or a shard of a layer.
cdef enum PhaseKind:
    PREDICT_ROWS = 0
    TRAIN_ROWS          # forward, and back
    ACCUMULATE      # a shard of the gradient, added to that of earlier passes
    PENALISE            # penalties of a shard of the whole gradient, its squares
    APPLY        # a shard of θ from the whole gradient
    FUSED_UPDATE              # gradient and update of a shard in one go

cdef struct Phase:
    int kind
    Py_ssize_t start            # the first row of the pass, in the order
    Py_ssize_t rows             # how many it has
    Py_ssize_t next_start       # the first row of the next pass; -1: there is none
    Py_ssize_t first_cost       # where the costs of its ceil_div go
    double scale                # 1 / Σ s of the batch
    bint add                    # to what earlier passes of the batch have found
    double factor               # what the whole gradient is shortened by
    UpdateCoefficients step

cdef struct Job:
    const Layout* layout
    Examples examples
    Regularisation regularisation
    int task
    Py_ssize_t n_rows
    Py_ssize_t batch_size
    unsigned long long seed     # of dropout
    bint applies_dropout
    bint by_pointer              # a^(0) is read through pointers to its rows
    bint sparse                 # of a^(0) only what is not zero is read; w^(1) is transposed round
    void* out                   # PREDICT: takes a^(L), (n_rows, n_L)
    void* gradient              # GRADIENT: takes ∇C
    void* dC_dx                 # GRADIENT: takes ∂C/∂a^(0), (n_rows, n_0), or NULL
    double cost                 # out: the mean over the batches
    double penalty
    Phase phase
    bp_pool pool

cdef class Workspace:
    cdef object error           # what a signal handler has raised
    cdef double done            # multiplications since the signals were last looked at
    cdef Py_ssize_t microbatch_rows    # rows that the buffers hold
    cdef Py_ssize_t block       # rows whose costs are added up, the least that a thread takes
    cdef Py_ssize_t blocks_per_task     # ceil_div that a thread takes at a time
    cdef Py_ssize_t n_shards
    cdef Py_ssize_t largest_shard     # numbers in the largest_shard shard
    cdef Shard* shards
    cdef void* memory
    cdef const void** rows      # where each row of a^(0) is
    cdef const void** prefetch     # and each row of the next pass, as far as it has any
    cdef Sparse sparse          # its values stand in x
    cdef void* x
    cdef void* y
    cdef void* a
    cdef void* da_dz
    cdef void* z_out
    cdef void* delta
    cdef void* gradient
    cdef void* scratch          # (n_threads, largest_shard)
    cdef double* weights
    cdef double* costs          # one a block
    cdef double* partial_sums          # two a shard: squares and penalties

cdef inline Py_ssize_t ceil_div(Py_ssize_t n, Py_ssize_t size) noexcept nogil:
    """How many ceil_div of `size` rows n rows make, the last one perhaps smaller."""
    return (n + size - 1) // size

cdef Py_ssize_t prediction_rows(Py_ssize_t n_rows, const Layout* layout,
                                Py_ssize_t itemsize) noexcept nogil
cdef Workspace make_workspace(const Layout* layout, Py_ssize_t n_rows, Py_ssize_t batch_size,
                              int task, bint stores_da_dz, bint clips, bint shared, bint sparse,
                              Optimizer optimizer, int n_threads, Py_ssize_t itemsize)
cdef void forward_backward(const Job* job, Workspace workspace, Py_ssize_t start, Py_ssize_t row,
                    Py_ssize_t n, Py_ssize_t next_start, double scale, const real_t* theta,
                    double* costs) noexcept nogil
cdef double weight_sum(const Examples* examples, Py_ssize_t start, Py_ssize_t n) noexcept nogil
cdef bint poll_signals(Workspace workspace, double more) noexcept nogil
cdef void run_job(Job* job, Workspace workspace, Optimizer optimizer, real_t* theta) noexcept nogil
cdef void work(Job* job, Workspace workspace, Optimizer optimizer, int thread,
                 real_t* theta) noexcept nogil
