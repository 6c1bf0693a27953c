/* By sample and not by batch: how many samples run at once must not change the
 * result. */
#include "quant/calib_method.h"

void haq_calib_average(const struct haq_tensor_stats *s, double c,
                       const struct haq_act_spec *spec, float *lo, float *hi)
{
    (void)spec;
    double low = (double)s->min, high = (double)s->max;
    for (size_t i = 0; i < s->samples; i++) {
        double min = (double)s->sample_min[i], max = (double)s->sample_max[i];
        low = i ? low + c * (min - low) : min;
        high = i ? high + c * (max - high) : max;
    }
    *lo = (float)low;
    *hi = (float)high;
}
