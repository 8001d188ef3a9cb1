// Minimises a smooth function of many variables by L-BFGS with a line search for the strong Wolfe
// conditions: Nocedal and Wright, Numerical Optimization, 2006, algorithms 7.4, 7.5, 3.5, 3.6.
// Private.
#ifndef ENGINE_LEARN_LBFGS_H
#define ENGINE_LEARN_LBFGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"

struct lbfgs {
    size_t size; // variables
    // Value and gradient [size] at x [size]. A value that is not finite makes for a shorter step;
    // an error ends the search.
    enum cubby_status (*evaluate)(void *user, const double *x, double *value, double *gradient);
    bool (*stopped)(void *user); // asked once an iteration, or NULL
    void *user, *stopped_user;   // borrowed
    double tolerance;            // the largest component of the gradient that will do
    uint32_t max_iterations;
};

struct lbfgs_report {
    double value, gradient; // at the end; the gradient's largest component
    uint32_t iterations, evaluations;
    bool converged; // false: too many iterations, or no step in sight that rounding does not hide
};

// x: the start, and the answer. Memory: at most 26 vectors, fewer where they are long.
//   CUBBY_NO_MEMORY, CUBBY_INTERRUPTED, whatever evaluate() returned: x is not the answer
CUBBY_NODISCARD enum cubby_status lbfgs_minimise(const struct lbfgs *lbfgs, double *x,
                                                 struct lbfgs_report *report);

#endif
