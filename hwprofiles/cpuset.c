#include "hwprofiles/cpuset.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { WORDS = HAQ_CPUS_MAX / 64, HALVES = HAQ_CPUS_MAX / 32 };

void haq_cpuset_add(struct haq_cpuset *s, size_t c)
{
    s->word[c / 64] |= UINT64_C(1) << c % 64;
}

bool haq_cpuset_has(const struct haq_cpuset *s, size_t c)
{
    return c < HAQ_CPUS_MAX && s->word[c / 64] >> c % 64 & 1;
}

void haq_cpuset_and(struct haq_cpuset *s, const struct haq_cpuset *other)
{
    for (size_t i = 0; i < WORDS; i++)
        s->word[i] &= other->word[i];
}

size_t haq_cpuset_count(const struct haq_cpuset *s)
{
    size_t n = 0;
    for (size_t i = 0; i < WORDS; i++)
        n += (size_t)__builtin_popcountll(s->word[i]);
    return n;
}

void haq_cpuset_all(struct haq_cpuset *s)
{
    memset(s, 0xff, sizeof *s);
}

/* Digits at *at as a CPU number; moves *at behind them. */
static bool parse_cpu(const char **at, size_t *out)
{
    const char *p = *at;
    size_t v = 0;
    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p); p++) {
        v = v * 10 + (size_t)(*p - '0');
        if (v >= HAQ_CPUS_MAX)
            return false;
    }
    *at = p;
    *out = v;
    return true;
}

static const char *skip_space(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

bool haq_cpuset_parse_list(struct haq_cpuset *s, const char *text)
{
    const char *p = skip_space(text);

    memset(s, 0, sizeof *s);
    while (*p) {
        size_t first, last;
        if (!parse_cpu(&p, &first))
            return false;
        last = first;
        if (*p == '-' && (p++, !parse_cpu(&p, &last)))
            return false;
        if (last < first)
            return false;
        for (; first <= last; first++)
            haq_cpuset_add(s, first);
        p = skip_space(p);
        if (*p == ',')
            p++;
        else if (*p)
            return false;
    }
    return true;
}

static bool parse_word(const char *from, const char *to, uint32_t *out)
{
    *out = 0;
    if (from == to)
        return true;
    if (to - from < 3 || to - from > 10 || from[0] != '0' || from[1] != 'x')
        return false;
    for (from += 2; from < to; from++) {
        int c = tolower((unsigned char)*from);
        if (!isxdigit(c))
            return false;
        *out = *out << 4 | (uint32_t)(isdigit(c) ? c - '0' : c - 'a' + 10);
    }
    return true;
}

bool haq_cpuset_parse_mask(struct haq_cpuset *s, const char *text)
{
    size_t words = 1;

    memset(s, 0, sizeof *s);
    for (const char *p = text; *p; p++)
        words += *p == ',';
    for (size_t i = words; i-- > 0; text += *text == ',') {
        const char *end = text + strcspn(text, ",");
        uint32_t v;
        if (!parse_word(text, end, &v) || (v && i >= HALVES))
            return false;
        if (v)
            s->word[i / 2] |= (uint64_t)v << i % 2 * 32;
        text = end;
    }
    return true;
}

void haq_cpuset_text(char *out, size_t size, const struct haq_cpuset *s)
{
    size_t used = 0;

    out[0] = 0;
    for (size_t c = 0; c < HAQ_CPUS_MAX && used < size; c++) {
        size_t last = c;
        if (!haq_cpuset_has(s, c))
            continue;
        while (haq_cpuset_has(s, last + 1))
            last++;
        int n = snprintf(out + used, size - used, "%s%zu", used ? "," : "", c);
        used += (size_t)n;
        if (last > c && used < size)
            used += (size_t)snprintf(out + used, size - used, "-%zu", last);
        c = last;
    }
}
