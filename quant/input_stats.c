#include "quant/input_stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* From here on a range is made by few: 8 times is three bits. */
static const double WIDE_RATIO = 8;
/* Bits that a range wider than 6 sigma to either side wastes on nothing. */
static const double LOST_BITS = 1;

void haq_inputs_fini(struct haq_inputs *i)
{
    haq_arena_fini(&i->arena);
    *i = (struct haq_inputs){0};
}

static double reach(const struct haq_channel_stats *c)
{
    return fmax(fabs((double)c->min), fabs((double)c->max));
}

void haq_input_stats_spread(struct haq_input_stats *s)
{
    double mean = 0, var = 0;
    for (size_t c = 0; c < s->channels; c++)
        mean += s->channel[c].mean / (double)s->channels;
    for (size_t c = 0; c < s->channels; c++) {
        double off = s->channel[c].mean - mean, std = s->channel[c].std;
        var += (std * std + off * off) / (double)s->channels;
    }
    s->mean = mean;
    s->std = sqrt(var);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

haq_status haq_input_stats_sum(struct haq_input_stats *s, struct haq_diag *d)
{
    double far = 0, big = 0, n = (double)s->count, *all;
    size_t used = 0;
    if (!s->channels)
        return HAQ_OK;
    all = malloc(s->channels * sizeof *all);
    if (!all)
        return haq_fail(d, HAQ_NOMEM, "channels of layer %s", s->layer);
    s->min = s->channel[0].min;
    s->max = s->channel[0].max;
    for (size_t i = 0; i < s->channels; i++) {
        const struct haq_channel_stats *c = &s->channel[i];
        s->min = fminf(s->min, c->min);
        s->max = fmaxf(s->max, c->max);
        far += (double)c->far;
        big += (double)c->big;
        s->big_channels += c->big > 0;
        if (reach(c) > 0)
            all[used++] = reach(c);
    }
    s->zero_channels = s->channels - used;
    s->far_ratio = n > 0 ? far / n : 0;
    s->big_ratio = n > 0 ? big / n : 0;
    qsort(all, used, sizeof *all, by_value);
    s->range_ratio = used ? all[used - 1] / all[used / 2] : 1;
    free(all);
    return HAQ_OK;
}

size_t haq_input_stats_worst(const struct haq_input_stats *s, size_t *out,
                             size_t most)
{
    size_t n = 0; /* an insertion sort that forgets what falls off its end */
    for (size_t c = 0; c < s->channels && most; c++) {
        double far = reach(&s->channel[c]);
        size_t at = n;
        while (at > 0 && far > reach(&s->channel[out[at - 1]]))
            at--;
        if (at == most)
            continue;
        n += n < most;
        for (size_t i = n - 1; i > at; i--)
            out[i] = out[i - 1];
        out[at] = c;
    }
    return n;
}

void haq_input_stats_advice(const struct haq_input_stats *s, char *out,
                            size_t size)
{
    double width = (double)s->max - (double)s->min;
    double lost = s->std > 0 ? log2(width / (12 * s->std)) : 0;
    snprintf(out, size, "%s", "");
    if (!(width > 0))
        snprintf(out, size, "constant on these samples");
    else if (s->range_ratio > WIDE_RATIO)
        snprintf(out, size,
                 "few channels make the range: equalize or smooth them "
                 "(--method)");
    else if (lost > LOST_BITS)
        snprintf(out, size,
                 "outliers cost %.1f bits: --calibration mse or "
                 "percentile:99.99",
                 lost);
    else if (s->zero_channels)
        snprintf(out, size, "%zu channel%s always 0", s->zero_channels,
                 s->zero_channels > 1 ? "s are" : " is");
}
