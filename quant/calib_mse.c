/* Least squared error of rounding and clipping, by trying ranges on the
 * histogram: shares of the whole one, then each end by itself. */
#include "quant/calib_method.h"

#include <math.h>

/* A quantizer in units of its step: codes lowest .. highest, 0 among them. */
struct steps {
    double scale, lowest, highest;
};

/* Integral from 0 to x of the squared error, x in steps: every code passed adds
 * the 1/12 of its interval, and what lies beyond the last code's middle a cube.
 */
static double error_up_to(const struct steps *k, double x)
{
    double q = fmin(fmax(nearbyint(x), k->lowest), k->highest), r = x - q;
    return q / 12 + r * r * r / 3;
}

/* Squared error over the histogram, values spread evenly over their bin: taken
 * to be at its middle they would favour steps that are a multiple of bins. */
static double range_error(const struct haq_tensor_stats *s,
                          const struct haq_act_spec *spec, double lo, double hi)
{
    struct haq_act_params p =
        haq_act_params_from_range(spec, (float)lo, (float)hi);
    struct steps k = {(double)p.scale, p.qlo - p.zero, p.qhi - p.zero};
    double width = ((double)s->max - (double)s->min) / HAQ_CALIB_BINS;
    size_t zero = haq_calib_bin(0, s->min, s->max);
    double sum = 0, before = error_up_to(&k, (double)s->min / k.scale);
    for (size_t i = 0; i < HAQ_CALIB_BINS; i++) {
        double edge = (double)s->min + (double)(i + 1) * width;
        double n = (double)s->bins[i] - (i == zero ? (double)s->zeros : 0);
        double at = error_up_to(&k, edge / k.scale);
        sum += n * (at - before);
        before = at;
    }
    return sum * k.scale * k.scale * k.scale;
}

struct mse_search {
    const struct haq_tensor_stats *stats;
    const struct haq_act_spec *spec;
    double lo, hi;                  /* the whole range, 0 within */
    double keep_lo, keep_hi, error; /* best so far, shares of lo and hi */
};

static void try_range(struct mse_search *m, double keep_lo, double keep_hi)
{
    double e = range_error(m->stats, m->spec, m->lo * keep_lo, m->hi * keep_hi);
    if (e < m->error) {
        m->error = e;
        m->keep_lo = keep_lo;
        m->keep_hi = keep_hi;
    }
}

/* Shares of 1 % around the best for either end, then of 0.1 %. */
static void refine(struct mse_search *m, double step, int reach)
{
    double lo = m->keep_lo, hi = m->keep_hi;
    for (int i = -reach; i <= reach; i++) {
        double keep = hi + i * step;
        if (keep > 0 && keep <= 1)
            try_range(m, lo, keep);
    }
    hi = m->keep_hi;
    for (int i = -reach; i <= reach; i++) {
        double keep = lo + i * step;
        if (keep > 0 && keep <= 1)
            try_range(m, keep, hi);
    }
}

void haq_calib_mse(const struct haq_tensor_stats *s, double parameter,
                   const struct haq_act_spec *spec, float *lo, float *hi)
{
    (void)parameter;
    struct mse_search m = {.stats = s,
                           .spec = spec,
                           .lo = fmin((double)s->min, 0),
                           .hi = fmax((double)s->max, 0),
                           .error = INFINITY};
    if (spec->format->is_signed) {
        m.hi = fmax(m.hi, -m.lo);
        m.lo = -m.hi;
    }
    for (int i = 0; i < 99; i++)
        try_range(&m, 1 - i / 100.0, 1 - i / 100.0);
    if (spec->format->is_signed) {
        double best = m.keep_hi;
        for (int i = -10; i <= 10; i++)
            if (best + i / 1000.0 <= 1)
                try_range(&m, best + i / 1000.0, best + i / 1000.0);
    } else {
        refine(&m, 0.01, 60);
        refine(&m, 0.001, 10);
    }
    *lo = (float)(m.lo * m.keep_lo);
    *hi = (float)(m.hi * m.keep_hi);
}
