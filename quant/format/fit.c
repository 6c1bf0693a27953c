#include "quant/format/fit.h"

#include <math.h>
#include <stdlib.h>

static int larger_first(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

double haq_fit_ternary(const float *w, size_t n, float *scratch)
{
    double sum = 0, best = 0, scale = 0;
    for (size_t i = 0; i < n; i++)
        scratch[i] = fabsf(w[i]);
    qsort(scratch, n, sizeof *scratch, larger_first);
    for (size_t m = 1; m <= n; m++) {
        sum += (double)scratch[m - 1];
        double gain = sum * sum / (double)m;
        if (gain > best) {
            best = gain;
            scale = sum / (double)m;
        }
    }
    return scale;
}

double haq_fit_binary(const float *w, size_t n, float *scratch)
{
    double sum = 0;
    (void)scratch;
    for (size_t i = 0; i < n; i++)
        sum += (double)fabsf(w[i]);
    return n ? sum / (double)n : 0;
}
