/* The optimizers' loops over flat vectors, vectorised as those of elementary.h are. */
#ifndef BPCORE_OPTIMIZERS_H
#define BPCORE_OPTIMIZERS_H

#include "elementary.h"

BP_INLINE float bp_root_f32(float x) { return sqrtf(x); }
BP_INLINE double bp_root_f64(double x) { return sqrt(x); }

#define BP_REAL float
#define BP_(name) bp_##name##_f32
#include "optimizer_loops.h"
#undef BP_REAL
#undef BP_

#define BP_REAL double
#define BP_(name) bp_##name##_f64
#include "optimizer_loops.h"
#undef BP_REAL
#undef BP_

#endif
