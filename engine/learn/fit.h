// One fit from a given start: what a head and a fold of a validation have in common. Private.
#ifndef ENGINE_LEARN_FIT_H
#define ENGINE_LEARN_FIT_H

#include "learn/problem.h"

// The largest component of the gradient at problem_start(): what tolerances are relative to.
CUBBY_NODISCARD enum cubby_status fit_scale(struct problem *problem, double *scale);
// parameters: the start, and the answer. report: as in engine/learn.h.
CUBBY_NODISCARD enum cubby_status fit_run(struct problem *problem,
                                          const struct cubby_fit_params *params, double scale,
                                          double *parameters, struct cubby_fit_report *report);

#endif
