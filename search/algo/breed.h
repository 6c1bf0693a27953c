/* search/algo/breed.h - children of told vectors. */
#ifndef HAQ_SEARCH_ALGO_BREED_H
#define HAQ_SEARCH_ALGO_BREED_H

#include "search/algo/archive.h"

/* Those that may have children, as haq_archive_survive leaves them. */
struct haq_parents {
    const size_t *number; /* [n] */
    const double *crowd;  /* [n] */
    size_t n;
};

/* Add `want` vectors that are new: children of two parents, each the winner of
 * two drawn at random (who beats the other, or else is less crowded), in pairs
 * that share out what their parents have.  When children keep being known,
 * mutation gets stronger, and in the end random vectors take their place; fewer
 * are added only when those, too, are known.  false: no memory. */
bool haq_breed(struct haq_archive *a, struct haq_rng *rng,
               const struct haq_parents *parents, size_t want);

#endif
