#include "quant/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quant/format/coder.h"

enum { GROUP_STEP = 16, GROUP_MAX = 1 << 20, MAX_WORDS = 4 };

/* "a:b:c" in pieces; the words live in `copy`. */
struct words {
    char copy[64];
    char *word[MAX_WORDS];
    int n;
};

static haq_status split(struct words *w, const char *text, struct haq_diag *d)
{
    w->n = 0;
    if (strlen(text) >= sizeof w->copy)
        return haq_fail(d, HAQ_USAGE, "'%.40s...' is too long for a format",
                        text);
    strcpy(w->copy, text);
    for (char *p = w->copy; p;) {
        if (w->n == MAX_WORDS)
            return haq_fail(d, HAQ_USAGE, "'%s' has too many parts", text);
        w->word[w->n++] = p;
        p = strchr(p, ':');
        if (p)
            *p++ = 0;
    }
    return HAQ_OK;
}

static haq_status find_format(const struct haq_format **out, const char *word,
                              const char *text, struct haq_diag *d)
{
    *out = haq_format_find(word);
    if (*out)
        return HAQ_OK;
    return haq_fail(d, HAQ_USAGE, "'%s' in '%s' is not a format; there are: %s",
                    word, text, haq_format_names());
}

static haq_status parse_group(int *group, const char *digits, const char *text,
                              struct haq_diag *d)
{
    char *end;
    long n = strtol(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || *end || n <= 0 || n > GROUP_MAX ||
        n % GROUP_STEP)
        return haq_fail(d, HAQ_USAGE,
                        "'%s': a group is a multiple of %d such as group32",
                        text, GROUP_STEP);
    *group = (int)n;
    return HAQ_OK;
}

static haq_status parse_granularity(struct haq_weight_spec *s, const char *word,
                                    const char *text, struct haq_diag *d)
{
    if (!strcmp(word, "tensor")) {
        s->granularity = HAQ_PER_TENSOR;
        return HAQ_OK;
    }
    if (!strcmp(word, "channel")) {
        s->granularity = HAQ_PER_CHANNEL;
        return HAQ_OK;
    }
    if (!strncmp(word, "group", 5)) {
        s->granularity = HAQ_PER_GROUP;
        return parse_group(&s->group, word + 5, text, d);
    }
    return haq_fail(d, HAQ_USAGE,
                    "'%s' in '%s' is not a granularity; there are: tensor, "
                    "channel, group32 (any multiple of %d)",
                    word, text, GROUP_STEP);
}

haq_status haq_weight_spec_parse(struct haq_weight_spec *out, const char *text,
                                 struct haq_diag *d)
{
    struct words w;
    struct haq_weight_spec s = {.granularity = HAQ_PER_CHANNEL};
    haq_status st = split(&w, text, d);
    if (!st)
        st = find_format(&s.format, w.word[0], text, d);
    if (st)
        return st;
    if (!haq_format_quantizes(s.format) && w.n > 1)
        return haq_fail(d, HAQ_USAGE, "'%s': float weights have no options",
                        text);

    if (w.n > 1 && !strcmp(w.word[w.n - 1], "pow2")) {
        if (s.format->fit || s.format->coder)
            return haq_fail(d, HAQ_USAGE,
                            "'%s': pow2 is for int2 to int8 and uint2 to uint8",
                            text);
        s.pow2 = true;
        w.n--;
    }
    if (w.n > 1 && !strcmp(w.word[w.n - 1], "full")) {
        if (!s.format->is_signed || s.format->fit || s.format->coder)
            return haq_fail(d, HAQ_USAGE,
                            "'%s': full is for int2 to int8, the other formats "
                            "use all codes anyway",
                            text);
        s.full_range = true;
        w.n--;
    }
    if (w.n > 2)
        return haq_fail(d, HAQ_USAGE,
                        "'%s' is not FORMAT[:GRANULARITY][:full][:pow2]", text);
    const struct haq_coder *c = s.format->coder;
    const char *grain = c ? c->grain : "channel";
    if (w.n == 2 && c && c->fixed && strcmp(w.word[1], grain))
        return haq_fail(d, HAQ_USAGE,
                        "'%s': %s is always per %s, there is nothing to choose",
                        text, s.format->name, grain);
    st = parse_granularity(&s, w.n == 2 ? w.word[1] : grain, text, d);
    if (!st)
        *out = s;
    return st;
}

haq_status haq_act_spec_parse(struct haq_act_spec *out, const char *text,
                              struct haq_diag *d)
{
    struct words w;
    struct haq_act_spec s = {0};
    haq_status st = split(&w, text, d);
    if (!st)
        st = find_format(&s.format, w.word[0], text, d);
    if (st)
        return st;
    if (s.format->fit || s.format->coder)
        return haq_fail(d, HAQ_USAGE, "'%s': %s is a format for weights alone",
                        text, s.format->name);
    if (!s.format->integer && w.n > 1)
        return haq_fail(d, HAQ_USAGE, "'%s': float activations have no options",
                        text);
    if (w.n > 2 || (w.n == 2 && strcmp(w.word[1], "static") &&
                    strcmp(w.word[1], "dynamic")))
        return haq_fail(d, HAQ_USAGE, "'%s' is not FORMAT[:static|:dynamic]",
                        text);
    s.dynamic = w.n == 2 && !strcmp(w.word[1], "dynamic");
    *out = s;
    return HAQ_OK;
}

bool haq_weight_spec_fixed(const struct haq_weight_spec *s)
{
    return s->format->coder && s->format->coder->fixed;
}

void haq_weight_spec_text(char out[HAQ_SPEC_TEXT],
                          const struct haq_weight_spec *s)
{
    const char *full = s->full_range ? ":full" : "";
    const char *pow2 = s->pow2 ? ":pow2" : "";
    if (!haq_format_quantizes(s->format))
        snprintf(out, HAQ_SPEC_TEXT, "float");
    else if (haq_weight_spec_fixed(s))
        snprintf(out, HAQ_SPEC_TEXT, "%s", s->format->name);
    else if (s->granularity == HAQ_PER_GROUP)
        snprintf(out, HAQ_SPEC_TEXT, "%s:group%d%s%s", s->format->name,
                 s->group, full, pow2);
    else
        snprintf(out, HAQ_SPEC_TEXT, "%s:%s%s%s", s->format->name,
                 s->granularity == HAQ_PER_TENSOR ? "tensor" : "channel", full,
                 pow2);
}

void haq_act_spec_text(char out[HAQ_SPEC_TEXT], const struct haq_act_spec *s)
{
    if (!s->format->integer)
        snprintf(out, HAQ_SPEC_TEXT, "float");
    else
        snprintf(out, HAQ_SPEC_TEXT, "%s:%s", s->format->name,
                 s->dynamic ? "dynamic" : "static");
}

void haq_weight_range(const struct haq_weight_spec *s, int *lo, int *hi)
{
    bool narrow = s->format->is_signed && !s->full_range;
    *hi = s->format->qmax;
    *lo = narrow ? -s->format->qmax : s->format->qmin;
}
