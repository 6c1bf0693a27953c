/* Results of measurements as JSON. */
#include "base/json.h"
#include "runtime/measure.h"

static json_t *names(uint32_t mask)
{
    json_t *list = json_array();
    for (size_t i = 0; i < HAQ_WITNESSES; i++)
        if (mask >> i & 1)
            json_array_append_new(list, json_string(haq_witness_name(i)));
    return list;
}

json_t *haq_measured_missing(const struct haq_measured *m)
{
    return names(m->missing);
}

static json_t *reading_json(const struct haq_reading *r)
{
    json_t *o = json_object();
    for (size_t i = 0; i < HAQ_WITNESSES; i++)
        json_object_set_new(o, haq_witness_name(i), haq_json_real(r->value[i]));
    return o;
}

static json_t *round_json(const struct haq_measured *m, size_t round)
{
    json_t *ms = json_array();
    for (size_t i = 0; i < m->n; i++) {
        const double *x = m->ms + (round * m->n + i) * 2;
        json_array_append_new(
            ms, json_pack("[o, o]", haq_json_real(x[0]), haq_json_real(x[1])));
    }
    return json_pack("{s:o, s:o, s:o}", "ms", ms, "disturbed",
                     names(m->disturbed[round]), "witnesses",
                     reading_json(&m->reading[round + 1]));
}

json_t *haq_measured_raw(const struct haq_measured *m)
{
    json_t *runs = json_array(), *rounds = json_array();
    for (size_t i = 0; i < m->n; i++)
        json_array_append_new(runs, json_integer((json_int_t)m->runs[i]));
    for (size_t r = 0; r < m->rounds; r++)
        json_array_append_new(rounds, round_json(m, r));
    return json_pack("{s:o, s:o, s:o, s:b, s:b}", "runs", runs, "start",
                     reading_json(&m->reading[0]), "rounds", rounds, "cold",
                     m->cold, "settled", m->settled);
}
