/* quant/calib_method.h - from the statistics of a tensor to the range that its
 * codes cover.
 *
 *   minmax         everything that was seen
 *   average:C      lowest and highest value of each sample, moved through the
 *                  samples in their order: r += C (sample - r).  0.01 is usual;
 *                  what single samples reach is cut off
 *   percentile:P   P percent of the values; the rest is cut off at both ends
 *                  by count.  99.99 is usual
 *   entropy        least Kullback-Leibler divergence of the clipped histogram
 *                  and what the codes make of it (quant/calib_entropy.c)
 *   mse            least squared error, by trying ranges on the histogram
 *   octav          the same by a fixed point, for the noise that fine steps
 *                  make (quant/calib_octav.c)
 *
 * One file and one row of the table in quant/calib_method.c each.
 */
#ifndef HAQ_QUANT_CALIB_METHOD_H
#define HAQ_QUANT_CALIB_METHOD_H

#include "quant/calib.h"

/* Range [lo, hi] of a tensor with finite statistics for codes as `spec` says;
 * lo <= hi, both finite, 0 need not lie between them.  parameter: as parsed. */
typedef void haq_calib_range_fn(const struct haq_tensor_stats *s,
                                double parameter,
                                const struct haq_act_spec *spec, float *lo,
                                float *hi);

/* A number behind the name, above `above` and up to `most`. */
struct haq_calib_parameter {
    const char *letter, *what, *example; /* "P", "percent", "99.99" */
    double above, most;
};

struct haq_calib_method {
    const char *name;
    bool needs_histogram;
    const struct haq_calib_parameter *parameter; /* NULL: takes none */
    haq_calib_range_fn *range;
};

haq_calib_range_fn haq_calib_minmax, haq_calib_average, haq_calib_percentile,
    haq_calib_entropy, haq_calib_mse, haq_calib_octav;

/* Parse "minmax", "percentile:99.99", "mse".  HAQ_USAGE lists the names. */
haq_status haq_calib_method_parse(const struct haq_calib_method **out,
                                  double *parameter, const char *text,
                                  struct haq_diag *d);

/* "minmax, average:C (0.01), ...": for help and complaints.  Cut to `size`. */
void haq_calib_methods_text(char *out, size_t size);

#endif
