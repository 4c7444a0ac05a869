"""The tuned numbers, as kernels read them; tuning.pyx says what each is."""

cdef struct Tuning:
    double microbatch_bytes
    Py_ssize_t microbatch_min_rows
    Py_ssize_t microbatch_max_rows
    double microbatch_cached_bytes
    Py_ssize_t microbatch_usual_rows
    double prediction_bytes
    Py_ssize_t prediction_max_rows
    Py_ssize_t tasks_per_phase
    Py_ssize_t block_min_rows
    Py_ssize_t block_max_rows
    Py_ssize_t shard_numbers
    Py_ssize_t shard_min_numbers
    double large_matrix_bytes
    double max_load
    double product_max_work
    Py_ssize_t block_slow_rows
    double blas_max_work
    double blas_matrix_bytes
    double blas_avx2_double_bytes
    double blas_avx2_float_bytes
    Py_ssize_t blas_avx2_rows
    double own_product_max_work
    double own_product_max_work_baseline
    double parallel_batch_operations
    double parallel_call_operations
    double sparse_max_density
    Py_ssize_t sparse_min_inputs
    Py_ssize_t sparse_min_units
    Py_ssize_t sparse_min_rows
    double sparse_transposing_rows
    double sparse_few_a_batch
    double sparse_in_place_density
    double sparse_keeping_share
    double sparse_keeping_bytes
    Py_ssize_t sparse_sampled_rows
    double slopes_bytes
    Py_ssize_t slopes_min_rows
    double normal_bytes
    Py_ssize_t normal_min_rows
    Py_ssize_t normal_tile
    Py_ssize_t normal_own_tile
    Py_ssize_t normal_own_parameters
    Py_ssize_t small_batch_rows
    double unlocked_parameters
    double locked_step_parameters
    double signal_work
    double signal_update_work
    double signal_scanned
    double seconds_in_engine

cdef Tuning TUNING
