/* search/allocate.h - one option per layer, exactly: the least damage within
 * any number of cost limits.
 *
 * Multiple-choice knapsack with several limits, solved by branch and bound.
 * For prices p >= 0 (one per limit)
 *
 *     bound(p) = sum over groups of min over options (damage + p * cost)
 *                - p * limit
 *
 * is never above the optimum (Lagrangian relaxation; Everett 1963, Geoffrion
 * 1974).  Prices that make it large are found by Newton's method on a smooth
 * version of it, and the search drops every branch whose bound is not below the
 * best choice found.  What comes out is therefore optimal unless the search was
 * cut short.
 */
#ifndef HAQ_SEARCH_ALLOCATE_H
#define HAQ_SEARCH_ALLOCATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct haq_allocation_problem {
    size_t layers;  /* >= 1 */
    size_t options; /* of each layer, >= 1 */
    size_t limits;
    const double *damage; /* [layers][options]; INFINITY: not offered */
    const double *cost;   /* [limits][layers][options], finite */
    const double *limit;  /* [limits] on the sums of costs */
    /* Layers of a group take the same option: group of each layer, any numbers
     * below `layers`.  NULL: every layer by itself. */
    const size_t *group;
    const char *const *limit_name; /* [limits] for errors */
    uint64_t max_nodes;            /* 0: 50 million */
};

struct haq_allocation {
    size_t *choice; /* [layers] given by the caller */
    double damage;  /* sum */
    double bound;   /* no choice has less */
    bool optimal;   /* bound == damage, but for rounding */
    uint64_t nodes;
};

/* HAQ_INVALID: no choice satisfies the limits; the sentence says which bound
 * proves it.  HAQ_NOMEM. */
haq_status haq_allocate(struct haq_allocation *out,
                        const struct haq_allocation_problem *p,
                        struct haq_diag *d);

#endif
