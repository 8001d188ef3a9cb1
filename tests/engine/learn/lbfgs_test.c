#include "engine/learn/fixture.h"

#include "learn/lbfgs.h"

struct function {
    double (*value)(const double *x, double *gradient);
    uint32_t fail_at, calls; // fail_at 0: never
};

static enum cubby_status evaluate(void *user, const double *x, double *value, double *gradient)
{
    struct function *function = user;
    if (++function->calls == function->fail_at)
        return CUBBY_IO;
    *value = function->value(x, gradient);
    return CUBBY_OK;
}

static struct lbfgs_report minimise(struct function *function, size_t size, double *x)
{
    const struct lbfgs lbfgs = {.size = size,
                                .evaluate = evaluate,
                                .user = function,
                                .tolerance = 1e-6,
                                .max_iterations = 500};
    struct lbfgs_report report;
    assert_int_equal(lbfgs_minimise(&lbfgs, x, &report), CUBBY_OK);
    return report;
}

// Rosenbrock's valley.
static double valley(const double *x, double *gradient)
{
    const double a = 1 - x[0], b = x[1] - x[0] * x[0];
    gradient[0] = -2 * a - 400 * x[0] * b;
    gradient[1] = 200 * b;
    return a * a + 100 * b * b;
}

// A bowl in 12 variables, steep and shallow by a factor of 10^4, with its bottom at i.
static double bowl(const double *x, double *gradient)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        const double scale = pow(10, i * 4 / 11.0 - 2), off = x[i] - i;
        gradient[i] = scale * off;
        sum += scale * off * off / 2;
    }
    return sum;
}

// exp(x) - 2 x: a first step of 1 overshoots, and from the left it can overflow.
static double steep(const double *x, double *gradient)
{
    gradient[0] = exp(x[0]) - 2;
    return exp(x[0]) - 2 * x[0];
}

// No minimum: it falls for ever, slower and slower.
static double slide(const double *x, double *gradient)
{
    gradient[0] = -1 / (1 + exp(x[0]));
    return log1p(exp(-x[0]));
}

static double flat(const double *x, double *gradient)
{
    gradient[0] = 0 * x[0];
    return 3;
}

static void finds_known_minima(void **state)
{
    (void)state;
    struct function function = {.value = valley};
    double x[12] = {-1.2, 1};
    struct lbfgs_report report = minimise(&function, 2, x);
    assert_true(report.converged && report.iterations < 80);
    assert_true(fabs(x[0] - 1) < 1e-5 && fabs(x[1] - 1) < 1e-5);
    assert_int_equal(report.evaluations, function.calls);

    function = (struct function){.value = bowl};
    memset(x, 0, sizeof(x));
    report = minimise(&function, 12, x);
    assert_true(report.converged);
    for (int i = 0; i < 12; i++)
        assert_true(fabs(x[i] - i) < 1e-3);

    function = (struct function){.value = steep};
    for (int start = -1500; start <= 40; start += 140) {
        x[0] = start;
        report = minimise(&function, 1, x);
        assert_true(report.converged && fabs(x[0] - log(2)) < 1e-5);
    }
}

static void ends_where_there_is_no_minimum(void **state)
{
    (void)state;
    struct function function = {.value = slide};
    double x[1] = {0};
    struct lbfgs_report report = minimise(&function, 1, x);
    assert_true(report.converged && x[0] > 10 && isfinite(x[0]));

    function = (struct function){.value = flat};
    report = minimise(&function, 1, x);
    assert_true(report.converged && report.iterations == 0);
}

static bool stop(void *user)
{
    return ++*(int *)user > 3;
}

static void stops_when_told_and_passes_errors_on(void **state)
{
    (void)state;
    for (uint32_t fail_at = 1; fail_at < 20; fail_at++) {
        struct function function = {.value = valley, .fail_at = fail_at};
        double x[2] = {-1.2, 1};
        struct lbfgs lbfgs = {.size = 2,
                              .evaluate = evaluate,
                              .user = &function,
                              .tolerance = 1e-6,
                              .max_iterations = 100};
        struct lbfgs_report report;
        assert_int_equal(lbfgs_minimise(&lbfgs, x, &report), CUBBY_IO);
        function.fail_at = function.calls = 0;
        lbfgs.max_iterations = 2;
        assert_int_equal(lbfgs_minimise(&lbfgs, x, &report), CUBBY_OK);
        assert_true(report.iterations == 2 && !report.converged);
        int asked = 0;
        lbfgs.max_iterations = 100;
        lbfgs.stopped = stop;
        lbfgs.stopped_user = &asked;
        x[0] = -1.2;
        assert_int_equal(lbfgs_minimise(&lbfgs, x, &report), CUBBY_INTERRUPTED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_known_minima),
        cmocka_unit_test(ends_where_there_is_no_minimum),
        cmocka_unit_test(stops_when_told_and_passes_errors_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
