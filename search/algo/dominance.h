/* search/algo/dominance.h - who is better than whom when there are several
 * objectives, all minimised.
 *
 * Objective vectors stand in one array, f[i*m .. i*m+m-1] for point i.
 * Constraints by Deb (2000): an allowed point beats one that is not, of two
 * that are not the smaller violation wins, of two allowed ones Pareto
 * domination decides.
 */
#ifndef HAQ_SEARCH_ALGO_DOMINANCE_H
#define HAQ_SEARCH_ALGO_DOMINANCE_H

#include <stdbool.h>
#include <stddef.h>

/* a is nowhere worse than b and somewhere better. */
bool haq_dominates(const double *a, const double *b, size_t m);

/* The same under constraints; a violation <= 0 means allowed. */
bool haq_beats(const double *a, double a_violation, const double *b,
               double b_violation, size_t m);

/* Fast non-dominated sort (Deb et al. 2002), O(m n^2): rank[i] = number of the
 * front that point i is in, 0 = beaten by nobody.
 *
 *   f          [n][m]
 *   violation  [n], or NULL: all are allowed
 *   rank       [n] out
 *   count      [n] scratch
 * Returns the number of fronts. */
size_t haq_front_ranks(const double *f, const double *violation, size_t n,
                       size_t m, size_t *rank, size_t *count);

struct haq_keyed {
    double key;
    size_t index;
};

/* Sort by key, then by index: the one order that equal keys have. */
void haq_keyed_sort(struct haq_keyed *k, size_t n);

/* Crowding distance (Deb et al. 2002) of the points index[0..n-1] among
 * themselves: infinite at the ends of each objective, else the sum of the
 * neighbours' gaps over the range; an objective without range counts nothing.
 *
 *   distance  [n] out, in the order of `index`
 *   scratch   [n] */
void haq_crowding(const double *f, size_t m, const size_t *index, size_t n,
                  double *distance, struct haq_keyed *scratch);

#endif
