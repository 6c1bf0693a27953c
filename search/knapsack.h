/* search/knapsack.h - one option per layer: little damage for little cost.
 *
 * Multiple-choice knapsack by Lagrange multipliers: for a price lambda each
 * layer takes the option of least damage + lambda * cost by itself.  Every
 * solution is optimal for the cost that it happens to have (Everett 1963), so a
 * sweep over lambda walks the lower convex hull of the whole front.
 */
#ifndef HAQ_SEARCH_KNAPSACK_H
#define HAQ_SEARCH_KNAPSACK_H

#include <stdbool.h>
#include <stddef.h>

struct haq_knapsack {
    size_t layers;
    size_t options;       /* of each layer */
    const double *damage; /* [layers][options]; INFINITY: not offered */
    const double *cost;   /* [layers][options] */
};

/* choice[l] = option of layer l at price lambda >= 0; of equal ones the
 * cheaper, then the first. */
void haq_knapsack_choose(const struct haq_knapsack *k, double lambda,
                         size_t *choice);

/* `count` >= 1 solutions from the least damage to the least cost, at quantiles
 * of the prices where some layer changes its mind.  choice is [count][layers];
 * neighbours may be equal.  false: no memory. */
bool haq_knapsack_sweep(const struct haq_knapsack *k, size_t count,
                        size_t *choice);

#endif
