#include "search/algo/variation.h"

#include <math.h>
#include <string.h>

static const double crossover_rate = 0.9;
static const double step_rate = 0.7; /* of mutations: to a neighbour */

/* A gene with more values than this is a number rather than a choice: parents
 * are blended in it, and it mutates by a distance. */
enum { CHOICES_MAX = 16 };

/* Distribution indices of Deb's operators, as NSGA-II is usually run. */
static const double blend_index = 15, distance_index = 20;

bool haq_chance(struct haq_rng *rng, double p)
{
    return haq_rng_unit(rng) < p;
}

static int nearest(double x, int cardinality)
{
    double top = cardinality - 1;
    return (int)lround(x < 0 ? 0 : x > top ? top : x);
}

/* Simulated binary crossover (Deb, Agrawal 1995): the children are as close to
 * their parents or beyond them, in parts of the parents' distance, as one-point
 * crossover of binary numbers would put them. */
static void blend(struct haq_rng *rng, int cardinality, int *x, int *y)
{
    double u = haq_rng_unit(rng), power = 1 / (blend_index + 1);
    double spread = u < 0.5 ? pow(2 * u, power) : pow(0.5 / (1 - u), power);
    double middle = 0.5 * (*x + *y), half = 0.5 * spread * (*x - *y);
    if (haq_chance(rng, 0.5))
        half = -half;
    *x = nearest(middle + half, cardinality);
    *y = nearest(middle - half, cardinality);
}

/* Polynomial mutation (Deb, Goyal 1996). */
static int displaced(struct haq_rng *rng, int value, int cardinality)
{
    double u = haq_rng_unit(rng), power = 1 / (distance_index + 1);
    double by = u < 0.5 ? pow(2 * u, power) - 1 : 1 - pow(2 * (1 - u), power);
    int next = nearest(value + by * (cardinality - 1), cardinality);
    if (next != value)
        return next;
    return value == 0 || (by > 0 && value + 1 < cardinality) ? value + 1
                                                             : value - 1;
}

static void exchange(struct haq_rng *rng, int cardinality, int *x, int *y)
{
    int old = *x;
    if (cardinality > CHOICES_MAX && *x != *y) {
        blend(rng, cardinality, x, y);
        return;
    }
    *x = *y, *y = old;
}

void haq_cross(struct haq_rng *rng, const int *cardinality, size_t genes,
               const int *a, const int *b, int *child, int *sibling)
{
    memcpy(child, a, genes * sizeof *a);
    memcpy(sibling, b, genes * sizeof *b);
    if (!haq_chance(rng, crossover_rate))
        return;
    for (size_t i = 0; i < genes; i++)
        if (haq_chance(rng, 0.5))
            exchange(rng, cardinality[i], &child[i], &sibling[i]);
}

int haq_mutated(struct haq_rng *rng, int value, int cardinality)
{
    if (cardinality > CHOICES_MAX)
        return displaced(rng, value, cardinality);
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
