/* search/algo/breed.h - children of told vectors. */
#ifndef HAQ_SEARCH_ALGO_BREED_H
#define HAQ_SEARCH_ALGO_BREED_H

#include "search/algo/archive.h"

/* Add `want` vectors that are new: children of two of parent[0..n-1] (numbers,
 * the best first), each the better of two drawn at random, in pairs that share
 * out what their parents have.  When children keep being known, mutation gets
 * stronger, and in the end random vectors take their place; fewer are added
 * only when those, too, are known.  false: no memory. */
bool haq_breed(struct haq_archive *a, struct haq_rng *rng, const size_t *parent,
               size_t n, size_t want);

#endif
