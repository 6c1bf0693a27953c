/* Greedy lowering, as AIMET's automatic mixed precision does it: from the
 * widest vector down, step by step the gene that loses least per objective
 * gained, which gives a list of points; here it ends in a true front, because
 * every point is an ordinary result.
 *
 *     widest -> each gene lowered alone -> what a value loses and gains
 *            -> lower the best ratio -> told -> ... -> nothing left to gain
 *
 * Higher values of a gene are wider.  The first objective is what is lost, the
 * others are gained; there is one walk for each of them, and one for their
 * mean. What a value does is measured where a walk first could take it and then
 * taken to add up (AIMET measures it once, at the top); the walk's own points
 * are measured.  After the walks the front's points are refined by all their
 * one-gene neighbours, and at last random vectors come.
 */
#include "search/algo/algo_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/scalar.h"

struct walk {
    double w[HAQ_MAX_OBJECTIVES]; /* of the gains; w[0] = 0 */
    size_t at;                    /* number of its vector */
    size_t steps;
    bool over;
};

/* A vector asked for to learn what value `value` of a gene does. */
struct probe {
    size_t from, to; /* numbers */
    size_t gene;
    int value;
};

struct haq_algo_run {
    struct haq_archive a;
    struct haq_rng rng;
    size_t *first;  /* [genes + 1] where a gene's values begin below */
    double *effect; /* [first[genes]][m] against the widest value */
    bool *known;    /* [first[genes]] */
    struct walk walk[HAQ_MAX_OBJECTIVES];
    size_t walks, top; /* number of the widest vector */
    bool walking;
    struct probe *probe; /* [first[genes] * walks] */
    size_t probes;
    bool *expanded; /* [expanded_room] by number: neighbours were proposed */
    size_t expanded_room;
    struct haq_range range;
};

void haq_greedy_end(struct haq_algo_run *run)
{
    if (!run)
        return;
    haq_archive_fini(&run->a);
    free(run->first);
    free(run->effect);
    free(run->known);
    free(run->probe);
    free(run->expanded);
    free(run);
}

/* ---- start ----------------------------------------------------------------*/

/* One walk per gained objective, and one for their mean when there are several;
 * a single objective is lost and gained at once. */
static void choose_walks(struct haq_algo_run *run)
{
    size_t m = run->a.m, gained = m - 1;
    run->walks = gained > 1 ? gained + 1 : 1;
    for (size_t i = 0; i < run->walks; i++)
        for (size_t k = 0; k < m; k++)
            run->walk[i].w[k] = m == 1        ? 1
                                : k == 0      ? 0
                                : i == gained ? 1.0 / (double)gained
                                              : k == i + 1;
}

static bool make_tables(struct haq_algo_run *run,
                        const struct haq_algo_config *c)
{
    run->first = calloc(c->genes + 1, sizeof *run->first);
    if (!run->first)
        return false;
    for (size_t g = 0; g < c->genes; g++)
        run->first[g + 1] = run->first[g] + (size_t)c->cardinality[g];
    size_t values = run->first[c->genes];
    run->effect = calloc(values, c->objectives * sizeof *run->effect);
    run->known = calloc(values, sizeof *run->known);
    run->probe = calloc(values * run->walks, sizeof *run->probe);
    return run->effect && run->known && run->probe;
}

/* The widest vector, which may be a seed. */
static bool add_top(struct haq_algo_run *run)
{
    struct haq_archive *a = &run->a;
    for (size_t g = 0; g < a->all.genes; g++)
        a->scratch[g] = a->all.cardinality[g] - 1;
    if (haq_archive_add(a, a->scratch) == HAQ_GENOME_NOMEM ||
        !haq_genomes_find(&a->all, a->scratch, &run->top))
        return false;
    const int *top = haq_genomes_get(&a->all, run->top);
    for (size_t g = 0; g < a->all.genes; g++)
        run->known[run->first[g] + (size_t)top[g]] = true;
    for (size_t i = 0; i < run->walks; i++)
        run->walk[i].at = run->top;
    return true;
}

haq_status haq_greedy_start(struct haq_algo_run **out,
                            const struct haq_algo_config *c, struct haq_diag *d)
{
    struct haq_algo_run *run = calloc(1, sizeof *run);
    if (!run)
        return haq_fail(d, HAQ_NOMEM, "greedy");
    haq_rng_seed(&run->rng, c->seed);
    run->walking = true;
    haq_status s = haq_archive_init(&run->a, c, d);
    if (!s) {
        choose_walks(run);
        if (!make_tables(run, c) || !add_top(run))
            s = haq_fail(d, HAQ_NOMEM, "start of greedy");
    }
    if (s)
        haq_greedy_end(run);
    else
        *out = run;
    return s;
}

/* ---- what values do -------------------------------------------------------*/

static const double *effect(const struct haq_algo_run *run, size_t gene,
                            int value)
{
    return run->effect + (run->first[gene] + (size_t)value) * run->a.m;
}

static bool *known(struct haq_algo_run *run, size_t gene, int value)
{
    return &run->known[run->first[gene] + (size_t)value];
}

/* Take the told probes into the table. */
static void learn(struct haq_algo_run *run)
{
    size_t m = run->a.m;
    for (size_t i = 0; i < run->probes; i++) {
        const struct probe *p = &run->probe[i];
        const double *from = haq_archive_objective(&run->a, p->from);
        const double *to = haq_archive_objective(&run->a, p->to);
        int before = haq_genomes_get(&run->a.all, p->from)[p->gene];
        const double *base = effect(run, p->gene, before);
        double *e = run->effect + (run->first[p->gene] + (size_t)p->value) * m;
        for (size_t k = 0; k < m; k++)
            e[k] = base[k] + to[k] - from[k]; /* never used if not finite */
    }
    run->probes = 0;
}

/* scratch = vector `at` with one gene set; false when that is the same vector,
 * because the value makes no difference there. */
static bool lowered(struct haq_algo_run *run, size_t at, size_t gene, int value)
{
    struct haq_archive *a = &run->a;
    size_t same;
    memcpy(a->scratch, haq_genomes_get(&a->all, at),
           a->all.genes * sizeof *a->scratch);
    a->scratch[gene] = value;
    return !haq_genomes_find(&a->all, a->scratch, &same) || same != at;
}

/* Propose the vectors that tell what each lower value does here.  A value that
 * makes no difference here stays unknown. */
static bool probe_from(struct haq_algo_run *run, size_t at)
{
    struct haq_archive *a = &run->a;
    size_t n = a->all.genes;
    for (size_t g = 0; g < n; g++) {
        int now = haq_genomes_get(&a->all, at)[g];
        for (int v = now - 1; v >= 0; v--) {
            size_t to;
            if (*known(run, g, v) || !*known(run, g, now))
                continue;
            if (!lowered(run, at, g, v) || a->scratch[g] != v)
                continue;
            if (haq_archive_add(a, a->scratch) == HAQ_GENOME_NOMEM ||
                !haq_genomes_find(&a->all, a->scratch, &to))
                return false;
            *known(run, g, v) = true;
            run->probe[run->probes++] = (struct probe){at, to, g, v};
        }
    }
    return true;
}

/* ---- walks ----------------------------------------------------------------*/

/* What lowering a gene from `now` to `v` loses per gained; INFINITY when
 * nothing is gained. */
static double price(const struct haq_algo_run *run, const struct walk *w,
                    size_t gene, int now, int v)
{
    const double *a = effect(run, gene, now), *b = effect(run, gene, v);
    double gain = 0;
    for (size_t k = 0; k < run->a.m; k++)
        if (w->w[k] > 0)
            gain += w->w[k] * (a[k] - b[k]) / run->range.span[k];
    if (!(gain > 0) || !isfinite(gain))
        return INFINITY;
    /* With one objective nothing is lost; what is free ranks by its size. */
    double loss = run->a.m == 1 ? 0 : (b[0] - a[0]) / run->range.span[0];
    return loss > 0 ? loss / gain : loss - gain;
}

/* Lower the walk's cheapest gene; without one it is over. */
static bool step(struct haq_algo_run *run, struct walk *w)
{
    struct haq_archive *a = &run->a;
    double least = INFINITY;
    size_t gene = 0;
    int value = 0;
    for (size_t g = 0; g < a->all.genes; g++) {
        int now = haq_genomes_get(&a->all, w->at)[g];
        for (int v = now - 1; v >= 0; v--) {
            if (!*known(run, g, v) || !*known(run, g, now))
                continue;
            double p = price(run, w, g, now, v);
            if (p < least && lowered(run, w->at, g, v))
                least = p, gene = g, value = v;
        }
    }
    /* A canonical form that raises other genes must not make it go round. */
    w->over = isinf(least) || w->steps++ == run->first[a->all.genes];
    if (w->over)
        return true;
    lowered(run, w->at, gene, value);
    return haq_archive_add(a, a->scratch) != HAQ_GENOME_NOMEM &&
           haq_genomes_find(&a->all, a->scratch, &w->at);
}

/* Probes where the walks stand, or else one step of each. */
static bool walk_on(struct haq_algo_run *run)
{
    bool ok = true;
    learn(run);
    haq_range_of(&run->range, &run->a, run->a.front, run->a.n_front);
    for (size_t i = 0; ok && i < run->walks; i++)
        ok = run->walk[i].over || probe_from(run, run->walk[i].at);
    if (run->probes)
        return ok;
    run->walking = false;
    for (size_t i = 0; ok && i < run->walks; i++) {
        if (!run->walk[i].over)
            ok = step(run, &run->walk[i]);
        run->walking |= !run->walk[i].over;
    }
    return ok;
}

/* ---- after the walks ------------------------------------------------------*/

/* The number of a front's vector whose neighbours were not proposed, in turn
 * the best for one mix of objectives after the other; all.n: there is none. */
static size_t unexpanded(const struct haq_algo_run *run)
{
    size_t best = run->a.all.n;
    double w[HAQ_MAX_OBJECTIVES], least = INFINITY;
    haq_direction(run->a.n_told, run->a.m, w);
    for (size_t i = 0; i < run->a.n_front; i++) {
        size_t k = run->a.front[i];
        double v = haq_scalar(&run->range, &run->a, w, k);
        if ((k < run->expanded_room && run->expanded[k]) || !(v < least))
            continue;
        least = v, best = k;
    }
    return best;
}

static bool mark_expanded(struct haq_algo_run *run, size_t number)
{
    if (number >= run->expanded_room) {
        size_t room = 2 * number + 64;
        bool *p = realloc(run->expanded, room * sizeof *p);
        if (!p)
            return false;
        memset(p + run->expanded_room, 0,
               (room - run->expanded_room) * sizeof *p);
        run->expanded = p, run->expanded_room = room;
    }
    run->expanded[number] = true;
    return true;
}

/* All neighbours by one step of one gene. */
static bool expand(struct haq_algo_run *run, size_t number)
{
    struct haq_archive *a = &run->a;
    size_t n = a->all.genes;
    for (size_t g = 0; g < n; g++)
        for (int by = -1; by <= 1; by += 2) {
            memcpy(a->scratch, haq_genomes_get(&a->all, number),
                   n * sizeof *a->scratch);
            a->scratch[g] += by;
            if (a->scratch[g] < 0 || a->scratch[g] >= a->all.cardinality[g])
                continue;
            if (haq_archive_add(a, a->scratch) == HAQ_GENOME_NOMEM)
                return false;
        }
    return mark_expanded(run, number);
}

static bool refine(struct haq_algo_run *run)
{
    size_t before = run->a.all.n;
    haq_range_of(&run->range, &run->a, run->a.front, run->a.n_front);
    while (run->a.all.n == before) {
        size_t next = unexpanded(run);
        if (next == run->a.all.n)
            return haq_archive_add_random(&run->a, &run->rng) !=
                   HAQ_GENOME_NOMEM;
        if (!expand(run, next))
            return false;
    }
    return true;
}

enum haq_ask haq_greedy_ask(struct haq_algo_run *run, size_t *id,
                            const int **genes)
{
    enum haq_ask got;
    while ((got = haq_archive_ask(&run->a, id, genes)) == HAQ_ASK_END) {
        size_t before = run->a.all.n;
        bool walked = run->walking;
        if (!(walked ? walk_on(run) : refine(run)))
            return HAQ_ASK_NOMEM;
        if (!walked && run->a.all.n == before)
            break;
    }
    return got;
}

void haq_greedy_tell(struct haq_algo_run *run, size_t id,
                     const double *objective, double violation)
{
    haq_archive_tell(&run->a, id, objective, violation);
}
