#include "search/algo/perceptron.h"

#include <math.h>
#include <string.h>

#include "tests/suite.h"

enum { IN = 5, HIDDEN = 11 };

static const float x[IN] = {0.3F, -0.7F, 1.1F, 0.0F, 0.5F};

/* The same sum in doubles, straight from the header's formula. */
static double by_hand(const struct haq_perceptron *p, const float *in)
{
    const float *b1 = p->w + IN * HIDDEN, *w2 = b1 + HIDDEN;
    const float *b2 = w2 + HIDDEN * HIDDEN, *w3 = b2 + HIDDEN;
    double h1[HIDDEN], sum = (double)w3[HIDDEN];
    for (int j = 0; j < HIDDEN; j++) {
        h1[j] = (double)b1[j];
        for (int i = 0; i < IN; i++)
            h1[j] += (double)in[i] * (double)p->w[i * HIDDEN + j];
        h1[j] = fmax(h1[j], 0);
    }
    for (int j = 0; j < HIDDEN; j++) {
        double h = (double)b2[j];
        for (int i = 0; i < HIDDEN; i++)
            h += h1[i] * (double)w2[i * HIDDEN + j];
        sum += fmax(h, 0) * (double)w3[j];
    }
    return sum;
}

static void set_up(struct haq_perceptron *p)
{
    struct haq_rng rng;
    haq_rng_seed(&rng, 5);
    CU_ASSERT_FATAL(haq_perceptron_init(p, IN, HIDDEN, &rng));
}

static void it_computes_its_formula(void)
{
    struct haq_perceptron p;
    set_up(&p);
    CU_ASSERT_DOUBLE_EQUAL(haq_perceptron_forward(&p, x), by_hand(&p, x), 1e-5);
    haq_perceptron_fini(&p);
}

/* Central differences of the formula, for every weight and every input. */
static void gradients_are_slopes(void)
{
    struct haq_perceptron p;
    const double e = 1e-3, dy = 1.5;
    float dx[IN], moved[IN];
    set_up(&p);
    haq_perceptron_forward(&p, x);
    haq_perceptron_backward(&p, x, (float)dy, dx);
    for (size_t i = 0; i < p.params; i++) {
        float w = p.w[i];
        p.w[i] = (float)((double)w + e);
        double up = by_hand(&p, x);
        p.w[i] = (float)((double)w - e);
        double slope = (up - by_hand(&p, x)) / (2 * e);
        p.w[i] = w;
        CU_ASSERT_DOUBLE_EQUAL(p.grad[i], dy * slope, 2e-3);
    }
    for (int i = 0; i < IN; i++) {
        memcpy(moved, x, sizeof x);
        moved[i] = (float)((double)x[i] + e);
        double up = by_hand(&p, moved);
        moved[i] = (float)((double)x[i] - e);
        CU_ASSERT_DOUBLE_EQUAL(dx[i], dy * (up - by_hand(&p, moved)) / (2 * e),
                               2e-3);
    }
    haq_perceptron_fini(&p);
}

/* Adam's first step is the rate against the sign of the gradient. */
static void a_step_is_adams(void)
{
    struct haq_perceptron p, old;
    set_up(&p);
    set_up(&old);
    haq_perceptron_forward(&p, x);
    haq_perceptron_backward(&p, x, 1, NULL);
    memcpy(old.grad, p.grad, p.params * sizeof *p.grad);
    haq_perceptron_step(&p, 0.01F);
    for (size_t i = 0; i < p.params; i++) {
        double g = (double)old.grad[i], moved = (double)(p.w[i] - old.w[i]);
        if (fabs(g) > 1e-4)
            CU_ASSERT_DOUBLE_EQUAL(moved, g > 0 ? -0.01 : 0.01, 1e-5);
        if (g == 0)
            CU_ASSERT(moved == 0);
        CU_ASSERT(p.grad[i] == 0);
    }
    haq_perceptron_fini(&p);
    haq_perceptron_fini(&old);
}

static void it_learns_a_function(void)
{
    struct haq_perceptron p;
    struct haq_rng rng;
    double error = 0;
    haq_rng_seed(&rng, 9);
    CU_ASSERT_FATAL(haq_perceptron_init(&p, 2, 32, &rng));
    for (int step = 0; step < 1500; step++) {
        error = 0;
        for (int b = 0; b < 32; b++) {
            float in[2] = {(float)haq_rng_unit(&rng),
                           (float)haq_rng_unit(&rng)};
            float off = haq_perceptron_forward(&p, in) - in[0] * in[1];
            haq_perceptron_backward(&p, in, 2 * off / 32, NULL);
            error += (double)(off * off) / 32;
        }
        haq_perceptron_step(&p, 0.003F);
    }
    CU_ASSERT(sqrt(error) < 0.02);
    haq_perceptron_fini(&p);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(it_computes_its_formula),
        HAQ_TEST(gradients_are_slopes),
        HAQ_TEST(a_step_is_adams),
        HAQ_TEST(it_learns_a_function),
        CU_TEST_INFO_NULL,
    };
    return run_suite("perceptron", tests);
}
