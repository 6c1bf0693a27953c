#include "search/algo/variation.h"

#include <string.h>

static const double crossover_rate = 0.9;
static const double step_rate = 0.7; /* of mutations: to a neighbour */

bool haq_chance(struct haq_rng *rng, double p)
{
    return haq_rng_unit(rng) < p;
}

void haq_cross(struct haq_rng *rng, const int *cardinality, size_t genes,
               const int *a, const int *b, int *child)
{
    (void)cardinality;
    memcpy(child, a, genes * sizeof *a);
    if (!haq_chance(rng, crossover_rate))
        return;
    if (haq_chance(rng, 0.5)) {
        for (size_t i = 0; i < genes; i++)
            if (haq_chance(rng, 0.5))
                child[i] = b[i];
        return;
    }
    size_t lo = (size_t)haq_rng_below(rng, genes);
    size_t hi = (size_t)haq_rng_below(rng, genes);
    if (lo > hi) {
        size_t t = lo;
        lo = hi, hi = t;
    }
    memcpy(child + lo, b + lo, (hi - lo + 1) * sizeof *b);
}

int haq_mutated(struct haq_rng *rng, int value, int cardinality)
{
    if (haq_chance(rng, step_rate)) {
        int step = haq_chance(rng, 0.5) ? 1 : -1;
        int next = value + step;
        return next < 0 || next >= cardinality ? value - step : next;
    }
    int other = (int)haq_rng_below(rng, (uint64_t)cardinality - 1);
    return other + (other >= value);
}

void haq_mutate(struct haq_rng *rng, const int *cardinality, size_t genes,
                double rate, int *child)
{
    for (size_t i = 0; i < genes; i++)
        if (cardinality[i] > 1 && haq_chance(rng, rate))
            child[i] = haq_mutated(rng, child[i], cardinality[i]);
}
