#include "search/algo/archive.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/dominance.h"

void haq_archive_fini(struct haq_archive *a)
{
    haq_genomes_fini(&a->all);
    free(a->objective);
    free(a->violation);
    free(a->told);
    free(a->front);
    free(a->scratch);
    *a = (struct haq_archive){0};
}

static bool grow(void **p, size_t n, size_t size)
{
    void *q = n > SIZE_MAX / size ? NULL : realloc(*p, n * size);
    if (q)
        *p = q;
    return q;
}

/* Room for what is told about the vectors made so far. */
static bool make_room(struct haq_archive *a)
{
    size_t old = a->room, room = old;
    while (room < a->all.n)
        room = room ? 2 * room : 64;
    if (room == old)
        return true;
    void *f = a->objective, *v = a->violation, *t = a->told;
    bool ok = grow(&f, room, a->m * sizeof(double));
    a->objective = f;
    ok = ok && grow(&v, room, sizeof(double));
    a->violation = v;
    ok = ok && grow(&t, room, sizeof(bool));
    a->told = t;
    if (!ok)
        return false;
    memset(a->told + old, 0, (room - old) * sizeof *a->told);
    a->room = room;
    return true;
}

enum haq_genome_add haq_archive_add(struct haq_archive *a, int *genes)
{
    enum haq_genome_add added = haq_genomes_add(&a->all, genes);
    return added == HAQ_GENOME_NEW && !make_room(a) ? HAQ_GENOME_NOMEM : added;
}

enum haq_genome_add haq_archive_add_random(struct haq_archive *a,
                                           struct haq_rng *rng)
{
    enum haq_genome_add added =
        haq_genomes_add_random(&a->all, rng, a->scratch);
    return added == HAQ_GENOME_NEW && !make_room(a) ? HAQ_GENOME_NOMEM : added;
}

haq_status haq_archive_init(struct haq_archive *a,
                            const struct haq_algo_config *c, struct haq_diag *d)
{
    assert(c->objectives && c->objectives <= HAQ_MAX_OBJECTIVES);
    *a = (struct haq_archive){.m = c->objectives};
    haq_status s = haq_genomes_init(&a->all, c, d);
    if (s)
        return s;
    for (size_t i = 0; i < c->genes; i++)
        a->movable += c->cardinality[i] > 1;
    a->movable += !a->movable;
    a->scratch = calloc(c->genes, 2 * sizeof *a->scratch);
    for (size_t i = 0; a->scratch && i < c->n_seeds; i++) {
        memcpy(a->scratch, c->seeds + i * c->genes,
               c->genes * sizeof *a->scratch);
        if (haq_archive_add(a, a->scratch) == HAQ_GENOME_NOMEM)
            return haq_fail(d, HAQ_NOMEM, "seeds of the search");
    }
    return a->scratch
               ? HAQ_OK
               : haq_fail(d, HAQ_NOMEM, "search over %zu genes", c->genes);
}

enum haq_ask haq_archive_ask(struct haq_archive *a, size_t *id,
                             const int **genes)
{
    if (a->failed)
        return HAQ_ASK_NOMEM;
    if (a->given == a->all.n)
        return a->n_told < a->given ? HAQ_ASK_WAIT : HAQ_ASK_END;
    *id = a->given++;
    *genes = haq_genomes_get(&a->all, *id);
    return HAQ_ASK_GIVEN;
}

const double *haq_archive_objective(const struct haq_archive *a, size_t number)
{
    return a->objective + number * a->m;
}

bool haq_archive_beats(const struct haq_archive *a, size_t i, size_t j)
{
    return haq_beats(haq_archive_objective(a, i), a->violation[i],
                     haq_archive_objective(a, j), a->violation[j], a->m);
}

/* Let `id` into the front unless it is beaten, and out whom it beats.  What
 * stays is the same whatever the order. */
static void update_front(struct haq_archive *a, size_t id)
{
    size_t kept = 0, at = 0;
    for (size_t i = 0; i < a->n_front; i++)
        if (haq_archive_beats(a, a->front[i], id))
            return;
    for (size_t i = 0; i < a->n_front; i++)
        if (!haq_archive_beats(a, id, a->front[i]))
            a->front[kept++] = a->front[i];
    a->n_front = kept;
    if (kept == a->front_room) {
        void *p = a->front;
        size_t room = kept ? 2 * kept : 64;
        if (!grow(&p, room, sizeof *a->front)) {
            a->failed = true;
            return;
        }
        a->front = p, a->front_room = room;
    }
    while (at < kept && a->front[at] < id)
        at++;
    memmove(a->front + at + 1, a->front + at, (kept - at) * sizeof *a->front);
    a->front[at] = id;
    a->n_front++;
}

enum haq_ask haq_archive_ask_or_make(struct haq_archive *a,
                                     haq_archive_next *next,
                                     struct haq_algo_run *run, size_t *id,
                                     const int **genes)
{
    enum haq_ask got = haq_archive_ask(a, id, genes);
    if (got != HAQ_ASK_END)
        return got;
    return next(run) ? haq_archive_ask(a, id, genes) : HAQ_ASK_NOMEM;
}

void haq_archive_tell(struct haq_archive *a, size_t id, const double *objective,
                      double violation)
{
    assert(id < a->given && !a->told[id]);
    bool bad = isnan(violation);
    for (size_t i = 0; i < a->m; i++)
        bad |= isnan(objective[i]);
    for (size_t i = 0; i < a->m; i++)
        a->objective[id * a->m + i] = bad ? INFINITY : objective[i];
    a->violation[id] = bad ? INFINITY : violation;
    a->told[id] = true;
    a->n_told++;
    update_front(a, id);
}

/* ---- survival -------------------------------------------------------------*/

/* What sorting one set of vectors needs. */
struct sorting {
    size_t *rank, *scratch, *front, *best; /* [n] */
    double *f;                             /* [n][m] */
    double *violation, *crowd;             /* [n] */
    struct haq_keyed *keyed;               /* [n] */
};

static void sorting_fini(struct sorting *g)
{
    free(g->rank);
    free(g->scratch);
    free(g->front);
    free(g->best);
    free(g->f);
    free(g->violation);
    free(g->crowd);
    free(g->keyed);
}

static bool sorting_init(struct sorting *g, const struct haq_archive *a,
                         const size_t *number, size_t n)
{
    *g = (struct sorting){0};
    g->rank = calloc(n, sizeof *g->rank);
    g->scratch = calloc(n, sizeof *g->scratch);
    g->front = calloc(n, sizeof *g->front);
    g->best = calloc(n, sizeof *g->best);
    g->f = calloc(n, a->m * sizeof *g->f);
    g->violation = calloc(n, sizeof *g->violation);
    g->crowd = calloc(n, sizeof *g->crowd);
    g->keyed = calloc(n, sizeof *g->keyed);
    if (!g->rank || !g->scratch || !g->front || !g->best || !g->f ||
        !g->violation || !g->crowd || !g->keyed)
        return false;
    for (size_t i = 0; i < n; i++) {
        g->violation[i] = a->violation[number[i]];
        memcpy(g->f + i * a->m, haq_archive_objective(a, number[i]),
               a->m * sizeof *g->f);
    }
    return true;
}

bool haq_archive_survive(const struct haq_archive *a, size_t *number, size_t n,
                         size_t keep, double *crowd, size_t *kept)
{
    struct sorting g;
    *kept = 0;
    if (!n)
        return true;
    bool ok = sorting_init(&g, a, number, n);
    if (!ok)
        goto done;
    size_t fronts =
        haq_front_ranks(g.f, g.violation, n, a->m, g.rank, g.scratch);
    for (size_t r = 0; r < fronts && *kept < keep; r++) {
        size_t members = 0;
        for (size_t i = 0; i < n; i++)
            if (g.rank[i] == r)
                g.front[members++] = i;
        haq_crowding(g.f, a->m, g.front, members, g.crowd, g.keyed);
        for (size_t i = 0; i < members; i++)
            g.keyed[i] = (struct haq_keyed){-g.crowd[i], g.front[i]};
        haq_keyed_sort(g.keyed, members);
        for (size_t i = 0; i < members && *kept < keep; i++) {
            crowd[*kept] = -g.keyed[i].key;
            g.best[(*kept)++] = number[g.keyed[i].index];
        }
    }
    memcpy(number, g.best, *kept * sizeof *number);
done:
    sorting_fini(&g);
    return ok;
}
