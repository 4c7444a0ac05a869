/* The activation functions sigma and their derivatives, one row each.
 *
 * X(NUMBER, name, stores, sigma, from_z, from_a): BP_NUMBER is the number in the enum and in
 * Layer.activation.  sigma: the value, of x = z.  from_z: sigma'(z), of x and y = sigma(x).
 * from_a: sigma'(z) from y = a alone, where that tells enough (stores = 0); where it does not
 * (stores = 1) training keeps from_z beside a.  p is the parameter, if the function has one.
 * The expressions are compiled for float and for double: BP_(name) is the function of that type.
 * NaN in has to give NaN out, in the derivative too.
 *
 * Softmax and identity are not elementwise formulas and stand apart; softmax's derivative is a
 * matrix, which the losses know.
 */
#ifndef BPCORE_ACTIVATIONS_H
#define BPCORE_ACTIVATIONS_H

#include "elementary.h"

/* scale z, below 0 scale alpha (e^z - 1): a deviation of 1 stays 1 (Klambauer et al. 2017). */
#define BP_SELU_SCALE ((BP_REAL)1.05070098735548049342)
#define BP_SELU_LOW ((BP_REAL)1.75809934084737685994) /* scale alpha */

/* Mish is z t with t = tanh(ln(1 + e^z)) (Misra 2019).  With s the sigmoid and q = (1 - s)^2,
 * 1 - t^2 = 4 q / (1 + q)^2 without a difference; past the limit of tanh, z t is z. */
#define BP_T BP_(tanh)(BP_(softplus)(x))
#define BP_Q (BP_(sigmoid)(-x) * BP_(sigmoid)(-x))

#define BP_ACTIVATIONS(X)                                                                    \
    X(SIGMOID, "sigmoid", 0, BP_(sigmoid)(x), y * (1 - y), y * (1 - y))                      \
    X(TANH, "tanh", 0, BP_(tanh)(x), (1 - y) * (1 + y), (1 - y) * (1 + y))                   \
    /* what is not above zero is a zero or NaN, and so is its slope */                       \
    X(RELU, "relu", 0, x < 0 ? 0 : x, y > 0 ? 1 : BP_(abs)(y), y > 0 ? 1 : BP_(abs)(y))      \
    X(LEAKY_RELU, "leaky_relu", 0, x < 0 ? p * x : x, y > 0 ? 1 : (y == y ? p : y),          \
      y > 0 ? 1 : (y == y ? p : y))                                                          \
    X(ELU, "elu", 0, x < 0 ? p * BP_(expm1)(x < 0 ? x : 0) : x, y > 0 ? 1 : y + p,           \
      y > 0 ? 1 : y + p)                                                                     \
    /* from z it is the sigmoid: better than 1 - e^-a where a underflows */                  \
    X(SOFTPLUS, "softplus", 0, BP_(softplus)(x), BP_(sigmoid)(x), -BP_(expm1)(-y))           \
    X(SELU, "selu", 0, x < 0 ? BP_SELU_LOW * BP_(expm1)(x < 0 ? x : 0) : BP_SELU_SCALE * x,  \
      y > 0 ? BP_SELU_SCALE : y + BP_SELU_LOW, y > 0 ? BP_SELU_SCALE : y + BP_SELU_LOW)      \
    X(GELU, "gelu", 1, BP_(gelu)(x), BP_(gelu_prime)(x), 1)                                  \
    X(SILU, "silu", 1, BP_(silu)(x), BP_(silu_prime)(x), 1)                                  \
    X(MISH, "mish", 1, x < -1e30f ? 0 : x * BP_T, x < -1e30f ? 0 : (x > BP_C(TANH_LIMIT)     \
      ? 1 : BP_T + x * BP_(sigmoid)(x) * 4 * BP_Q / ((1 + BP_Q) * (1 + BP_Q))), 1)           \
    X(EXPONENTIAL, "exponential", 0, BP_(exp)(x), y, y)

#define BP_NUMBER(NAME_, name_, stores_, sigma_, from_z_, from_a_) BP_##NAME_,
enum { BP_IDENTITY, BP_SOFTMAX, BP_ACTIVATIONS(BP_NUMBER) BP_N_ACTIVATIONS };
#undef BP_NUMBER

typedef struct {
    const char *name;
    int stores_da_dz;
} bp_activation;

#define BP_ROW(NAME_, name_, stores_, sigma_, from_z_, from_a_) {name_, stores_},
static const bp_activation bp_activation_table[] = {
    {"identity", 0}, {"softmax", 0}, BP_ACTIVATIONS(BP_ROW)
};
#undef BP_ROW

#define BP_REAL float
#define BP_(name) bp_##name##_f32
#define BP_C(name) BP_##name##_f32
#include "activation_loops.h"
#undef BP_REAL
#undef BP_
#undef BP_C

#define BP_REAL double
#define BP_(name) bp_##name##_f64
#define BP_C(name) BP_##name##_f64
#include "activation_loops.h"
#undef BP_REAL
#undef BP_
#undef BP_C

#endif
