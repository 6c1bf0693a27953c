#include "search/pareto.h"

#include <stdlib.h>
#include <string.h>

#include "search/algo/dominance.h"

static bool allowed(const double *violation, size_t i)
{
    return !violation || violation[i] <= 0;
}

static bool same(const double *a, const double *b, size_t m)
{
    for (size_t i = 0; i < m; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

size_t haq_nondominated(const double *f, const double *violation, size_t n,
                        size_t m, bool *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const double *p = f + i * m;
        keep[i] = allowed(violation, i);
        for (size_t j = 0; j < n && keep[i]; j++) {
            const double *q = f + j * m;
            bool twin = j < i && same(p, q, m);
            if (allowed(violation, j) && (twin || haq_dominates(q, p, m)))
                keep[i] = false;
        }
        kept += keep[i];
    }
    return kept;
}

/* ---- choice ---------------------------------------------------------------*/

bool haq_spread_order(const double *f, size_t m, size_t *index, size_t n)
{
    double *crowd = calloc(n + 1, sizeof *crowd);
    struct haq_keyed *keyed = calloc(n + 1, sizeof *keyed);
    bool ok = crowd && keyed;
    for (; ok && n > 1; n--) {
        size_t worst = 0;
        haq_crowding(f, m, index, n, crowd, keyed);
        for (size_t i = 1; i < n; i++)
            if (crowd[i] < crowd[worst])
                worst = i;
        size_t gone = index[worst];
        memmove(index + worst, index + worst + 1,
                (n - worst - 1) * sizeof *index);
        index[n - 1] = gone;
    }
    free(crowd);
    free(keyed);
    return ok;
}
