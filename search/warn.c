/* What a user should know beside the front: sentences in order of appearance.
 */
#include "search/search_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A width is faster than the next wider one when it takes this share of its
 * time at most: the trust in a table of layer times. */
static const double faster = 0.97;

enum { SENTENCE = 400, NAMES = 200 };

void haq_search_warn(struct haq_search *s, const char *fmt, ...)
{
    char text[SENTENCE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (s->n_warnings == HAQ_WARNINGS)
        return;
    const char *copy = haq_arena_strdup(&s->arena, text);
    if (copy)
        s->warning[s->n_warnings++] = copy;
}

size_t haq_search_warnings(const struct haq_search *s)
{
    return s->n_warnings;
}

const char *haq_search_warning(const struct haq_search *s, size_t i)
{
    return s->warning[i];
}

/* ---- the space ------------------------------------------------------------*/

void haq_warn_space(struct haq_search *s)
{
    if (haq_space_points(&s->space) <= 1)
        haq_search_warn(s, "the space has one choice: there is nothing to "
                           "search, it is measured");
}

/* ---- the profile ----------------------------------------------------------*/

/* Least time of a weight format on a layer with whatever else it may have;
 * NAN: unknown. */
static double width_ms(const struct haq_search *s, size_t layer, int weight)
{
    double least = NAN;
    for (size_t o = 0; o < HAQ_OPTIONS; o++) {
        struct haq_choice c = haq_choice_at(o);
        if (c.weight == weight && haq_space_offers(&s->space, layer, c))
            least = fmin(
                least, s->layer_ms[layer * HAQ_CLASSES + haq_choice_class(c)]);
    }
    return least;
}

/* Formats of a layer, as bits of 1 << weight, that are no faster than a wider
 * one that it may have. */
static unsigned slow_widths(const struct haq_search *s, size_t layer)
{
    unsigned slow = 0;
    double wider = NAN;
    for (int w = HAQ_WEIGHT_INT8; w >= 0; w--) {
        double ms = width_ms(s, layer, w);
        if (ms > faster * wider)
            slow |= 1u << w;
        wider = fmin(wider, ms);
    }
    return slow;
}

/* "a, b, c" of the layers with this set; how many there are. */
static size_t name_layers(const struct haq_search *s, unsigned slow,
                          char out[NAMES])
{
    size_t n = 0, shown = 0, used = 0;
    for (size_t l = 0; l < s->space.layers->n; l++) {
        const char *name = s->space.layers->layer[l].tensor;
        if (slow_widths(s, l) != slow)
            continue;
        n++;
        if (used + strlen(name) + 16 > NAMES)
            continue;
        used += (size_t)snprintf(out + used, NAMES - used, "%s%s",
                                 used ? ", " : "", name);
        shown++;
    }
    if (shown < n)
        snprintf(out + used, NAMES - used, " and %zu more", n - shown);
    return n;
}

static void name_widths(unsigned slow, char *out, size_t room)
{
    size_t used = 0;
    out[0] = 0;
    for (int w = 0; w < HAQ_WEIGHT_FLOAT; w++)
        if (slow >> w & 1)
            used += (size_t)snprintf(
                out + used, room - used, "%s%s", used ? ", " : "",
                haq_choice_format((struct haq_choice){.weight = w})->name);
}

/* One sentence per set of formats, so that layers alike are said together. */
static void warn_widths(struct haq_search *s)
{
    for (size_t l = 0; l < s->space.layers->n; l++) {
        unsigned slow = slow_widths(s, l);
        char names[NAMES] = "", widths[HAQ_FORMATS_TEXT];
        bool said = !slow;
        for (size_t k = 0; k < l && !said; k++)
            said = slow_widths(s, k) == slow;
        if (said)
            continue;
        size_t n = name_layers(s, slow, names);
        name_widths(slow, widths, sizeof widths);
        if (n == s->space.layers->n)
            snprintf(names, sizeof names, "any layer");
        haq_search_warn(s,
                        "no faster than a wider format here, only smaller: "
                        "%s in %s",
                        widths, names);
    }
}

/* The table's own bound: every layer as fast as it can be. */
static void warn_latency(struct haq_search *s)
{
    double ms = haq_predict_least_ms(s);
    if (ms > s->config.max_latency_ms)
        haq_search_warn(s,
                        "--max-latency %g cannot be met: with the fastest "
                        "choice in every layer the network takes %.3g ms by "
                        "the measured table",
                        s->config.max_latency_ms, ms);
}

void haq_warn_profile(struct haq_search *s)
{
    warn_widths(s);
    warn_latency(s);
}
