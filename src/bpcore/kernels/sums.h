/* Loops that add up or look through: finite checks, biases, costs, softmax. */
#ifndef BPCORE_SUMS_H
#define BPCORE_SUMS_H

#include "elementary.h"

#define BP_REAL float
#define BP_(name) bp_##name##_f32
#include "sum_loops.h"
#undef BP_REAL
#undef BP_

#define BP_REAL double
#define BP_(name) bp_##name##_f64
#include "sum_loops.h"
#undef BP_REAL
#undef BP_

#endif
