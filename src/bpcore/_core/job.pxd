"""What is to be done, by whom, on which buffers: what the threads of a run read."""

from bpcore._core.backward cimport Shard
from bpcore._core.optimizers cimport UpdateCoefficients
from bpcore._core.rows cimport MatrixView
from bpcore._core.sparse cimport Sparse
from bpcore._core.types cimport Buffers, Layout
from bpcore.kernels.pool cimport bp_pool

# What is added to the gradient of a batch, or done to it, before the update.
cdef struct Regularisation:
    double l2               # ½ l2 Σ w², on weights; divided as the batch's cost is
    double l1               # l1 Σ |w|, likewise
    double decay            # decoupled: w ← (1 - η decay) w
    double clip             # largest norm of ∇C; 0: no limit

# A first layer that learns as w = v diag(s): a scale for every input.  θ holds w; v and s are a
# training's own.
cdef struct InputScale:
    void* v                 # (n_1, n_0); NULL where inputs have no scale
    void* s                 # (n_0,)
    void* gradient          # (n_0,): ∂C/∂s
    void* slot_1            # the optimizer's, of s
    void* slot_2
    double rate             # what η is multiplied by for s

# The rows that a run goes through.
cdef struct Examples:
    const MatrixView* x
    const MatrixView* y
    const MatrixView* slopes        # what ∂a^(L)/∂a^(0) is to be, (n, n_L n_0); NULL: anything
    double slope_weight             # λ
    const Py_ssize_t* order         # NULL: as they lie
    const double* weights           # s_k, one a row of the table; NULL: 1
    const double* normalisers       # a batch is divided by the sum of its rows'; NULL: their number

cdef enum Task:
    PREDICT = 0     # a^(L) of every row
    COST            # C of one batch
    GRADIENT        # C and ∇C of one batch
    TRAIN           # an update a batch
    PER_SAMPLE      # ∇C_k of every row
    PRODUCT         # a matrix of second derivatives times a vector, of one batch
    JACOBIAN        # ∂a^(L)/∂a^(0) of every row
    PARAMETER_JACOBIAN  # ∂a^(L)/∂θ of every row
    NORMAL          # the normal equations of least squares, over all rows

# What a task of a phase is: some rows, or a shard of a layer.
cdef enum PhaseKind:
    PREDICT_ROWS = 0
    JACOBIAN_ROWS
    EXAMPLE_GRADIENTS   # the gradient of each of some rows
    NORMAL_ROWS         # [J r] of some rows
    NORMAL_TILES        # a tile of [J r]ᵀ[J r]
    TRAIN_ROWS          # forward, and back
    FORWARD_ROWS        # forward alone
    BACKWARD_ROWS       # back, from the ∂C/∂a^(L) that stand in the place of targets
    ACCUMULATE          # a shard of the gradient, added to that of earlier microbatches
    PENALISE            # penalties of a shard of the whole gradient, its squares
    APPLY               # a shard of θ from the whole gradient
    FUSED_UPDATE        # gradient and update of a shard in one go

cdef struct Phase:
    int kind
    Py_ssize_t start            # the first row of the microbatch, in the order
    Py_ssize_t rows             # how many it has
    Py_ssize_t next_start       # the first row of the next microbatch; -1: there is none
    Py_ssize_t first_cost       # where the costs of its blocks go
    double scale                # what is summed over the batch is multiplied by this
    bint add                    # to what earlier microbatches of the batch have found
    double factor               # what the whole gradient is multiplied by: clipping
    UpdateCoefficients step

# How a run is cut up: it depends on the network, the data and how many rows a batch has, and but
# for n_threads and blocks_per_task never on the number of threads.
cdef struct Plan:
    int task
    int n_threads
    Py_ssize_t microbatch_rows  # that the buffers hold
    Py_ssize_t block            # rows whose costs are added up, the least that a task has
    Py_ssize_t blocks_per_task
    Py_ssize_t n_shards
    Py_ssize_t largest_shard    # numbers in it
    Py_ssize_t ld_x             # numbers from one row of a^(0) in the buffers to the next
    Py_ssize_t normal_rows      # NORMAL: rows that have their J in memory at a time
    Py_ssize_t residuals        # NORMAL: of a row: n_L, and n_L n_0 where derivatives are fitted
    bint accumulates            # a batch's gradient as a whole, before the update
    bint sparse                 # of a^(0) only what is not zero is read
    bint transposes             # w^(1), for that
    bint by_pointer             # a^(0) is read through pointers to its rows
    bint uses_blas              # for some product
    bint keeps_terms            # a trace: every row has a place of its own in the buffers
    bint fits_slopes            # the cost knows ∂a^(L)/∂a^(0)

# Of a cost that knows ∂a^(L)/∂a^(0): n_L rows for each row of a microbatch, one an output a_j.
cdef struct Slopes:
    void* y                     # (rows, n_L, n_0): what they are to be
    void* x                     # likewise: ∂a_j/∂a^(0), then R{a^(0)}
    void* g                     # ∂a_j/∂a^(l), of the layers below L
    void* v                     # ∂a_j/∂z^(l)
    void* tangent               # R{a^(l)}; see sobolev

# The buffers of a run.
cdef struct Memory:
    const Shard* shards
    Buffers rows                # of one microbatch; in a trace of all rows
    const void** pointers       # where each row of a^(0) is
    const void** prefetch       # and each row of the next microbatch, as far as it has any
    Sparse sparse               # its values stand in rows.x
    void* gradient
    void* scratch               # (n_threads, largest_shard)
    void* normal                # (normal_rows, residuals, n_parameters + 1): [J r]
    void* tangent_z             # PRODUCT: R{z}, R{a}, R{δ}; see tangent
    void* tangent_a
    void* tangent_delta
    Slopes slopes
    double* weights             # (microbatch_rows,)
    double* costs               # one a block
    double* partial_sums        # two a shard: squares and penalties

cdef struct Job:
    const Layout* layout
    Examples examples
    Regularisation regularisation
    const double* rate_factors      # of η, two a layer: of its weights, of its biases; NULL: 1
    InputScale scale
    Plan plan
    Memory memory
    Py_ssize_t n_rows
    Py_ssize_t batch_size
    unsigned long long seed     # of dropout
    bint applies_dropout
    bint sums                   # what is found of a batch is the sum over its rows, not the mean
    bint asks                   # the cost and ∂C/∂a^(L) of a batch are asked of the user
    void* optimizer             # an Optimizer, borrowed
    void* theta
    void* out                   # what the task is for: (n_rows, …)
    void* gradient              # GRADIENT: takes ∇C; PRODUCT: the product
    const void* direction       # PRODUCT: the vector
    bint gauss_newton           # PRODUCT: of the Gauss-Newton matrix, not of the Hessian
    void* dC_dx                 # GRADIENT: takes ∂C/∂a^(0), (n_rows, n_0), or NULL
    double* example_costs       # GRADIENT: takes each C_k, or NULL
    double cost                 # out: the mean over the batches
    double penalty
    Phase phase
    bp_pool pool

cdef inline double work_a_row(const Job* job) noexcept nogil:
    """Multiplications of a pass of one row; where derivatives are fitted, of one for each output
    besides."""
    return job.layout.n_parameters * (1.0 + job.layout.n_outputs * job.plan.fits_slopes)
