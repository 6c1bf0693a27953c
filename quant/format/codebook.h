/* quant/format/codebook.h - the levels that fit given numbers best.
 *
 * k-means in one dimension has an exact solution: clusters are runs of the
 * sorted numbers, and with prefix sums of count, x and x^2 a run i..j costs
 *
 *     c(i, j) = S2 - S1^2 / W
 *
 * so D[k][j] = min over i of D[k - 1][i - 1] + c(i, j) is a dynamic program.
 * The best i never decreases with j, hence n log n per level by divide and
 * conquer (Wang, Song 2011, "Ckmeans.1d.dp"; Groenlund et al. 2017).
 */
#ifndef HAQ_QUANT_FORMAT_CODEBOOK_H
#define HAQ_QUANT_FORMAT_CODEBOOK_H

#include <stddef.h>

#include "base/status.h"

/* Beyond so many different numbers, neighbours are taken together first. */
enum { HAQ_CODEBOOK_EXACT = 1 << 18 };

/* The levels with the least sum of squared distances to the nearest, ascending;
 * of fewer different numbers than levels, the largest is repeated.
 *   level  [levels] out, levels >= 1
 *   w      [n], finite
 * HAQ_NOMEM. */
haq_status haq_codebook_fit(float *level, size_t levels, const float *w,
                            size_t n, struct haq_diag *d);

#endif
