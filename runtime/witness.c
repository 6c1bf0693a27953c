#include "runtime/witness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "runtime/witness_priv.h"

/* What the rules below work on. */
struct span {
    double before, after;
    double first, least, most; /* of this witness's readings so far */
    double elapsed_ns;
    double pieces; /* spans that were added up, times CPUs */
};

/* How much went by, in the unit that the row's limit has. */
typedef double amount_fn(const struct span *s);

static double gained(const struct span *s)
{
    return s->after - s->before;
}

static double per_second(const struct span *s)
{
    /* One in a short round is not yet a rate. */
    double n = s->after - s->before;
    return n > 1 ? n / s->elapsed_ns * 1e9 : 0;
}

static double share(const struct span *s)
{
    return (s->after - s->before) / s->elapsed_ns;
}

/* Beyond four standard deviations of what chance does: a piece begins and ends
 * within a tick of 10 ms (variance 100 / 6 ms^2), and whom a tick finds on a
 * CPU that changes hands is drawn by lot (every 4 ms, 16 / 4 ms^2). */
static double share_of_ticks(const struct span *s)
{
    double ms = s->elapsed_ns * 1e-6;
    double chance = 4 * sqrt(s->pieces * 100 / 6 + ms);
    return ((s->after - s->before) * 1e-6 - chance) / ms;
}

static double moved(const struct span *s)
{
    return fabs(s->after - s->before);
}

static double changed(const struct span *s)
{
    return fmax(fabs(s->before - s->first), fabs(s->after - s->first));
}

static double longer_than_best(const struct span *s)
{
    return fmax(s->before, s->after) / s->least - 1;
}

static double lower_than_best(const struct span *s)
{
    return 1 - fmin(s->before, s->after) / s->most;
}

/* Adding a witness is a field in witness_priv.h, what fills it in
 * witness_read.c, and a row here. */
static const struct witness {
    const char *name;
    size_t field; /* of struct haq_look */
    amount_fn *amount;
    double limit; /* more than this disturbs; INFINITY: told only */
    enum haq_disturbance kind;
    bool coarse;            /* ask it about all rounds together, too */
    bool renews;            /* all before a much better reading was spoilt */
    double scale;           /* of the amount in the sentence */
    const char *say, *unit; /* around the amount; unit NULL: no amount */
} rows[] = {
#define FIELD(name) offsetof(struct haq_look, name)
    {"preempted", FIELD(preempted), per_second, 100, HAQ_DISTURBED, false,
     false, 1, "its threads were preempted ", " times a second"},
    {"yielded", FIELD(yielded), gained, INFINITY, HAQ_DISTURBED, false, false,
     1, "its threads slept ", " times"},
    {"waited", FIELD(waited_ns), share, 0.005, HAQ_DISTURBED, false, false, 100,
     "its threads waited for a CPU ", " % of the time"},
    {"steal", FIELD(steal_ns), share, 0.01, HAQ_DISTURBED, true, false, 100,
     "the host took its CPUs away ", " % of the time"},
    {"others", FIELD(others_ns), share_of_ticks, 0.05, HAQ_DISTURBED, true,
     false, 100, "its cores did something else ", " % of the time"},
    {"frequency", FIELD(mhz), lower_than_best, 0.03, HAQ_THROTTLED, false,
     false, 100, "the frequency was below the best by ", " %"},
    {"thermal", FIELD(overheated), gained, 0, HAQ_THROTTLED, false, false, 1,
     "its cores were too hot ", " times"},
    {"clock-step", FIELD(wall_ms), moved, 1, HAQ_DISTURBED, false, false, 1e-3,
     "the wall clock was set by ", " s"},
    {"cgroup-quota", FIELD(quota_cpus), changed, 1e-9, HAQ_DISTURBED, false,
     false, 1, "the CPU quota of the cgroup changed by ", " CPUs"},
    {"cgroup-throttled", FIELD(throttled), gained, 0, HAQ_THROTTLED, false,
     false, 1, "the cgroup ran out of CPU time ", " times"},
    {"allowed-cpus", FIELD(allowed), changed, 0, HAQ_DISTURBED, false, false, 1,
     "the CPUs that its threads may use changed", NULL},
    {"online-cpus", FIELD(online_cpus), changed, 0, HAQ_DISTURBED, false, false,
     1, "CPUs that went offline or came back: ", ""},
    {"clock-rate", FIELD(chain_ns), longer_than_best, 0.02, HAQ_THROTTLED,
     false, false, 100, "a chain of additions took longer than at best by ",
     " %"},
    {"core-share", FIELD(fan_ns), longer_than_best, 0.05, HAQ_DISTURBED, false,
     false, 100,
     "independent additions, as beside a busy sibling of the core, took "
     "longer than at best by ",
     " %"},
    /* Far beyond what neighbours in one cache differ by: 120 ns where
     * hardware threads of one core need 75 and cores of two caches 450. */
    {"hand-over", FIELD(hand_over_ns), longer_than_best, 1.5, HAQ_DISTURBED,
     false, true, 100,
     "its threads are far from each other: a hand-over between them took "
     "longer than at best by ",
     " %"},
#undef FIELD
};
_Static_assert(sizeof rows / sizeof *rows == HAQ_WITNESSES, "all rows");

static struct span span_of(const struct haq_witnesses *w, size_t i,
                           const struct haq_reading *before,
                           const struct haq_reading *after)
{
    return (struct span){.before = before->value[i],
                         .after = after->value[i],
                         .first = w->first.value[i],
                         .least = w->least[i],
                         .most = w->most[i],
                         .elapsed_ns =
                             fmax((double)(after->at_ns - before->at_ns), 1),
                         .pieces = w->cpus};
}

/* It spoke at first, and then no more: that is not silence. */
static bool vanished(const struct span *s)
{
    return !isnan(s->first) && (isnan(s->before) || isnan(s->after));
}

/* ---- life -----------------------------------------------------------------
 */

haq_status haq_witnesses_new(struct haq_witnesses **out,
                             const struct haq_witness_config *config,
                             struct haq_diag *d)
{
    struct haq_witnesses *w = calloc(1, sizeof *w);
    if (w) {
        w->config = *config;
        w->root = strdup(config->root ? config->root : "");
        w->thread = malloc((config->threads + 1) * sizeof *w->thread);
        w->text = malloc(HAQ_LOOK_TEXT);
    }
    if (!w || !w->root || !w->thread || !w->text) {
        haq_witnesses_free(w);
        return haq_fail(d, HAQ_NOMEM, "witnesses of a measurement");
    }
    if (config->threads)
        memcpy(w->thread, config->thread,
               config->threads * sizeof *config->thread);
    haq_witnesses_forget(w);
    haq_look_for_cpus(w);
    for (size_t c = 0; c < HAQ_CPUS_MAX; c++)
        w->cpus += w->cpu[c];
    haq_witnesses_read(w, &w->first);
    *out = w;
    return HAQ_OK;
}

void haq_witnesses_free(struct haq_witnesses *w)
{
    if (!w)
        return;
    free(w->root);
    free(w->thread);
    free(w->text);
    free(w);
}

/* ---- readings -------------------------------------------------------------
 */

void haq_witnesses_read(struct haq_witnesses *w, struct haq_reading *out)
{
    struct haq_look look;
    haq_look(w, &look);
    for (size_t i = 0; i < HAQ_WITNESSES; i++) {
        double v;
        memcpy(&v, (const char *)&look + rows[i].field, sizeof v);
        out->value[i] = v;
        w->missing[i] |= isnan(v);
        w->renewed += rows[i].renews && isfinite(w->least[i]) &&
                      w->least[i] / v - 1 > rows[i].limit;
        w->least[i] = fmin(w->least[i], v); /* not NAN */
        w->most[i] = fmax(w->most[i], v);
    }
    out->at_ns =
        w->config.clock_ns ? w->config.clock_ns(w->config.arg) : haq_clock_ns();
}

uint32_t haq_witnesses_judge(const struct haq_witnesses *w,
                             const struct haq_reading *before,
                             const struct haq_reading *after)
{
    uint32_t mask = 0;
    for (size_t i = 0; i < HAQ_WITNESSES; i++) {
        struct span s = span_of(w, i, before, after);
        /* NAN, that is missing, is not greater than anything. */
        if (rows[i].amount(&s) > rows[i].limit || vanished(&s))
            mask |= UINT32_C(1) << i;
    }
    return mask;
}

bool haq_witnesses_calm(const struct haq_witnesses *w,
                        const struct haq_reading *before,
                        const struct haq_reading *after)
{
    uint32_t mask = haq_witnesses_judge(w, before, after);
    for (size_t i = 0; i < HAQ_WITNESSES; i++)
        if (mask >> i & 1 && rows[i].amount != changed)
            return false;
    return true;
}

size_t haq_witnesses_renewed(const struct haq_witnesses *w)
{
    return w->renewed;
}

void haq_witnesses_forget(struct haq_witnesses *w)
{
    for (size_t i = 0; i < HAQ_WITNESSES; i++) {
        w->least[i] = INFINITY;
        w->most[i] = -INFINITY;
    }
}

/* ---- words ----------------------------------------------------------------
 */

static void say(size_t i, const struct span *s, char *out, size_t size)
{
    double amount = rows[i].amount(s) * rows[i].scale;
    if (vanished(s))
        snprintf(out, size, "what tells of it could not be read any more");
    else if (rows[i].unit)
        snprintf(out, size, "%s%.3g%s", rows[i].say, amount, rows[i].unit);
    else
        snprintf(out, size, "%s", rows[i].say);
}

void haq_witness_say(const struct haq_witnesses *w, size_t i,
                     const struct haq_reading *before,
                     const struct haq_reading *after, char *out, size_t size)
{
    struct span s = span_of(w, i, before, after);
    say(i, &s, out, size);
}

/* What one witness counted in the rounds that count. */
static struct span sum_of(const struct haq_witnesses *w, size_t i,
                          const struct haq_reading *reading, const bool *kept,
                          size_t rounds)
{
    struct span all = {.elapsed_ns = 1};
    for (size_t r = 0; r < rounds; r++) {
        if (!kept[r])
            continue;
        all.pieces += r == 0 || !kept[r - 1];
        all.after += reading[r + 1].value[i] - reading[r].value[i];
        all.elapsed_ns += (double)(reading[r + 1].at_ns - reading[r].at_ns);
    }
    all.pieces *= w->cpus;
    return all;
}

size_t haq_witnesses_judge_all(const struct haq_witnesses *w,
                               const struct haq_reading *reading,
                               const bool *kept, size_t rounds, char *out,
                               size_t size)
{
    for (size_t i = 0; i < HAQ_WITNESSES; i++) {
        struct span s = sum_of(w, i, reading, kept, rounds);
        if (!rows[i].coarse || !(rows[i].amount(&s) > rows[i].limit))
            continue;
        say(i, &s, out, size);
        return i;
    }
    return HAQ_WITNESSES;
}

bool haq_witness_missing(const struct haq_witnesses *w, size_t i)
{
    return w->missing[i];
}

const char *haq_witness_name(size_t i)
{
    return rows[i].name;
}

enum haq_disturbance haq_witness_kind(size_t i)
{
    return rows[i].kind;
}
