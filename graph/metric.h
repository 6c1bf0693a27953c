/* graph/metric.h - what "accuracy" means, in one table.
 *
 *   top1, top5   percent of predictions with the label among the 1 or 5 largest
 *                outputs of the last axis; ties go to the lower index
 *   perplexity   exp of the mean cross-entropy (nats) over all positions
 *   mse          mean squared difference to y (float labels)
 *   agreement    percent of samples whose top-1 equals the float model's; needs
 *                no labels
 *
 * A metric is a sum of per-sample scores: correct positions for the counting
 * ones (1 or 0 where an output has one position), the summed loss of the
 * sample's positions for perplexity, their mean squared errors for mse.
 */
#ifndef HAQ_GRAPH_METRIC_H
#define HAQ_GRAPH_METRIC_H

#include <stdbool.h>

#include "base/npz.h"
#include "base/stats.h"

struct haq_metric {
    const char *name;
    bool higher_is_better;
    bool needs_labels;
    bool counts; /* scores are whole numbers, 0 .. positions */
    bool points; /* unit is percentage points; otherwise max-drop is percent */
    /* Score one sample.  out is [positions][classes]; label: positions int64
     * labels (or [positions][classes] floats for mse); ref: the float model's
     * outputs for agreement.  What is not needed may be NULL.  An output that
     * is not a number is never right. */
    double (*score)(const float *out, const float *ref, const void *label,
                    size_t positions, size_t classes);
    /* Mean score of a position -> the value that people read. */
    double (*report)(double mean);
    /* Labels fit outputs?  See haq_metric_check. */
    haq_status (*check)(const struct haq_array *y, size_t n, size_t positions,
                        size_t classes, struct haq_diag *d);
};

extern const struct haq_metric haq_metrics[]; /* ends with a NULL name */
const struct haq_metric *haq_metric_find(const char *name); /* or NULL */

/* The metric for a data set when the user names none: agreement without labels,
 * mse for float labels, perplexity when a sample has several, else top1. */
const struct haq_metric *haq_metric_default(const struct haq_array *y);

/* Value with 95 % interval from n scores (n >= 1) of `positions` each:
 * Wilson for counting metrics (percent), normal on the mean otherwise (mapped
 * through exp for perplexity). */
struct haq_interval haq_metric_value(const struct haq_metric *m,
                                     const double *scores, size_t n,
                                     size_t positions);

/* Labels fit the outputs (range, count, dtype)?  HAQ_INVALID names the first
 * bad sample: "label 12 of sample 7 is outside 0..9". */
haq_status haq_metric_check(const struct haq_metric *m,
                            const struct haq_array *y, size_t n,
                            size_t positions, size_t classes,
                            struct haq_diag *d);

#endif
