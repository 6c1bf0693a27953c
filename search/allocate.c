#include "search/allocate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum {
    STEPS = 20,  /* of Newton's method at a temperature, at most */
    COOLING = 4, /* from a temperature to the next */
    KEPT = 6,    /* sets of prices whose bounds are tried at each node */
};
static const uint64_t max_nodes = 50000000;
/* Sums of floats in another order differ by this much of their size. */
static const double rounding = 1e-11;

/* Groups in place of layers; costs of limit m divided by scale[m]. */
struct work {
    struct haq_arena arena;
    size_t groups, options, limits;
    double *damage; /* [groups][options] */
    double *cost;   /* [groups][options][limits] */
    double *limit;  /* [limits] scaled */
    double *slack;  /* [limits] that rounding is allowed */
    size_t *order;  /* [groups] in which they are decided */
    size_t *choice; /* [groups] at hand */
    size_t *best;   /* [groups] */
    double best_damage;
    /* Prices, and for each of them and depth of the search what the undecided
     * groups add to the bound at least. */
    double *price;  /* [KEPT][limits] */
    double *suffix; /* [KEPT][groups + 1] */
    size_t kept;
    double *cheapest; /* [groups + 1][limits] least cost of the undecided */
    double root_bound;
    double *spent; /* [groups + 1][limits] */
    uint64_t nodes, max_nodes;
};

static double *costs_of(const struct work *w, size_t group, size_t option)
{
    return w->cost + (group * w->options + option) * w->limits;
}

static double damage_of(const struct work *w, size_t group, size_t option)
{
    return w->damage[group * w->options + option];
}

static double priced(const struct work *w, size_t group, size_t option,
                     const double *price)
{
    const double *c = costs_of(w, group, option);
    double sum = damage_of(w, group, option);
    for (size_t m = 0; m < w->limits; m++)
        sum += price[m] * c[m];
    return sum;
}

static size_t cheapest_option(const struct work *w, size_t group,
                              const double *price)
{
    size_t best = 0;
    double least = INFINITY;
    for (size_t o = 0; o < w->options; o++) {
        double v = priced(w, group, o, price);
        if (v < least)
            best = o, least = v;
    }
    return best;
}

/* ---- reading the problem ------------------------------------------------- */

/* Dense numbers for groups; [layers]. */
static size_t number_groups(size_t *to, const struct haq_allocation_problem *p)
{
    size_t n = 0;
    for (size_t l = 0; l < p->layers; l++) {
        size_t first = 0;
        while (p->group && first < l && p->group[first] != p->group[l])
            first++;
        to[l] = p->group && first < l ? to[first] : n++;
    }
    return n;
}

static double spread(const struct haq_allocation_problem *p, size_t m)
{
    double sum = 0;
    for (size_t l = 0; l < p->layers; l++) {
        const double *c = p->cost + (m * p->layers + l) * p->options;
        double lo = INFINITY, hi = -INFINITY;
        for (size_t o = 0; o < p->options; o++) {
            if (isinf(p->damage[l * p->options + o]))
                continue;
            lo = fmin(lo, c[o]);
            hi = fmax(hi, c[o]);
        }
        sum += hi > lo ? hi - lo : 0;
    }
    return sum > 0 ? sum : 1;
}

static bool allocate_work(struct work *w)
{
    struct haq_arena *a = &w->arena;
    size_t g = w->groups, m = w->limits + 1; /* none is fine, too */
    w->damage = haq_arena_array(a, g * w->options, sizeof(double));
    w->cost = haq_arena_array(a, g * w->options * m, sizeof(double));
    w->limit = haq_arena_array(a, m, sizeof(double));
    w->slack = haq_arena_array(a, m, sizeof(double));
    w->order = haq_arena_array(a, g, sizeof(size_t));
    w->choice = haq_arena_array(a, g, sizeof(size_t));
    w->best = haq_arena_array(a, g, sizeof(size_t));
    w->price = haq_arena_array(a, KEPT * m, sizeof(double));
    w->suffix = haq_arena_array(a, KEPT * (g + 1), sizeof(double));
    w->cheapest = haq_arena_array(a, (g + 1) * m, sizeof(double));
    w->spent = haq_arena_array(a, (g + 1) * m, sizeof(double));
    return w->damage && w->cost && w->limit && w->slack && w->order &&
           w->choice && w->best && w->price && w->suffix && w->cheapest &&
           w->spent;
}

static void fill(struct work *w, const struct haq_allocation_problem *p,
                 const size_t *group)
{
    for (size_t l = 0; l < p->layers; l++)
        for (size_t o = 0; o < p->options; o++)
            w->damage[group[l] * p->options + o] +=
                p->damage[l * p->options + o];
    for (size_t m = 0; m < p->limits; m++) {
        double scale = spread(p, m), size = fabs(p->limit[m]);
        for (size_t l = 0; l < p->layers; l++)
            for (size_t o = 0; o < p->options; o++) {
                double c = p->cost[(m * p->layers + l) * p->options + o];
                costs_of(w, group[l], o)[m] += c / scale;
                size = fmax(size, fabs(c) * (double)p->layers);
            }
        w->limit[m] = p->limit[m] / scale;
        w->slack[m] = size / scale * rounding;
    }
}

/* ---- a choice to begin with ---------------------------------------------- */

static void total(const struct work *w, const size_t *choice, double *spent)
{
    for (size_t m = 0; m < w->limits; m++)
        spent[m] = 0;
    for (size_t g = 0; g < w->groups; g++)
        for (size_t m = 0; m < w->limits; m++)
            spent[m] += costs_of(w, g, choice[g])[m];
}

static double excess(const struct work *w, const double *spent)
{
    double sum = 0;
    for (size_t m = 0; m < w->limits; m++)
        sum += fmax(0, spent[m] - w->limit[m] - w->slack[m]);
    return sum;
}

/* The excess and damage that group g with option o would leave. */
static double excess_with(const struct work *w, const double *spent,
                          const size_t *choice, size_t g, size_t o)
{
    const double *old = costs_of(w, g, choice[g]), *new = costs_of(w, g, o);
    double sum = 0;
    for (size_t m = 0; m < w->limits; m++)
        sum += fmax(0, spent[m] - old[m] + new[m] - w->limit[m] - w->slack[m]);
    return sum;
}

struct change {
    size_t group, option;
    double value; /* the more the better */
};

/* Repairing: excess gone per damage done; improving: damage undone, without
 * any excess. */
static struct change best_change(const struct work *w, const double *spent,
                                 const size_t *choice, double over)
{
    struct change best = {.value = 0};
    for (size_t i = 0; i < w->groups * w->options; i++) {
        size_t g = i / w->options, o = i % w->options;
        double harm = w->damage[i] - damage_of(w, g, choice[g]);
        double left = excess_with(w, spent, choice, g, o), value;
        if (isinf(w->damage[i]) || o == choice[g])
            continue;
        if (over > 0)
            value = left < over ? (over - left) / (fmax(harm, 0) + 1e-300) : 0;
        else
            value = left > 0 ? 0 : -harm;
        if (value > best.value)
            best = (struct change){g, o, value};
    }
    return best;
}

/* Make `choice` fit by single changes, then better; keep it if it is the best.
 */
static void try_choice(struct work *w, size_t *choice, double *spent)
{
    for (size_t turns = 0; turns < 4 * w->groups * w->options; turns++) {
        total(w, choice, spent);
        struct change c = best_change(w, spent, choice, excess(w, spent));
        if (!(c.value > 0))
            break;
        choice[c.group] = c.option;
    }
    total(w, choice, spent);
    double damage = 0;
    for (size_t g = 0; g < w->groups; g++)
        damage += damage_of(w, g, choice[g]);
    if (excess(w, spent) > 0 || !(damage < w->best_damage))
        return;
    w->best_damage = damage;
    memcpy(w->best, choice, w->groups * sizeof *choice);
}

/* ---- prices ---------------------------------------------------------------
 */

/* bound(p), and its gradient: what the cheapest options overspend. */
static double bound_at(const struct work *w, const double *price,
                       size_t *choice, double *gradient)
{
    double bound = 0;
    for (size_t g = 0; g < w->groups; g++) {
        choice[g] = cheapest_option(w, g, price);
        bound += priced(w, g, choice[g], price);
    }
    total(w, choice, gradient);
    for (size_t m = 0; m < w->limits; m++) {
        gradient[m] -= w->limit[m] + w->slack[m];
        bound -= price[m] * (w->limit[m] + w->slack[m]);
    }
    return bound;
}

/* The best prices so far go first; others that were once the best follow. */
static void keep_prices(struct work *w, const double *price)
{
    size_t m = w->limits;
    size_t n = w->kept < KEPT ? w->kept++ : KEPT - 1;
    memmove(w->price + m, w->price, n * m * sizeof *price);
    memcpy(w->price, price, m * sizeof *price);
}

/* With min replaced by the soft minimum of temperature t,
 *
 *     -t log sum over options exp(-(damage + p * cost) / t)
 *
 * bound(p) is smooth and concave: Newton's method finds the best prices at a
 * temperature, from which the next lower one starts. */
struct soft {
    double value;
    double *gradient; /* [limits] */
    double *curve;    /* [limits][limits] minus the Hessian times t */
    double *mean;     /* [limits] scratch */
};

static void add_group(const struct work *w, size_t g, const double *price,
                      double t, struct soft *s)
{
    size_t n = w->limits;
    double least = priced(w, g, cheapest_option(w, g, price), price), sum = 0;
    memset(s->mean, 0, n * sizeof *s->mean);
    for (size_t o = 0; o < w->options; o++)
        sum += exp((least - priced(w, g, o, price)) / t);
    for (size_t o = 0; o < w->options; o++) {
        double share = exp((least - priced(w, g, o, price)) / t) / sum;
        const double *c = costs_of(w, g, o);
        for (size_t m = 0; share > 0 && m < n; m++) {
            s->mean[m] += share * c[m];
            for (size_t k = 0; k < n; k++)
                s->curve[m * n + k] += share * c[m] * c[k];
        }
    }
    s->value += least - t * log(sum);
    for (size_t m = 0; m < n; m++) {
        s->gradient[m] += s->mean[m];
        for (size_t k = 0; k < n; k++)
            s->curve[m * n + k] -= s->mean[m] * s->mean[k];
    }
}

static void soft_bound(const struct work *w, const double *price, double t,
                       struct soft *s)
{
    size_t n = w->limits;
    s->value = 0;
    memset(s->gradient, 0, n * sizeof *s->gradient);
    memset(s->curve, 0, n * n * sizeof *s->curve);
    for (size_t g = 0; g < w->groups; g++)
        add_group(w, g, price, t, s);
    for (size_t m = 0; m < n; m++) {
        s->gradient[m] -= w->limit[m] + w->slack[m];
        s->value -= price[m] * (w->limit[m] + w->slack[m]);
    }
}

/* Solve curve * step = t * gradient by Gauss-Jordan; prices at 0 that want to
 * fall stay there. */
static void newton_step(const struct work *w, const double *price, double t,
                        struct soft *s, double *step)
{
    size_t n = w->limits;
    double ridge = 1e-300;
    for (size_t m = 0; m < n; m++)
        ridge = fmax(ridge, 1e-9 * s->curve[m * n + m]);
    for (size_t m = 0; m < n; m++) {
        bool held = price[m] <= 0 && s->gradient[m] < 0;
        step[m] = held ? 0 : t * s->gradient[m];
        s->curve[m * n + m] += ridge;
        for (size_t k = 0; held && k < n; k++)
            s->curve[m * n + k] = s->curve[k * n + m] = k == m;
    }
    for (size_t m = 0; m < n; m++) {
        double pivot = s->curve[m * n + m];
        for (size_t r = 0; r < n; r++) {
            double f = s->curve[r * n + m] / pivot;
            if (r == m)
                continue;
            for (size_t k = m; k < n; k++)
                s->curve[r * n + k] -= f * s->curve[m * n + k];
            step[r] -= f * step[m];
        }
    }
    for (size_t m = 0; m < n; m++)
        step[m] /= s->curve[m * n + m];
}

/* One step, shortened until it gains; false: none does. */
static bool climb(const struct work *w, double *price, double t, struct soft *s,
                  double *step, double *next)
{
    soft_bound(w, price, t, s);
    double before = s->value;
    newton_step(w, price, t, s, step);
    for (double length = 1; length > 1e-6; length /= 3) {
        for (size_t m = 0; m < w->limits; m++)
            next[m] = fmax(0, price[m] + length * step[m]);
        soft_bound(w, next, t, s);
        if (s->value > before + 1e-13 * fabs(before)) {
            memcpy(price, next, w->limits * sizeof *price);
            return true;
        }
    }
    return false;
}

/* The bound at these prices, and the choice that they suggest. */
static void take_prices(struct work *w, const double *price, double *gradient,
                        double *spent)
{
    double bound = bound_at(w, price, w->choice, gradient);
    try_choice(w, w->choice, spent);
    if (bound > w->root_bound) {
        w->root_bound = bound;
        keep_prices(w, price);
    }
}

static bool find_prices(struct work *w)
{
    size_t n = w->limits + 1;
    double *v = calloc(6 * n + n * n, sizeof *v);
    double *price = v, *step = v + n, *next = v + 2 * n, *spent = v + 3 * n;
    struct soft s = {0, v + 4 * n, v + 6 * n, v + 5 * n};
    double most = 0;
    if (!v)
        return false;
    for (size_t i = 0; i < w->groups * w->options; i++)
        most = isinf(w->damage[i]) ? most : fmax(most, fabs(w->damage[i]));
    w->root_bound = -INFINITY;
    take_prices(w, price, step, spent);
    for (double t = most; t > 1e-9 * most && w->limits; t /= COOLING) {
        for (int i = 0; i < STEPS && climb(w, price, t, &s, step, next); i++)
            ;
        take_prices(w, price, step, spent);
    }
    free(v);
    return true;
}

/* ---- branch and bound -----------------------------------------------------
 */

static void sort_groups(struct work *w)
{
    double *key = w->suffix; /* not filled yet */
    for (size_t g = 0; g < w->groups; g++) {
        double least = INFINITY, most = 0;
        for (size_t o = 0; o < w->options; o++) {
            double v = priced(w, g, o, w->price);
            least = fmin(least, v);
            most = isinf(v) ? most : fmax(most, v);
        }
        key[g] = most - least;
        size_t at = g;
        for (; at && key[w->order[at - 1]] < key[g]; at--)
            w->order[at] = w->order[at - 1];
        w->order[at] = g;
    }
}

static void fill_suffixes(struct work *w)
{
    size_t m = w->limits, n = w->groups;
    for (size_t k = 0; k < w->kept; k++) {
        double *s = w->suffix + k * (n + 1);
        const double *price = w->price + k * m;
        s[n] = 0;
        for (size_t i = 0; i < m; i++)
            s[n] -= price[i] * (w->limit[i] + w->slack[i]);
        for (size_t at = n; at--;) {
            size_t g = w->order[at];
            s[at] =
                s[at + 1] + priced(w, g, cheapest_option(w, g, price), price);
        }
    }
    for (size_t at = n; at--;) {
        size_t g = w->order[at];
        for (size_t i = 0; i < m; i++) {
            double least = INFINITY;
            for (size_t o = 0; o < w->options; o++)
                if (!isinf(damage_of(w, g, o)))
                    least = fmin(least, costs_of(w, g, o)[i]);
            w->cheapest[at * m + i] = w->cheapest[(at + 1) * m + i] + least;
        }
    }
}

static bool hopeless(const struct work *w, size_t depth, double damage)
{
    const double *spent = w->spent + depth * w->limits;
    double enough = w->best_damage - fabs(w->best_damage) * rounding;
    for (size_t m = 0; m < w->limits; m++)
        if (spent[m] + w->cheapest[depth * w->limits + m] >
            w->limit[m] + w->slack[m])
            return true;
    for (size_t k = 0; k < w->kept; k++) {
        const double *price = w->price + k * w->limits;
        double bound = damage + w->suffix[k * (w->groups + 1) + depth];
        for (size_t m = 0; m < w->limits; m++)
            bound += price[m] * spent[m];
        if (bound >= enough)
            return true;
    }
    return false;
}

static void search(struct work *w, size_t depth, double damage)
{
    if (w->nodes++ >= w->max_nodes || hopeless(w, depth, damage))
        return;
    if (depth == w->groups) {
        if (!(damage < w->best_damage))
            return;
        w->best_damage = damage;
        memcpy(w->best, w->choice, w->groups * sizeof *w->choice);
        return;
    }
    size_t g = w->order[depth], m = w->limits;
    double last = -INFINITY;
    size_t last_option = 0;
    /* Options by rising price, each once. */
    for (size_t turn = 0; turn < w->options; turn++) {
        size_t next = w->options;
        double least = INFINITY;
        for (size_t o = 0; o < w->options; o++) {
            double v = priced(w, g, o, w->price);
            bool later = v > last || (v == last && o > last_option);
            if (later || !turn)
                if (v < least)
                    next = o, least = v;
        }
        if (next == w->options)
            return;
        last = least;
        last_option = next;
        w->choice[g] = next;
        for (size_t i = 0; i < m; i++)
            w->spent[(depth + 1) * m + i] =
                w->spent[depth * m + i] + costs_of(w, g, next)[i];
        search(w, depth + 1, damage + damage_of(w, g, next));
    }
}

/* ---- what is impossible ----------------------------------------------------
 */

static haq_status too_dear(const struct work *w,
                           const struct haq_allocation_problem *p,
                           struct haq_diag *d)
{
    for (size_t m = 0; m < w->limits; m++) {
        double scale = spread(p, m), least = w->cheapest[m];
        if (least > w->limit[m] + w->slack[m])
            return haq_fail(d, HAQ_INVALID,
                            "limit %s=%g: the cheapest option of every layer "
                            "costs %g together",
                            p->limit_name[m], p->limit[m], least * scale);
    }
    if (w->nodes >= w->max_nodes)
        return haq_fail(d, HAQ_INVALID,
                        "no choice within the limits was found in %llu steps",
                        (unsigned long long)w->nodes);
    return haq_fail(d, HAQ_INVALID,
                    "each limit can be kept by itself, all %zu together "
                    "cannot: no choice is left after %llu steps",
                    w->limits, (unsigned long long)w->nodes);
}

static haq_status offers(const struct work *w, struct haq_diag *d)
{
    for (size_t g = 0; g < w->groups; g++) {
        size_t n = 0;
        for (size_t o = 0; o < w->options; o++)
            n += !isinf(damage_of(w, g, o));
        if (!n)
            return haq_fail(d, HAQ_INVALID,
                            "a group of tied layers has no option in common");
    }
    return HAQ_OK;
}

static haq_status solve(struct haq_allocation *out, struct work *w,
                        const struct haq_allocation_problem *p,
                        const size_t *group, struct haq_diag *d)
{
    haq_status s = offers(w, d);
    if (s != HAQ_OK)
        return s;
    w->best_damage = INFINITY;
    if (!find_prices(w))
        return haq_fail(d, HAQ_NOMEM, "allocating %zu layers", p->layers);
    sort_groups(w);
    fill_suffixes(w);
    memset(w->spent, 0, w->limits * sizeof *w->spent);
    search(w, 0, 0);
    if (isinf(w->best_damage))
        return too_dear(w, p, d);
    for (size_t l = 0; l < p->layers; l++)
        out->choice[l] = w->best[group[l]];
    out->damage = w->best_damage;
    out->optimal = w->nodes < w->max_nodes;
    out->bound = out->optimal ? out->damage : fmin(w->root_bound, out->damage);
    out->nodes = w->nodes;
    return HAQ_OK;
}

haq_status haq_allocate(struct haq_allocation *out,
                        const struct haq_allocation_problem *p,
                        struct haq_diag *d)
{
    struct work w = {.options = p->options,
                     .limits = p->limits,
                     .max_nodes = p->max_nodes ? p->max_nodes : max_nodes};
    haq_arena_init(&w.arena);
    size_t *group = haq_arena_array(&w.arena, p->layers, sizeof *group);
    haq_status s = HAQ_OK;
    if (group)
        w.groups = number_groups(group, p);
    if (!group || !allocate_work(&w))
        s = haq_fail(d, HAQ_NOMEM, "allocating %zu layers", p->layers);
    if (s == HAQ_OK) {
        fill(&w, p, group);
        s = solve(out, &w, p, group, d);
    }
    haq_arena_fini(&w.arena);
    return s;
}
