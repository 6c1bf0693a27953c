/* search/algo/breed.h - children of told vectors. */
#ifndef HAQ_SEARCH_ALGO_BREED_H
#define HAQ_SEARCH_ALGO_BREED_H

#include "search/algo/archive.h"

/* Add one vector that is new: a child of two of parent[0..n-1], which are
 * numbers, the best first, each the better of two drawn at random; every failed
 * try mutates harder, and in the end a random vector takes its place.  KNOWN:
 * that failed, too. */
enum haq_genome_add haq_breed(struct haq_archive *a, struct haq_rng *rng,
                              const size_t *parent, size_t n);

#endif
