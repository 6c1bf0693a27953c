#include "search/search_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum {
    QUICK_MS = 60,
    THOROUGH_MS = 400,
    PROFILE_ROUNDS = 15,
    MOST_TRIES = 3,
    DAMAGE_SAMPLES = 256
};

/* ---- results --------------------------------------------------------------*/

/* A number that is there and finite, else NAN. */
static double number(const json_t *result, const char *key)
{
    const json_t *v = json_object_get(result, key);
    double x = json_is_number(v) ? json_number_value(v) : NAN;
    return isfinite(x) ? x : NAN;
}

/* Limits may be missing; they never stand on the wrong side of the value. */
static struct haq_interval interval(const json_t *result, const char *value,
                                    const char *low, const char *high)
{
    struct haq_interval v = {number(result, value), number(result, low),
                             number(result, high)};
    v.low = fmin(isnan(v.low) ? v.value : v.low, v.value);
    v.high = fmax(isnan(v.high) ? v.value : v.high, v.value);
    return v;
}

static const char *read_accuracy(struct haq_accuracy *a, const json_t *result)
{
    struct haq_interval v = interval(result, "value", "ci_low", "ci_high");
    double n = number(result, "n");
    if (isnan(v.value))
        return "the accuracy is not a number";
    *a = (struct haq_accuracy){.known = true,
                               .value = v,
                               .n = n > 0 && n < 1e15 ? (size_t)n : 0,
                               .kl = number(result, "kl")};
    return NULL;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* "bits": a hexadecimal digit for four samples, the first in its lowest bit.
 * The samples are first .. first+n-1 of the set.  false: not there, or not
 * that. */
static bool read_bits(struct haq_search *s, struct haq_candidate *c,
                      const json_t *result, size_t first, size_t n)
{
    const json_t *text = json_object_get(result, "bits");
    const char *hex = json_string_value(text);
    size_t all = s->config.eval_samples;
    if (!hex || first + n > all || json_string_length(text) != (n + 3) / 4)
        return false;
    if (!c->bits)
        c->bits = haq_arena_alloc(&s->arena, all / 8 + 1);
    for (size_t i = 0; c->bits && i < n; i++) {
        int digit = hex_digit(hex[i / 4]);
        size_t at = first + i;
        unsigned on = 1U << at % 8;
        if (digit < 0)
            return false;
        c->bits[at / 8] = (uint8_t)(digit >> i % 4 & 1 ? c->bits[at / 8] | on
                                                       : c->bits[at / 8] & ~on);
    }
    if (c->bits && first + n > c->seen)
        c->seen = first + n;
    return c->bits;
}

static const char *read_rung(struct haq_search *s, struct haq_slot *slot,
                             const json_t *result)
{
    if (number(result, "n") != (double)slot->column ||
        !read_bits(s, slot->candidate, result, slot->row, slot->column))
        return "the evaluation does not say which samples were right";
    s->raced_samples += slot->column;
    return NULL;
}

static const char *read_slice(struct haq_search *s, struct haq_slot *slot,
                              const json_t *result)
{
    const char *why = read_accuracy(&slot->candidate->slice, result);
    if (!why)
        read_bits(s, slot->candidate, result, 0, slot->candidate->slice.n);
    if (!why && haq_slice_is_whole(s))
        slot->candidate->whole = slot->candidate->slice;
    return why;
}

static const char *read_whole(struct haq_search *s, struct haq_slot *slot,
                              const json_t *result)
{
    const char *why = read_accuracy(&slot->candidate->whole, result);
    if (!why)
        read_bits(s, slot->candidate, result, 0, slot->candidate->whole.n);
    return why;
}

/* Tuned in order: kept when it is better. */
static const char *read_order(struct haq_search *s, struct haq_slot *slot,
                              const json_t *result)
{
    struct haq_candidate *c = slot->candidate;
    struct haq_accuracy a;
    const char *why = read_accuracy(&a, result);
    if (why)
        return why;
    double gain = a.value.value - c->whole.value.value;
    c->refined = true;
    c->alone = c->whole;
    c->in_order = s->config.higher_is_better ? gain > 0 : gain < 0;
    if (c->in_order) {
        c->whole = a;
        read_bits(s, c, result, 0, a.n);
    }
    return NULL;
}

/* Static text, so that a timing can be copied. */
static const char *verdict_of(const json_t *result)
{
    static const char *const known[] = {"valid", "noisy", "throttled",
                                        "disturbed"};
    const char *v = json_string_value(json_object_get(result, "verdict"));
    for (size_t i = 0; v && i < sizeof known / sizeof *known; i++)
        if (!strcmp(v, known[i]))
            return known[i];
    return "";
}

static const char *read_timing(struct haq_timing *t, const json_t *result)
{
    struct haq_interval ms = interval(result, "median", "ci_low", "ci_high");
    struct haq_interval up =
        interval(result, "speedup", "speedup_low", "speedup_high");
    if (!(ms.value > 0) || !(ms.low > 0))
        return "the latency is not a positive number";
    if (!(up.low > 0))
        up = (struct haq_interval){NAN, NAN, NAN}; /* not paired */
    double rounds = number(result, "rounds");
    *t = (struct haq_timing){
        .known = true,
        .tries = t->tries + 1,
        .ms = ms,
        .speedup = up,
        .verdict = verdict_of(result),
        .rounds = rounds > 0 && rounds < 1e15 ? (int64_t)rounds : 0};
    return NULL;
}

static const char *read_quick(struct haq_search *s, struct haq_slot *slot,
                              const json_t *result)
{
    (void)s;
    return read_timing(&slot->candidate->quick, result);
}

static const char *read_thorough(struct haq_search *s, struct haq_slot *slot,
                                 const json_t *result)
{
    struct haq_timing *t = &slot->candidate->thorough;
    const char *why = read_timing(t, result);
    if (!why && slot->candidate == s->base)
        t->speedup = (struct haq_interval){1, 1, 1}; /* by definition */
    haq_search_base_ms(s);
    return why;
}

static const char *read_damage(struct haq_search *s, struct haq_slot *slot,
                               const json_t *result)
{
    double v = number(result, "kl");
    if (isnan(v))
        v = number(result, "mse");
    if (isnan(v) && !s->config.has_calibration) {
        struct haq_candidate probe = {0};
        const char *why = read_accuracy(&probe.slice, result);
        if (why)
            return why;
        v = haq_candidate_drop(s, &probe, false);
    }
    if (isnan(v))
        return "the sensitivity is not a number";
    s->damage[slot->row * HAQ_PROBES + slot->column] = fmax(v, 0);
    return NULL;
}

/* The kernel's name and the bytes of weights that it read as one number; 0 when
 * they are not told. */
static uint64_t kernel_number(const json_t *result, const char *tensor)
{
    const json_t *names = json_object_get(result, "kernels");
    const char *name = json_string_value(json_object_get(names, tensor));
    double bytes = number(json_object_get(result, "weight_bytes"), tensor);
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    if (!name || !(bytes >= 0) || bytes > 1e15)
        return 0;
    for (; *name; name++)
        h = (h ^ (uint64_t)*name) * 0x100000001b3u;
    h = (h ^ (uint64_t)bytes) * 0x100000001b3u;
    return h ? h : 1;
}

static const char *read_profile(struct haq_search *s, struct haq_slot *slot,
                                const json_t *result)
{
    const struct haq_layers *l = s->space.layers;
    const json_t *ms = json_object_get(result, "layers");
    for (size_t i = 0; i < l->n; i++) {
        double v = number(ms, l->layer[i].tensor);
        size_t at = i * HAQ_CLASSES + slot->column;
        if (!(v >= 0))
            continue;
        s->layer_ms[at] = v;
        s->layer_kernel[at] = kernel_number(result, l->layer[i].tensor);
    }
    s->other_ms[slot->column] = number(result, "other_ms");
    s->float_ms[slot->column] = number(result, "float_ms");
    return json_is_object(ms) ? NULL : "there are no times of layers";
}

/* ---- the one list of what a search asks for -------------------------------*/

static bool slice_known(const struct haq_candidate *c)
{
    return c->slice.known;
}

static bool whole_known(const struct haq_candidate *c)
{
    return c->whole.known;
}

static bool order_known(const struct haq_candidate *c)
{
    return c->refined;
}

static bool timing_known(const struct haq_candidate *c)
{
    return c->quick.known || c->thorough.known;
}

/* What the machine spoilt is worth asking for again, a few times. */
static bool thorough_known(const struct haq_candidate *c)
{
    return c->thorough.known && (c->thorough.tries >= MOST_TRIES ||
                                 !haq_timing_spoilt(&c->thorough));
}

static bool never(const struct haq_candidate *c)
{
    (void)c;
    return false;
}

static json_t *evaluate_params(const struct haq_search *s, size_t first,
                               size_t count)
{
    if (first + count >= s->config.eval_samples)
        count = 0;
    json_t *o = json_pack("{s:s,s:I,s:I}", "metric", s->config.metric, "first",
                          (json_int_t)first, "count", (json_int_t)count);
    if (o && s->config.points && json_object_set_new(o, "bits", json_true())) {
        json_decref(o);
        o = NULL;
    }
    return o;
}

static json_t *rung_params(const struct haq_search *s,
                           const struct haq_slot *slot)
{
    return evaluate_params(s, slot->row, slot->column);
}

static json_t *slice_params(const struct haq_search *s,
                            const struct haq_slot *slot)
{
    (void)slot;
    return evaluate_params(s, 0, haq_slice(s));
}

static json_t *whole_params(const struct haq_search *s,
                            const struct haq_slot *slot)
{
    (void)slot;
    return evaluate_params(s, 0, s->config.eval_samples);
}

static json_t *order_params(const struct haq_search *s,
                            const struct haq_slot *slot)
{
    json_t *o = whole_params(s, slot);
    const char *finish = s->config.finish;
    if (o &&
        (json_object_set_new(o, "tune", json_string("in-order")) ||
         (finish && json_object_set_new(o, "finish", json_string(finish))))) {
        json_decref(o);
        o = NULL;
    }
    return o;
}

size_t haq_damage_samples(const struct haq_search *s)
{
    return haq_slice(s) < DAMAGE_SAMPLES ? haq_slice(s) : DAMAGE_SAMPLES;
}

static json_t *damage_params(const struct haq_search *s,
                             const struct haq_slot *slot)
{
    (void)slot;
    size_t n = haq_damage_samples(s);
    if (!s->config.has_calibration)
        return evaluate_params(s, 0, n);
    return json_pack("{s:I}", "count", (json_int_t)n);
}

static json_t *profile_params(const struct haq_search *s,
                              const struct haq_slot *slot)
{
    (void)s, (void)slot;
    return json_pack("{s:i}", "rounds", PROFILE_ROUNDS);
}

static json_t *latency_params(int budget_ms)
{
    return json_pack("{s:i,s:i,s:i}", "batch", 1, "threads", 0, "budget_ms",
                     budget_ms);
}

static json_t *quick_params(const struct haq_search *s,
                            const struct haq_slot *slot)
{
    (void)s, (void)slot;
    return latency_params(QUICK_MS);
}

static json_t *thorough_params(const struct haq_search *s,
                               const struct haq_slot *slot)
{
    (void)s, (void)slot;
    return latency_params(THOROUGH_MS);
}

static const struct kind {
    const char *task;
    bool exclusive;
    bool fatal; /* its failure makes the candidate unusable */
    bool (*known)(const struct haq_candidate *c);
    json_t *(*params)(const struct haq_search *s, const struct haq_slot *slot);
    const char *(*read)(struct haq_search *s, struct haq_slot *slot,
                        const json_t *result);
} kinds[HAQ_SLOT_KINDS] = {
    [HAQ_SLOT_SLICE] = {"evaluate", false, true, slice_known, slice_params,
                        read_slice},
    [HAQ_SLOT_WHOLE] = {"evaluate", false, true, whole_known, whole_params,
                        read_whole},
    [HAQ_SLOT_RUNG] = {"evaluate", false, true, never, rung_params, read_rung},
    [HAQ_SLOT_ORDER] = {"evaluate", false, false, order_known, order_params,
                        read_order},
    [HAQ_SLOT_DAMAGE] = {"sensitivity", false, false, never, damage_params,
                         read_damage},
    [HAQ_SLOT_PROFILE] = {"profile-layer", true, false, never, profile_params,
                          read_profile},
    [HAQ_SLOT_QUICK] = {"measure-latency", true, true, timing_known,
                        quick_params, read_quick},
    [HAQ_SLOT_THOROUGH] = {"measure-latency", true, true, thorough_known,
                           thorough_params, read_thorough},
};

/* ---- slots ----------------------------------------------------------------*/

void haq_slot_add(struct haq_search *s, enum haq_slot_kind kind,
                  struct haq_candidate *c, size_t row, size_t column)
{
    if (s->status || !c || c->failed || kinds[kind].known(c))
        return;
    if (s->n_slots == s->slot_room) {
        size_t room = s->slot_room ? 2 * s->slot_room : 64;
        struct haq_slot *p = realloc(s->slot, room * sizeof *p);
        if (!p) {
            haq_search_fail(s, HAQ_NOMEM, "no memory for another measurement");
            return;
        }
        s->slot = p, s->slot_room = room;
    }
    struct haq_slot slot = {
        .kind = kind, .candidate = c, .row = row, .column = column};
    json_t *params = kinds[kind].params(s, &slot);
    /* Another question than the one that was answered, also for a store. */
    int tries = kind == HAQ_SLOT_THOROUGH ? c->thorough.tries : 0;
    if (!params ||
        (tries && json_object_set_new(params, "again", json_integer(tries)))) {
        json_decref(params);
        haq_search_fail(s, HAQ_NOMEM, "no memory for another measurement");
        return;
    }
    slot.params = params;
    s->slot[s->n_slots++] = slot;
}

void haq_slot_want(const struct haq_search *s, size_t index,
                   struct haq_want *want)
{
    const struct haq_slot *slot = &s->slot[index];
    const struct kind *k = &kinds[slot->kind];
    bool evaluates = json_object_get(slot->params, "metric");
    *want = (struct haq_want){
        .id = s->first_id + index,
        .kind = evaluates ? "evaluate" : k->task,
        .recipe = slot->candidate == s->base ? NULL : &slot->candidate->recipe,
        .params = slot->params,
        .exclusive = k->exclusive,
    };
}

const char *haq_slot_read(struct haq_search *s, struct haq_slot *slot,
                          const json_t *result)
{
    if (!json_is_object(result))
        return "the result is not a JSON object";
    double seconds = number(result, "seconds"), n = number(result, "n");
    slot->seconds = seconds > 0 ? seconds : 0;
    slot->samples =
        n > 0 && n < 1e15 && !kinds[slot->kind].exclusive ? (size_t)n : 0;
    return kinds[slot->kind].read(s, slot, result);
}

void haq_slot_fail(struct haq_search *s, struct haq_slot *slot,
                   const char *reason)
{
    if (!kinds[slot->kind].fatal || slot->candidate->failed)
        return;
    const char *copy = haq_arena_strdup(&s->arena, reason);
    slot->candidate->failed = copy ? copy : "failed";
}

/* Timings outlive their phase. */
static void keep_timed(struct haq_search *s, size_t index)
{
    if (s->n_timed == s->timed_room) {
        size_t room = s->timed_room ? 2 * s->timed_room : 64;
        struct haq_timed *p = realloc(s->timed, room * sizeof *p);
        if (!p) {
            haq_search_fail(s, HAQ_NOMEM, "no memory for another measurement");
            return;
        }
        s->timed = p, s->timed_room = room;
    }
    struct haq_timed *t = &s->timed[s->n_timed++];
    *t = (struct haq_timed){s->first_id + index, s->slot[index]};
    t->slot.params = NULL;
}

struct haq_slot *haq_slot_timed(struct haq_search *s, uint64_t id)
{
    size_t index = (size_t)(id - s->first_id);
    if (id >= s->first_id && index < s->n_slots && s->slot[index].told &&
        kinds[s->slot[index].kind].exclusive)
        return &s->slot[index];
    for (size_t i = s->n_timed; i-- > 0;)
        if (s->timed[i].id == id)
            return &s->timed[i].slot;
    return NULL;
}

void haq_slots_clear(struct haq_search *s)
{
    for (size_t i = 0; i < s->n_slots; i++) {
        if (s->slot[i].told && kinds[s->slot[i].kind].exclusive)
            keep_timed(s, i);
        json_decref(s->slot[i].params);
    }
    s->first_id += s->n_slots;
    s->n_slots = s->next_slot = s->open = 0;
}
