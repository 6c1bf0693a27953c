#include "cli/show_inputs.h"

#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/cli.h"

enum { ADVICE = 160, WORST = 3 };

static void worst_cell(struct haq_table *t, const struct haq_input_stats *s)
{
    size_t worst[WORST], n = haq_input_stats_worst(s, worst, WORST);
    char text[80] = "";
    size_t used = 0;
    for (size_t i = 0; i < n && used < sizeof text; i++) {
        const struct haq_channel_stats *c = &s->channel[worst[i]];
        used += (size_t)snprintf(
            text + used, sizeof text - used, "%s%zu: %.3g", i ? ", " : "",
            worst[i], fmax(fabs((double)c->min), fabs((double)c->max)));
    }
    haq_table_cell(t, "%s", text);
}

void haq_show_inputs(const struct haq_inputs *in)
{
    const char *heads[] = {"input of layer", ">min",
                           ">max",           ">mean",
                           ">std",           ">6 sigma",
                           ">above 6",       ">channels",
                           ">all 0",         ">furthest / median",
                           "they reach",     "advice"};
    struct haq_table *t = haq_table_new(sizeof heads / sizeof *heads, heads);
    for (size_t i = 0; i < in->n; i++) {
        const struct haq_input_stats *s = &in->input[i];
        char advice[ADVICE];
        haq_input_stats_advice(s, advice, sizeof advice);
        haq_table_cell(t, "%s", s->layer);
        haq_table_cell(t, "%.4g", (double)s->min);
        haq_table_cell(t, "%.4g", (double)s->max);
        haq_table_cell(t, "%.3g", s->mean);
        haq_table_cell(t, "%.3g", s->std);
        haq_table_cell(t, "%.3g %%", 100 * s->far_ratio);
        haq_table_cell(t, "%.3g %%", 100 * s->big_ratio);
        haq_table_cell(t, "%zu", s->channels);
        haq_table_cell(t, "%zu", s->zero_channels);
        haq_table_cell(t, "%.1f", s->range_ratio);
        worst_cell(t, s);
        haq_table_cell(t, "%s", advice);
    }
    haq_table_print(t, stdout);
    printf("\nover %zu samples; 6 sigma: values so far from the mean of the "
           "tensor; above 6: magnitudes;\nfurthest / median: what channels "
           "reach from 0, the furthest over the median one\n",
           in->samples);
}

static json_t *channel_json(const struct haq_channel_stats *c)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:I, s:I}", "min", haq_json_real((double)c->min),
        "max", haq_json_real((double)c->max), "mean", haq_json_real(c->mean),
        "std", haq_json_real(c->std), "beyond_6_sigma", (json_int_t)c->far,
        "above_6", (json_int_t)c->big);
}

static json_t *input_json(const struct haq_input_stats *s)
{
    json_t *channels = json_array(), *worst = json_array();
    size_t first[WORST], n = haq_input_stats_worst(s, first, WORST);
    char advice[ADVICE];
    haq_input_stats_advice(s, advice, sizeof advice);
    for (size_t c = 0; c < s->channels; c++)
        json_array_append_new(channels, channel_json(&s->channel[c]));
    for (size_t i = 0; i < n; i++)
        json_array_append_new(worst, json_integer((json_int_t)first[i]));
    return json_pack(
        "{s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, "
        "s:s, s:o}",
        "layer", s->layer, "tensor", s->tensor, "values", (json_int_t)s->count,
        "min", haq_json_real((double)s->min), "max",
        haq_json_real((double)s->max), "mean", haq_json_real(s->mean), "std",
        haq_json_real(s->std), "beyond_6_sigma_ratio",
        haq_json_real(s->far_ratio), "above_6_ratio",
        haq_json_real(s->big_ratio), "channels_above_6",
        (json_int_t)s->big_channels, "zero_channels",
        (json_int_t)s->zero_channels, "channel_range_ratio",
        haq_json_real(s->range_ratio), "worst_channels", worst, "advice",
        advice, "channels", channels);
}

json_t *haq_inputs_to_json(const struct haq_inputs *in)
{
    json_t *list = json_array();
    for (size_t i = 0; i < in->n; i++)
        if (json_array_append_new(list, input_json(&in->input[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}
