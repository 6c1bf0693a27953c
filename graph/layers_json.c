/* The layer table as JSON: it crosses the wire from worker to coordinator. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "graph/layers.h"

enum { LAYERS_MAX = 1 << 17, NAME_MAX_BYTES = 1024 };

/* ---- out ------------------------------------------------------------------
 */

static json_t *ints_to_json(const int64_t *v, int n)
{
    json_t *a = json_array();

    for (int i = 0; i < n && a; i++)
        if (json_array_append_new(a, json_integer(v[i]))) {
            json_decref(a);
            a = NULL;
        }
    return a;
}

static json_t *layer_to_json(const struct haq_layer *l)
{
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:b, s:b, s:b, "
        "s:b}",
        "tensor", l->tensor, "op", l->op, "input", l->input, "weight",
        l->weight, "channels", (json_int_t)l->channels, "reduction",
        (json_int_t)l->reduction, "group", (json_int_t)l->group, "macs",
        (json_int_t)l->macs, "kernel", ints_to_json(l->kernel, 2), "shape",
        ints_to_json(l->shape, l->rank), "bias", l->bias, "depthwise",
        l->depthwise, "first", l->first, "last", l->last);
}

json_t *haq_layers_to_json(const struct haq_layers *l)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->n && list; i++)
        if (json_array_append_new(list, layer_to_json(&l->layer[i]))) {
            json_decref(list);
            list = NULL;
        }
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "name", l->name,
        "model_hash", l->model_hash, "macs", (json_int_t)l->macs, "params",
        (json_int_t)l->params, "other_bytes", (json_int_t)l->other_bytes,
        "input_shape", ints_to_json(l->input_shape, l->input_rank),
        "output_shape", ints_to_json(l->output_shape, l->output_rank), "layers",
        list);
}

/* ---- in -------------------------------------------------------------------
 */

/* Where we read, and the first failure; readers after one do nothing. */
struct reader {
    const json_t *o;
    const char *where;
    struct haq_arena *arena;
    haq_status status;
    struct haq_diag *d;
};

static void read_count(struct reader *r, const char *key, int64_t *out)
{
    if (r->status)
        return;
    r->status = haq_json_get_int(r->o, r->where, key, out, r->d);
    /* Room to add up a network's worth of them. */
    if (!r->status && (*out < 0 || *out > INT64_MAX / LAYERS_MAX / 2))
        r->status =
            haq_fail(r->d, HAQ_FORMAT, "%s.%s: out of range", r->where, key);
}

static void read_text(struct reader *r, const char *key, const char **out)
{
    const char *text = NULL;

    if (r->status)
        return;
    r->status = haq_json_get_str(r->o, r->where, key, &text, r->d);
    if (r->status)
        return;
    if (!*text || strlen(text) > NAME_MAX_BYTES)
        r->status = haq_fail(r->d, HAQ_FORMAT, "%s.%s: empty or too long",
                             r->where, key);
    else if (!(*out = haq_arena_strdup(r->arena, text)))
        r->status = haq_fail(r->d, HAQ_NOMEM, "%s.%s", r->where, key);
}

static void read_flag(struct reader *r, const char *key, bool *out)
{
    const json_t *v = json_object_get(r->o, key);

    if (r->status)
        return;
    if (!json_is_boolean(v))
        r->status =
            haq_fail(r->d, HAQ_FORMAT, "%s.%s: not a boolean", r->where, key);
    else
        *out = json_is_true(v);
}

/* A list of `min` to `max` sizes. */
static int read_sizes(struct reader *r, const char *key, int64_t *out,
                      size_t min, size_t max)
{
    json_t *list = NULL;

    if (r->status)
        return 0;
    r->status = haq_json_get_array(r->o, r->where, key, &list, r->d);
    if (r->status)
        return 0;
    size_t n = json_array_size(list);
    if (n < min || n > max) {
        r->status =
            haq_fail(r->d, HAQ_FORMAT, "%s.%s: %zu values", r->where, key, n);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        out[i] = json_integer_value(v);
        if (!json_is_integer(v) || out[i] < 0 || out[i] > INT64_MAX / 1024) {
            r->status = haq_fail(r->d, HAQ_FORMAT, "%s.%s[%zu]: not a size",
                                 r->where, key, i);
            return 0;
        }
    }
    return (int)n;
}

static void read_layer(struct reader *r, struct haq_layer *l)
{
    read_text(r, "tensor", &l->tensor);
    read_text(r, "op", &l->op);
    read_text(r, "input", &l->input);
    read_text(r, "weight", &l->weight);
    read_count(r, "channels", &l->channels);
    read_count(r, "reduction", &l->reduction);
    read_count(r, "group", &l->group);
    read_count(r, "macs", &l->macs);
    read_sizes(r, "kernel", l->kernel, 2, 2);
    l->rank = read_sizes(r, "shape", l->shape, 0, 8);
    read_flag(r, "bias", &l->bias);
    read_flag(r, "depthwise", &l->depthwise);
    read_flag(r, "first", &l->first);
    read_flag(r, "last", &l->last);
    if (!r->status && (l->channels < 1 || l->reduction < 1 || l->group < 1))
        r->status =
            haq_fail(r->d, HAQ_FORMAT, "%s: a layer without weights", r->where);
}

static void read_layers(struct reader *r, struct haq_layers *out)
{
    json_t *list = NULL;

    if (!r->status)
        r->status = haq_json_get_array(r->o, r->where, "layers", &list, r->d);
    if (r->status)
        return;
    size_t n = json_array_size(list);
    out->layer = n > LAYERS_MAX
                     ? NULL
                     : haq_arena_array(r->arena, n, sizeof *out->layer);
    if (!out->layer) {
        r->status = n > LAYERS_MAX
                        ? haq_fail(r->d, HAQ_FORMAT, "%s.layers: %zu of them",
                                   r->where, n)
                        : haq_fail(r->d, HAQ_NOMEM, "%zu layers", n);
        return;
    }
    for (size_t i = 0; i < n && !r->status; i++) {
        char where[64];
        snprintf(where, sizeof where, "%.30s.layers[%zu]", r->where, i);
        struct reader one = {json_array_get(list, i), where, r->arena, HAQ_OK,
                             r->d};
        read_layer(&one, &out->layer[i]);
        r->status = one.status;
        out->n = i + 1;
    }
}

static void read_hash(struct reader *r, char out[HAQ_HASH_HEX])
{
    const char *text = NULL;

    read_text(r, "model_hash", &text);
    if (r->status)
        return;
    if (strlen(text) != HAQ_HASH_HEX - 1 ||
        strspn(text, "0123456789abcdef") != HAQ_HASH_HEX - 1)
        r->status = haq_fail(r->d, HAQ_FORMAT, "%s.model_hash: not a SHA-256",
                             r->where);
    else
        memcpy(out, text, HAQ_HASH_HEX);
}

haq_status haq_layers_from_json(struct haq_layers *out, const json_t *j,
                                struct haq_diag *d)
{
    struct reader r = {j, "layers", &out->arena, HAQ_OK, d};

    memset(out, 0, sizeof *out);
    haq_arena_init(&out->arena);
    if (!json_is_object(j))
        return haq_fail(d, HAQ_FORMAT, "layers: not an object");
    read_text(&r, "name", &out->name);
    read_hash(&r, out->model_hash);
    read_count(&r, "macs", &out->macs);
    read_count(&r, "params", &out->params);
    read_count(&r, "other_bytes", &out->other_bytes);
    out->input_rank = read_sizes(&r, "input_shape", out->input_shape, 0, 8);
    out->output_rank = read_sizes(&r, "output_shape", out->output_shape, 0, 8);
    read_layers(&r, out);
    if (r.status)
        haq_layers_fini(out);
    return r.status;
}
