/* search/algo/variation.h - how one vector becomes another: crossover and
 * mutation of NSGA-II, for every algorithm that breeds.
 *
 * Neighbours in value are taken to be neighbours in kind, so most mutations are
 * small steps.  Genes with many values are numbers on a grid: they are blended
 * and displaced as real numbers are.
 */
#ifndef HAQ_SEARCH_ALGO_VARIATION_H
#define HAQ_SEARCH_ALGO_VARIATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rng.h"

bool haq_chance(struct haq_rng *rng, double p);

/* Two children of a and b that share out their genes at random (uniform
 * crossover, Syswerda 1989); now and then copies.  All are [genes], and none is
 * another. */
void haq_cross(struct haq_rng *rng, const int *cardinality, size_t genes,
               const int *a, const int *b, int *child, int *sibling);

/* Another value of a gene with at least two: mostly a small step. */
int haq_mutated(struct haq_rng *rng, int value, int cardinality);

/* Each gene that has a choice changes with probability `rate`. */
void haq_mutate(struct haq_rng *rng, const int *cardinality, size_t genes,
                double rate, int *child);

#endif
