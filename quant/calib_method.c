#include "quant/calib_method.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct haq_calib_parameter constant = {
    "C", "a constant above 0 and up to 1", "0.01", 0, 1};
static const struct haq_calib_parameter percent = {
    "P", "percent above 50 and up to 100", "99.99", 50, 100};

static const struct haq_calib_method table[] = {
    {"minmax", false, NULL, haq_calib_minmax},
    {"average", false, &constant, haq_calib_average},
    {"percentile", true, &percent, haq_calib_percentile},
    {"entropy", true, NULL, haq_calib_entropy},
    {"mse", true, NULL, haq_calib_mse},
    {"octav", true, NULL, haq_calib_octav},
};
enum { N_METHODS = sizeof table / sizeof *table };

void haq_calib_methods_text(char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < N_METHODS && used < size; i++) {
        const struct haq_calib_parameter *p = table[i].parameter;
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "",
                                 table[i].name);
        if (p && used < size)
            used += (size_t)snprintf(out + used, size - used, ":%s (%s)",
                                     p->letter, p->example);
    }
}

static haq_status parse_parameter(double *out, const struct haq_calib_method *m,
                                  const char *text, const char *rest,
                                  struct haq_diag *d)
{
    const struct haq_calib_parameter *p = m->parameter;
    char *end = NULL;
    *out = 0;
    if (!p)
        return !*rest ? HAQ_OK
                      : haq_fail(d, HAQ_USAGE, "'%.60s': %s takes no parameter",
                                 text, m->name);
    if (*rest)
        *out = strtod(rest + 1, &end);
    if (end && end != rest + 1 && !*end && *out > p->above && *out <= p->most)
        return HAQ_OK;
    return haq_fail(d, HAQ_USAGE, "'%.60s': wants %s, as in %s:%s", text,
                    p->what, m->name, p->example);
}

haq_status haq_calib_method_parse(const struct haq_calib_method **out,
                                  double *parameter, const char *text,
                                  struct haq_diag *d)
{
    char names[200];
    size_t n = strcspn(text, ":");
    for (size_t i = 0; i < N_METHODS; i++)
        if (strlen(table[i].name) == n && !strncmp(table[i].name, text, n)) {
            *out = &table[i];
            return parse_parameter(parameter, *out, text, text + n, d);
        }
    haq_calib_methods_text(names, sizeof names);
    return haq_fail(d, HAQ_USAGE,
                    "'%.60s' is not a calibration method; there are: %s", text,
                    names);
}
