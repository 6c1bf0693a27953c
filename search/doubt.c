/* A worker found that its device is not as fast as it was: what it timed since
 * the last good check is timed again (worker/drift.h). */
#include "search/search_priv.h"

enum { MOST_REPEATS = 3 }; /* of one candidate */

void haq_doubt_note(struct haq_search *s, const json_t *result,
                    const struct haq_timing *t)
{
    const json_t *drift = json_object_get(result, "drift");
    json_int_t again = json_integer_value(json_object_get(drift, "again"));
    if (again <= 0 || !t->session || s->n_doubts == HAQ_DOUBTS)
        return;
    int64_t first = t->sequence > again ? t->sequence - again : 0;
    s->doubt[s->n_doubts++] =
        (struct haq_doubt){t->session, first, t->sequence};
}

static bool doubtful(const struct haq_search *s, const struct haq_timing *t)
{
    for (size_t i = 0; i < s->n_doubts && t->known && !t->predicted; i++) {
        const struct haq_doubt *d = &s->doubt[i];
        if (t->session == d->session && t->sequence >= d->first &&
            t->sequence < d->end)
            return true;
    }
    return false;
}

void haq_doubt_plan(struct haq_search *s)
{
    for (size_t i = 0; i < s->n_candidates && s->n_doubts; i++) {
        struct haq_candidate *c = s->candidate[i];
        bool thorough = doubtful(s, &c->thorough);
        bool quick = doubtful(s, &c->quick) && !c->thorough.known;
        if ((!thorough && !quick) || c->repeats == MOST_REPEATS)
            continue;
        c->repeats++;
        haq_slot_repeat(s, thorough ? HAQ_SLOT_THOROUGH : HAQ_SLOT_QUICK, c);
    }
    s->n_doubts = 0;
}
