#include "report/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- reading --------------------------------------------------------------*/

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *text(struct haq_view *v, const json_t *value)
{
    const char *s = json_string_value(value);
    char *copy = s ? haq_arena_strdup(&v->arena, s) : NULL;
    return copy ? copy : "";
}

static const char *member(struct haq_view *v, const json_t *o, const char *key)
{
    return text(v, json_object_get(o, key));
}

static struct haq_interval interval(const json_t *o, const char *key,
                                    const char *middle)
{
    const json_t *i = json_object_get(o, key);
    struct haq_interval x = {number(i, middle), number(i, "ci_low"),
                             number(i, "ci_high")};
    return x;
}

static const char **words(struct haq_view *v, const json_t *bits,
                          const char *key)
{
    const json_t *list = json_object_get(bits, key);
    const char **w =
        haq_arena_array(&v->arena, v->n_layers + 1, sizeof(const char *));
    for (size_t i = 0; w && i < v->n_layers; i++)
        w[i] = text(v, json_array_get(list, i));
    return w;
}

static bool read_point(struct haq_view *v, struct haq_view_point *p,
                       const json_t *o)
{
    const json_t *bits = json_object_get(o, "bits");
    *p = (struct haq_view_point){
        .id = member(v, o, "id"),
        .label = member(v, o, "label"),
        .accuracy = interval(o, "accuracy", "value"),
        .drop = number(o, "drop"),
        .ms = interval(o, "latency_ms", "median"),
        .speedup = number(o, "speedup"),
        .speedup_int8 = number(o, "speedup_int8"),
        .bytes = number(o, "size_bytes"),
        .compression = number(o, "compression"),
        .average_bits = number(bits, "average"),
        .words = words(v, bits, "layers"),
        .acts = words(v, bits, "activations"),
        .verdict = member(v, o, "latency_verdict"),
        .confirmed = json_is_true(json_object_get(o, "confirmed")),
    };
    return p->words && p->acts;
}

static bool read_points(struct haq_view *v, const json_t *list,
                        struct haq_view_point **out, size_t *n)
{
    *n = json_array_size(list);
    *out = haq_arena_array(&v->arena, *n + 1, sizeof **out);
    bool ok = *out;
    for (size_t i = 0; ok && i < *n; i++)
        ok = read_point(v, &(*out)[i], json_array_get(list, i));
    return ok;
}

/* What the layer table says of a tensor, by name: the order may differ. */
static void describe(struct haq_view *v, struct haq_view_layer *l,
                     const json_t *table)
{
    size_t i;
    json_t *row;
    json_array_foreach(table, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "tensor"));
        if (!name || strcmp(name, l->tensor))
            continue;
        l->op = member(v, row, "op");
        l->macs = number(row, "macs");
        l->weights = number(row, "channels") * number(row, "reduction");
    }
}

static bool read_layers(struct haq_view *v, const json_t *front,
                        const json_t *layers)
{
    const json_t *list = json_object_get(front, "layers");
    v->n_layers = json_array_size(list);
    v->layer = haq_arena_array(&v->arena, v->n_layers + 1, sizeof *v->layer);
    for (size_t i = 0; v->layer && i < v->n_layers; i++) {
        v->layer[i] = (struct haq_view_layer){text(v, json_array_get(list, i)),
                                              "", NAN, NAN};
        describe(v, &v->layer[i], json_object_get(layers, "layers"));
    }
    return v->layer;
}

static bool read_warnings(struct haq_view *v, const json_t *list)
{
    size_t n = json_array_size(list);
    v->warning = haq_arena_array(&v->arena, n, sizeof(const char *));
    for (size_t i = 0; v->warning && i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        v->warning[v->n_warnings] =
            haq_arena_strdup(&v->arena, text ? text : "");
        if (!v->warning[v->n_warnings++])
            return false;
    }
    return v->warning;
}

haq_status haq_view_make(struct haq_view *v, const json_t *front,
                         const json_t *layers, struct haq_diag *d)
{
    const json_t *volume = json_object_get(front, "hypervolume");
    *v = (struct haq_view){
        .higher_is_better =
            !json_is_false(json_object_get(front, "metric_higher_is_better")),
        .points_unit = !json_is_false(json_object_get(front, "metric_points")),
        .complete = !json_is_false(json_object_get(front, "complete")),
        .feasible = !json_is_false(json_object_get(front, "feasible")),
        .volume = number(volume, "value"),
        .uniform_volume = number(volume, "uniform"),
        .curse = number(json_object_get(front, "winners_curse"), "points"),
        .race_saved = number(json_object_get(front, "racing"), "saved"),
        .seconds = number(front, "seconds"),
        .evaluations = number(front, "evaluations"),
        .seed = number(front, "seed"),
    };
    haq_arena_init(&v->arena);
    if (!json_is_array(json_object_get(front, "points")))
        return haq_fail(d, HAQ_FORMAT, "not a front: it has no points");
    v->model = member(v, front, "model");
    v->metric = member(v, front, "metric");
    v->device = member(v, front, "device");
    v->error = member(v, front, "error");
    v->curse_method =
        member(v, json_object_get(front, "winners_curse"), "method");
    bool ok =
        read_layers(v, front, layers) &&
        read_warnings(v, json_object_get(front, "warnings")) &&
        read_points(v, json_object_get(front, "points"), &v->point, &v->n) &&
        read_points(v, json_object_get(front, "uniform"), &v->uniform,
                    &v->n_uniform) &&
        read_point(v, &v->base, json_object_get(front, "baseline"));
    if (!ok) {
        haq_view_fini(v);
        return haq_fail(d, HAQ_NOMEM, "report of a front");
    }
    const char *knee = member(v, front, "knee");
    for (size_t i = 0; i < v->n; i++)
        v->point[i].knee = *knee && !strcmp(knee, v->point[i].id);
    return HAQ_OK;
}

void haq_view_fini(struct haq_view *v)
{
    haq_arena_fini(&v->arena);
    *v = (struct haq_view){0};
}

const struct haq_view_point *haq_view_knee(const struct haq_view *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->point[i].knee)
            return &v->point[i];
    return NULL;
}

bool haq_view_doubtful(const struct haq_view_point *p)
{
    return !strcmp(p->verdict, "disturbed") || !strcmp(p->verdict, "throttled");
}

bool haq_view_on_front(const struct haq_view *v,
                       const struct haq_view_point *uniform)
{
    for (size_t i = 0; i < v->n; i++)
        if (!strcmp(v->point[i].id, uniform->id))
            return true;
    return false;
}

/* ---- words ----------------------------------------------------------------*/

void haq_html_escape(struct haq_buf *b, const char *s)
{
    for (; *s; s++) {
        const char *entity = *s == '&'    ? "&amp;"
                             : *s == '<'  ? "&lt;"
                             : *s == '>'  ? "&gt;"
                             : *s == '"'  ? "&quot;"
                             : *s == '\'' ? "&#39;"
                                          : NULL;
        if (entity)
            haq_buf_puts(b, entity);
        else
            haq_buf_add(b, s, 1);
    }
}

void haq_view_bytes(char out[HAQ_VIEW_TEXT], double bytes)
{
    static const char *const unit[] = {"B", "KB", "MB", "GB", "TB"};
    size_t u = 0;
    if (isnan(bytes)) {
        snprintf(out, HAQ_VIEW_TEXT, "-");
        return;
    }
    while (bytes >= 1000 && u + 1 < sizeof unit / sizeof *unit)
        bytes /= 1000, u++;
    snprintf(out, HAQ_VIEW_TEXT, "%.*f %s", u && bytes < 99.5 ? 1 : 0, bytes,
             unit[u]);
}
