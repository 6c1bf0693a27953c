#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/measure_priv.h"

enum { FIRST_LOOK = 12, LEAST_ROUNDS = 6, MOST_ROUNDS = 192 };
static const double alpha = 0.05;

haq_status haq_judge_init(struct haq_judge *j, const struct haq_meter *meter,
                          const struct haq_measure_options *opt, size_t n,
                          struct haq_diag *d)
{
    size_t most = opt->max_rounds ? opt->max_rounds : MOST_ROUNDS;
    size_t pairs = n > 2 ? n * (n - 1) / 2 : 1;
    j->witnesses = meter->witnesses;
    j->target = opt->target_half_width > 0 ? opt->target_half_width : 0.01;
    j->least = opt->min_rounds ? opt->min_rounds : LEAST_ROUNDS;
    j->least = j->least < HAQ_LOOKS_MAX ? j->least : HAQ_LOOKS_MAX;
    j->most = most < HAQ_LOOKS_MAX ? most : HAQ_LOOKS_MAX;
    j->most = j->most > j->least ? j->most : j->least;
    j->next = FIRST_LOOK < j->most ? FIRST_LOOK : j->most;
    for (size_t at = j->next; at < j->most; at *= 2)
        j->looks++;
    j->looks++;
    haq_looks_init(&j->ratios, alpha);
    haq_looks_init(&j->pairs, alpha / (double)pairs);
    j->scratch = calloc(j->most, sizeof *j->scratch);
    return j->scratch ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "%zu rounds", j->most);
}

void haq_judge_fini(struct haq_judge *j)
{
    free(j->scratch);
}

/* ---- rounds to intervals --------------------------------------------------
 */

static double round_ms(const struct haq_measured *m, size_t round, size_t i)
{
    const double *ms = m->ms + (round * m->n + i) * 2;
    return (ms[0] + ms[1]) / 2;
}

/* When next to none count, the numbers are those of all rounds, for what they
 * are worth. */
static bool all_count(const struct haq_judge *j, const struct haq_measured *m)
{
    return m->counted < j->least;
}

static size_t rounds_used(const struct haq_judge *j,
                          const struct haq_measured *m)
{
    size_t n = all_count(j, m) ? m->rounds : m->counted;
    return n < j->most ? n : j->most;
}

/* Median of time(a) / time(b), or of time(a) alone when b is n. */
static struct haq_interval median_of(const struct haq_judge *j,
                                     const struct haq_measured *m, size_t a,
                                     size_t b, size_t rank)
{
    size_t k = 0, used = rounds_used(j, m);
    for (size_t r = 0; k < used; r++)
        if (!m->disturbed[r] || all_count(j, m))
            j->scratch[k++] =
                round_ms(m, r, a) / (b < m->n ? round_ms(m, r, b) : 1);
    return haq_median_at(j->scratch, k, rank);
}

static double half_width(struct haq_interval v)
{
    return (v.high - v.low) / 2 / fmax(v.value, 1e-12);
}

/* Of the ratios to contestant 0, or of the latency when it is alone. */
static double widest(const struct haq_judge *j, const struct haq_measured *m)
{
    double w = 0;
    for (size_t i = m->n > 1; i < m->n; i++) {
        struct haq_interval v = m->n > 1 ? median_of(j, m, 0, i, j->rank)
                                         : median_of(j, m, i, m->n, j->rank);
        w = fmax(w, half_width(v));
    }
    return w;
}

/* Witnesses that compare with the best so far may think again. */
static void count_rounds(const struct haq_judge *j, struct haq_measured *m)
{
    m->counted = 0;
    for (size_t r = 0; r < m->rounds; r++) {
        m->disturbed[r] = haq_witnesses_judge(j->witnesses, &m->reading[r],
                                              &m->reading[r + 1]);
        m->counted += !m->disturbed[r];
    }
    m->counted = m->counted < j->most ? m->counted : j->most;
}

static void take_look(struct haq_judge *j, size_t n, double share)
{
    j->rank = haq_looks_rank(&j->ratios, n, share);
    j->pair_rank = haq_looks_rank(&j->pairs, n, share);
}

bool haq_judge_enough(struct haq_judge *j, struct haq_measured *m)
{
    size_t r = m->rounds - 1;
    m->disturbed[r] =
        haq_witnesses_judge(j->witnesses, &m->reading[r], &m->reading[r + 1]);
    m->counted += !m->disturbed[r];
    if (m->counted < j->next)
        return false;
    count_rounds(j, m);
    if (m->counted < j->next)
        return false;
    j->look++;
    take_look(j, m->counted, (double)j->look / (double)j->looks);
    j->next = 2 * j->next < j->most ? 2 * j->next : j->most;
    return m->counted == j->most || (j->rank && widest(j, m) <= j->target);
}

/* Other rounds than an earlier look saw: one look more, with what was not
 * spent.
 */
static void look_again(struct haq_looks *l, size_t n, size_t *rank)
{
    double left = l->alpha - l->missed;
    *rank = 0;
    if (left <= 1e-9)
        return;
    haq_looks_init(l, left);
    *rank = haq_looks_rank(l, n, 1);
}

static void last_look(struct haq_judge *j, struct haq_measured *m)
{
    size_t before = j->look ? j->ratios.n : 0;
    count_rounds(j, m);
    if (m->counted == before && before)
        return;
    if (m->counted > before && !all_count(j, m)) {
        take_look(j, m->counted, 1);
        return;
    }
    look_again(&j->ratios, rounds_used(j, m), &j->rank);
    look_again(&j->pairs, rounds_used(j, m), &j->pair_rank);
}

/* ---- verdicts -------------------------------------------------------------
 */

/* How many rounds each witness disturbed, and the worst of them. */
struct complaints {
    size_t count[HAQ_WITNESSES];
    size_t first[HAQ_WITNESSES]; /* round */
};

static size_t most_frequent(const struct haq_measured *m, struct complaints *c)
{
    size_t most = 0;
    memset(c, 0, sizeof *c);
    for (size_t r = m->rounds; r-- > 0;)
        for (size_t i = 0; i < HAQ_WITNESSES; i++)
            if (m->disturbed[r] >> i & 1) {
                c->count[i]++;
                c->first[i] = r;
            }
    for (size_t i = 1; i < HAQ_WITNESSES; i++)
        if (c->count[i] > c->count[most])
            most = i;
    return most;
}

static const char *kind_text(size_t witness)
{
    return haq_witness_kind(witness) == HAQ_THROTTLED ? "throttled"
                                                      : "disturbed";
}

/* Too many rounds do not count: who is to blame?  NULL: few enough. */
static const char *blame_rounds(const struct haq_judge *j,
                                const struct haq_measured *m, char *reason)
{
    struct complaints c;
    char words[160];
    size_t dropped = m->rounds - m->counted;
    if (m->counted >= j->least && 2 * dropped <= m->rounds)
        return NULL;
    size_t i = most_frequent(m, &c), r = c.first[i];
    haq_witness_say(j->witnesses, i, &m->reading[r], &m->reading[r + 1], words,
                    sizeof words);
    snprintf(reason, HAQ_REASON, "%zu of %zu rounds do not count; %s (%zu): %s",
             dropped, m->rounds, haq_witness_name(i), c.count[i], words);
    return kind_text(i);
}

/* Rounds that count, but not all of them together?  NULL: they do. */
static const char *blame_all(const struct haq_judge *j,
                             const struct haq_measured *m, char *reason)
{
    char words[160];
    size_t i = HAQ_WITNESSES;
    bool *kept = calloc(m->rounds, sizeof *kept);
    for (size_t r = 0; kept && r < m->rounds; r++)
        kept[r] = !m->disturbed[r];
    if (kept)
        i = haq_witnesses_judge_all(j->witnesses, m->reading, kept, m->rounds,
                                    words, sizeof words);
    free(kept);
    if (i == HAQ_WITNESSES)
        return NULL;
    snprintf(reason, HAQ_REASON, "%s: %s", haq_witness_name(i), words);
    return kind_text(i);
}

static const char *blame_width(const struct haq_judge *j,
                               const struct haq_measured *m,
                               struct haq_interval v, char *reason)
{
    double w = half_width(v);
    if (j->rank && w <= 3 * j->target)
        return NULL;
    snprintf(reason, HAQ_REASON,
             j->rank ? "after %zu rounds the interval is +-%.2g %%, +-%.2g %% "
                       "was asked for"
                     : "%zu rounds are too few for an interval (+-%.2g %%, "
                       "+-%.2g %% was asked for)",
             m->counted, 100 * w, 100 * j->target);
    return "noisy";
}

/* What there is to say of a good result. */
static void remark(const struct haq_measured *m, char *reason)
{
    struct complaints c;
    size_t dropped = m->rounds - m->counted, i = most_frequent(m, &c);
    if (dropped && c.count[i])
        snprintf(reason, HAQ_REASON, "%zu of %zu rounds do not count: %s",
                 dropped, m->rounds, haq_witness_name(i));
}

/* ---- conclusion -----------------------------------------------------------
 */

static void conclude_pairs(const struct haq_judge *j, struct haq_measured *m,
                           bool believed)
{
    struct haq_pair *p = m->pair;
    for (size_t a = 0; a < m->n; a++)
        for (size_t b = a + 1; b < m->n; b++, p++) {
            struct haq_interval v = median_of(j, m, a, b, j->pair_rank);
            *p = (struct haq_pair){.a = a, .b = b, .ratio = v};
            p->different =
                believed && j->pair_rank && (v.low > 1 || v.high < 1);
        }
}

void haq_judge_conclude(struct haq_judge *j, struct haq_measured *m)
{
    char reason[HAQ_REASON] = "";
    last_look(j, m);
    const char *spoilt = blame_rounds(j, m, reason);
    if (!spoilt)
        spoilt = blame_all(j, m, reason);
    for (size_t i = 0; i < HAQ_WITNESSES; i++)
        if (haq_witness_missing(j->witnesses, i))
            m->missing |= UINT32_C(1) << i;
    for (size_t i = 0; i < m->n; i++) {
        struct haq_latency *l = &m->latency[i];
        l->ms = median_of(j, m, i, m->n, j->rank);
        l->ratio = median_of(j, m, 0, i, j->rank);
        l->rounds = rounds_used(j, m);
        snprintf(l->reason, sizeof l->reason, "%s", reason);
        l->verdict = spoilt;
        if (!spoilt)
            l->verdict = blame_width(j, m, i ? l->ratio : l->ms, l->reason);
        if (!l->verdict) {
            l->verdict = "valid";
            remark(m, l->reason);
        }
    }
    conclude_pairs(j, m, !spoilt);
}
