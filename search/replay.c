#include "search/replay.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/hypervolume.h"
#include "search/indicator.h"

static const double edge[HAQ_MAX_OBJECTIVES] = {
    HAQ_REPLAY_REFERENCE, HAQ_REPLAY_REFERENCE, HAQ_REPLAY_REFERENCE,
    HAQ_REPLAY_REFERENCE};

/* A set of points none of which is nowhere worse than another. */
struct cover {
    double *x; /* [n][m] */
    size_t n, room, m;
    bool failed; /* no memory */
};

static bool nowhere_worse(const double *a, const double *b, size_t m)
{
    for (size_t k = 0; k < m; k++)
        if (a[k] > b[k])
            return false;
    return true;
}

/* True when the set has changed. */
static bool cover_add(struct cover *c, const double *x)
{
    size_t m = c->m, kept = 0;
    for (size_t i = 0; i < c->n; i++)
        if (nowhere_worse(c->x + i * m, x, m))
            return false;
    for (size_t i = 0; i < c->n; i++)
        if (!nowhere_worse(x, c->x + i * m, m))
            memmove(c->x + kept++ * m, c->x + i * m, m * sizeof *x);
    c->n = kept;
    if (kept == c->room) {
        size_t room = kept ? 2 * kept : 64;
        double *p = realloc(c->x, room * m * sizeof *p);
        c->failed |= !p;
        if (!p)
            return false;
        c->x = p, c->room = room;
    }
    memcpy(c->x + c->n++ * m, x, m * sizeof *x);
    return true;
}

/* Sum of relative excesses over the limits; NAN for a failed measurement. */
static double violation_of(const struct haq_replay_table *t, const double *f)
{
    double sum = 0;
    for (size_t k = 0; k < t->m; k++) {
        if (isnan(f[k]))
            return NAN;
        if (f[k] > t->limit[k])
            sum += (f[k] - t->limit[k]) / fmax(fabs(t->limit[k]), 1e-9);
    }
    return sum;
}

void haq_replay_fini(struct haq_replay *r)
{
    free(r->front);
    r->front = NULL;
}

static void scale(const struct haq_replay *r, const double *f, double *x)
{
    for (size_t k = 0; k < r->table->m; k++)
        x[k] = (f[k] - r->low[k]) / r->span[k];
}

haq_status haq_replay_init(struct haq_replay *r,
                           const struct haq_replay_table *t, struct haq_diag *d)
{
    struct cover c = {.m = t->m};
    *r = (struct haq_replay){.table = t};
    assert(t->m >= 1 && t->m <= HAQ_MAX_OBJECTIVES);
    for (size_t i = 0; i < t->points; i++)
        if (violation_of(t, t->f + i * t->m) <= 0)
            cover_add(&c, t->f + i * t->m);
    r->front = c.x, r->n_front = c.n;
    if (c.failed)
        return haq_fail(d, HAQ_NOMEM, "front of the table");
    if (!c.n)
        return haq_fail(d, HAQ_INVALID, "no point is within the limits");
    for (size_t k = 0; k < t->m; k++) {
        double low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < c.n; i++) {
            low = fmin(low, c.x[i * t->m + k]);
            high = fmax(high, c.x[i * t->m + k]);
        }
        r->low[k] = low;
        r->span[k] = high > low ? high - low : 1;
    }
    for (size_t i = 0; i < c.n; i++)
        scale(r, c.x + i * t->m, c.x + i * t->m);
    r->volume = haq_hypervolume(r->front, r->n_front, t->m, edge);
    return isnan(r->volume) ? haq_fail(d, HAQ_NOMEM, "front of the table")
                            : HAQ_OK;
}

static const double *look_up(const struct haq_replay_table *t, const int *genes)
{
    size_t at = 0;
    for (size_t g = 0; g < t->genes; g++)
        at = at * (size_t)t->cardinality[g] + (size_t)genes[g];
    return t->f + at * t->m;
}

/* One search being replayed. */
struct replaying {
    const struct haq_replay *r;
    const struct haq_algo *algo;
    struct haq_algo_run *state;
    struct haq_replay_run *run;
    struct cover found;
    size_t *id;       /* [evaluations] of the open vectors */
    const double **f; /* [evaluations] their results */
    size_t done;
};

static void count(struct replaying *p, const double *f, double violation)
{
    double x[HAQ_MAX_OBJECTIVES];
    double *share = p->run->share + p->done++;
    *share = share > p->run->share ? share[-1] : 0;
    scale(p->r, f, x);
    if (violation <= 0 && cover_add(&p->found, x))
        *share = haq_hypervolume(p->found.x, p->found.n, p->found.m, edge) /
                 p->r->volume;
}

/* Ask for a generation, tell it; false at the end of the search. */
static bool generation(struct replaying *p)
{
    size_t n = 0;
    const int *genes;
    while (p->done + n < p->run->evaluations &&
           p->algo->ask(p->state, &p->id[n], &genes) == HAQ_ASK_GIVEN)
        p->f[n++] = look_up(p->r->table, genes);
    for (size_t i = 0; i < n; i++) {
        double violation = violation_of(p->r->table, p->f[i]);
        count(p, p->f[i], violation);
        p->algo->tell(p->state, p->id[i], p->f[i], violation);
    }
    return n;
}

haq_status haq_replay_search(const struct haq_replay *r,
                             const struct haq_algo *algo, size_t population,
                             uint64_t seed, struct haq_replay_run *run,
                             struct haq_diag *d)
{
    const struct haq_replay_table *t = r->table;
    struct replaying p = {.r = r, .algo = algo, .run = run, .found.m = t->m};
    const struct haq_algo_config c = {.genes = t->genes,
                                      .cardinality = t->cardinality,
                                      .objectives = t->m,
                                      .population = population,
                                      .seed = seed};
    haq_status s = HAQ_NOMEM;
    run->front = NULL, run->n_front = 0;
    p.id = calloc(run->evaluations, sizeof *p.id);
    p.f = calloc(run->evaluations, sizeof *p.f);
    if (!p.id || !p.f) {
        haq_fail(d, s, "replay of %zu evaluations", run->evaluations);
        goto done;
    }
    s = algo->start(&p.state, &c, d);
    if (s)
        goto done;
    while (generation(&p))
        ;
    if (p.found.failed || !p.done) {
        s = haq_fail(d, HAQ_NOMEM, "replay of %s", algo->name);
        goto done;
    }
    for (; p.done < run->evaluations; p.done++)
        run->share[p.done] = run->share[p.done - 1];
    run->igd_plus =
        haq_igd_plus(p.found.x, p.found.n, r->front, r->n_front, t->m);
    run->front = p.found.x, run->n_front = p.found.n;
    p.found.x = NULL;
done:
    algo->end(p.state);
    free(p.found.x);
    free(p.id);
    free(p.f);
    return s;
}

size_t haq_replay_reached(const struct haq_replay_run *run, double share)
{
    for (size_t i = 0; i < run->evaluations; i++)
        if (run->share[i] >= share)
            return i + 1;
    return 0;
}
