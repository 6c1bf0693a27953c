#include "search/objective.h"

#include <stdio.h>
#include <string.h>

#define FIGURE(member) offsetof(struct haq_figures, member)

const struct haq_objective_row haq_objective_rows[] = {
    {"accuracy", HAQ_OBJ_ACCURACY, FIGURE(drop)},
    {"latency", HAQ_OBJ_LATENCY, FIGURE(ms)},
    {"size", HAQ_OBJ_SIZE, FIGURE(bytes)},
    {"bops", HAQ_OBJ_BOPS, FIGURE(bops)},
    {0},
};

static const struct haq_objective_row *find(const char *name, size_t n)
{
    const struct haq_objective_row *r = haq_objective_rows;
    while (r->name && (strlen(r->name) != n || memcmp(r->name, name, n)))
        r++;
    return r->name ? r : NULL;
}

haq_status haq_objectives_parse(unsigned *mask, const char *list,
                                struct haq_diag *d)
{
    char known[80] = "";
    size_t used = 0;
    *mask = 0;
    for (const char *p = list;; p++) {
        size_t n = strcspn(p, ",");
        const struct haq_objective_row *row = find(p, n);
        for (const struct haq_objective_row *r = haq_objective_rows;
             !row && r->name && used < sizeof known; r++)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s",
                                     used ? ", " : "", r->name);
        if (!row)
            return haq_fail(d, HAQ_USAGE,
                            "--objectives: no device reports \"%.*s\"; there "
                            "are: %s",
                            (int)(n < 40 ? n : 40), p, known);
        *mask |= row->bit;
        p += n;
        if (!*p)
            return HAQ_OK;
    }
}

size_t haq_objectives_pick(unsigned mask, const struct haq_figures *x,
                           double *f)
{
    size_t n = 0;
    for (const struct haq_objective_row *r = haq_objective_rows; r->name; r++)
        if (mask & r->bit)
            memcpy(&f[n++], (const char *)x + r->at, sizeof *f);
    return n;
}
