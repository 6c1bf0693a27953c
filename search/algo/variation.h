/* search/algo/variation.h - how one vector becomes another: crossover and
 * mutation of NSGA-II, for every algorithm that breeds.
 *
 * Neighbours in value are taken to be neighbours in kind, so most mutations are
 * small steps.
 */
#ifndef HAQ_SEARCH_ALGO_VARIATION_H
#define HAQ_SEARCH_ALGO_VARIATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rng.h"

bool haq_chance(struct haq_rng *rng, double p);

/* child = a with parts of b: genes at random, or all between two places; now
 * and then a alone.  All are [genes]; child is neither a nor b. */
void haq_cross(struct haq_rng *rng, const int *cardinality, size_t genes,
               const int *a, const int *b, int *child);

/* Another value of a gene with at least two: mostly a small step. */
int haq_mutated(struct haq_rng *rng, int value, int cardinality);

/* Each gene that has a choice changes with probability `rate`. */
void haq_mutate(struct haq_rng *rng, const int *cardinality, size_t genes,
                double rate, int *child);

#endif
