#include "quant/method/adam.h"

#include <math.h>

static const double keep_m = 0.9, keep_v = 0.999, tiny = 1e-8;

void haq_adam_step(struct haq_adam *a, double *x, const double *slope)
{
    a->steps++;
    double seen_m = 1 - pow(keep_m, (double)a->steps);
    double seen_v = 1 - pow(keep_v, (double)a->steps);
    for (size_t i = 0; i < a->n; i++) {
        double g = slope[i];
        a->m[i] = keep_m * a->m[i] + (1 - keep_m) * g;
        a->v[i] = keep_v * a->v[i] + (1 - keep_v) * g * g;
        x[i] -= a->rate * (a->m[i] / seen_m) / (sqrt(a->v[i] / seen_v) + tiny);
    }
}
