#include "quant/calib.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNED_TO_CONTAINER = 128 };

void haq_calib_fini(struct haq_calib *c)
{
    haq_arena_fini(&c->arena);
    *c = (struct haq_calib){0};
}

const struct haq_tensor_stats *haq_calib_find(const struct haq_calib *c,
                                              const char *tensor)
{
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->tensor[i].tensor, tensor))
            return &c->tensor[i];
    return NULL;
}

static void range_minmax(const struct haq_tensor_stats *s, double parameter,
                         const struct haq_act_spec *spec, float *lo, float *hi)
{
    (void)parameter, (void)spec;
    *lo = s->min;
    *hi = s->max;
}

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

static void range_percentile(const struct haq_tensor_stats *s, double percent,
                             const struct haq_act_spec *spec, float *lo,
                             float *hi)
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

/* Squared error over the histogram (all of a bin at its centre). */
static double range_error(const struct haq_tensor_stats *s,
                          const struct haq_act_spec *spec, double lo, double hi)
{
    struct haq_act_params p =
        haq_act_params_from_range(spec, (float)lo, (float)hi);
    double width = ((double)s->max - (double)s->min) / HAQ_CALIB_BINS;
    double scale = (double)p.scale, sum = 0;
    for (int i = 0; i < HAQ_CALIB_BINS; i++) {
        if (!s->bins[i])
            continue;
        double x = (double)s->min + (i + 0.5) * width;
        double q = nearbyint(x / scale) + p.zero;
        q = fmin(fmax(q, p.qlo), p.qhi);
        double e = x - (q - p.zero) * scale;
        sum += e * e * (double)s->bins[i];
    }
    return sum;
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

static void range_mse(const struct haq_tensor_stats *s, double parameter,
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

/* haq_calib_method_parse lists the same names. */
static const struct haq_calib_method methods[] = {
    {"minmax", false, false, range_minmax},
    {"percentile", true, true, range_percentile},
    {"mse", true, false, range_mse},
};

haq_status haq_calib_method_parse(const struct haq_calib_method **out,
                                  double *parameter, const char *text,
                                  struct haq_diag *d)
{
    size_t n = strcspn(text, ":");
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        const struct haq_calib_method *m = &methods[i];
        if (strlen(m->name) != n || strncmp(m->name, text, n))
            continue;
        char *end = NULL;
        *parameter = 0;
        if (m->has_parameter && text[n])
            *parameter = strtod(text + n + 1, &end);
        if (m->has_parameter && (!end || end == text + n + 1 || *end ||
                                 !(*parameter > 50) || !(*parameter <= 100)))
            return haq_fail(d, HAQ_USAGE,
                            "'%.60s': wants percent above 50 and up to 100, "
                            "as in percentile:99.99",
                            text);
        if (!m->has_parameter && text[n])
            return haq_fail(d, HAQ_USAGE, "'%.60s': %s takes no parameter",
                            text, m->name);
        *out = m;
        return HAQ_OK;
    }
    return haq_fail(d, HAQ_USAGE,
                    "'%.60s' is not a calibration method; there are: minmax, "
                    "percentile:P, mse",
                    text);
}

static struct haq_act_params params_signed(int bits, double lo, double hi)
{
    int qmax = (1 << (bits - 1)) - 1;
    float scale = (float)(fmax(hi, -lo) / qmax);
    return (struct haq_act_params){
        .scale = scale < FLT_MIN ? 1.0f : scale,
        .zero = SIGNED_TO_CONTAINER,
        .qlo = SIGNED_TO_CONTAINER - qmax,
        .qhi = SIGNED_TO_CONTAINER + qmax,
    };
}

static struct haq_act_params params_unsigned(int bits, double lo, double hi)
{
    int qmax = (1 << bits) - 1;
    struct haq_act_params p = {.qlo = 0, .qhi = qmax};
    p.scale = (float)((hi - lo) / qmax);
    if (p.scale < FLT_MIN)
        p.scale = 1.0f;
    double zero = nearbyint(-lo / (double)p.scale);
    p.zero = (int32_t)fmin(fmax(zero, 0), qmax);
    return p;
}

struct haq_act_params haq_act_params_from_range(const struct haq_act_spec *spec,
                                                float lo, float hi)
{
    assert(spec->format->integer && lo <= hi);
    double low = fmin((double)lo, 0), high = fmax((double)hi, 0);
    int bits = spec->format->bits;
    return spec->format->is_signed ? params_signed(bits, low, high)
                                   : params_unsigned(bits, low, high);
}
