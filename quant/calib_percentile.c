#include "quant/calib_method.h"

#include <math.h>

/* Position below which `share` of the values lie, counted from bin 0 in
 * direction +1 or from the last one in direction -1; in bins from that end,
 * linear within a bin. */
static double bins_until(const uint64_t *bins, int direction, double share)
{
    double seen = 0;
    for (int i = 0; i < HAQ_CALIB_BINS; i++) {
        double n = (double)bins[direction > 0 ? i : HAQ_CALIB_BINS - 1 - i];
        if (seen + n > share)
            return i + (share - seen) / n;
        seen += n;
    }
    return HAQ_CALIB_BINS;
}

void haq_calib_percentile(const struct haq_tensor_stats *s, double percent,
                          const struct haq_act_spec *spec, float *lo, float *hi)
{
    (void)spec;
    double cut = (100 - percent) / 200 * (double)s->count;
    double width = ((double)s->max - (double)s->min) / HAQ_CALIB_BINS;
    *lo = (float)((double)s->min + width * bins_until(s->bins, 1, cut));
    *hi = (float)((double)s->max - width * bins_until(s->bins, -1, cut));
    *lo = fmaxf(*lo, s->min);
    *hi = fminf(*hi, s->max);
    if (*lo > *hi)
        *lo = *hi = (float)(((double)*lo + (double)*hi) / 2);
}
