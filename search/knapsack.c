#include "search/knapsack.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "search/algo/dominance.h"

void haq_knapsack_choose(const struct haq_knapsack *k, double lambda,
                         size_t *choice)
{
    for (size_t l = 0; l < k->layers; l++) {
        const double *damage = k->damage + l * k->options;
        const double *cost = k->cost + l * k->options;
        size_t best = 0;
        double least = INFINITY;
        for (size_t o = 0; o < k->options; o++) {
            if (isinf(damage[o]))
                continue;
            double value = damage[o] + lambda * cost[o];
            if (value < least || (value == least && cost[o] < cost[best]))
                best = o, least = value;
        }
        choice[l] = best;
    }
}

/* Prices at which layer l prefers a cheaper option to the one it has: walk its
 * hull from least damage to least cost. */
static size_t layer_prices(const struct haq_knapsack *k, size_t l,
                           struct haq_keyed *price)
{
    const double *damage = k->damage + l * k->options;
    const double *cost = k->cost + l * k->options;
    const struct haq_knapsack one = {1, k->options, damage, cost};
    size_t n = 0, at;
    haq_knapsack_choose(&one, 0, &at);
    for (;;) {
        size_t next = at;
        double least = INFINITY;
        for (size_t o = 0; o < k->options; o++) {
            if (isinf(damage[o]) || cost[o] >= cost[at])
                continue;
            double p = (damage[o] - damage[at]) / (cost[at] - cost[o]);
            if (p < least || (p == least && cost[o] < cost[next]))
                next = o, least = p;
        }
        if (next == at)
            return n;
        price[n] = (struct haq_keyed){least, n};
        n++;
        at = next;
    }
}

bool haq_knapsack_sweep(const struct haq_knapsack *k, size_t count,
                        size_t *choice)
{
    size_t n = 0;
    if (k->options && k->layers > SIZE_MAX / k->options / 32)
        return false;
    struct haq_keyed *price = calloc(k->layers * k->options + 1, sizeof *price);
    if (!price)
        return false;
    for (size_t l = 0; l < k->layers; l++)
        n += layer_prices(k, l, price + n);
    haq_keyed_sort(price, n);
    for (size_t i = 0; i < count; i++) {
        /* Solution i has taken the first i/(count-1) of all changes. */
        size_t taken = count > 1 ? i * n / (count - 1) : 0;
        double lambda = taken ? price[taken - 1].key * (1 + 1e-9) : 0;
        haq_knapsack_choose(k, lambda, choice + i * k->layers);
    }
    free(price);
    return true;
}
