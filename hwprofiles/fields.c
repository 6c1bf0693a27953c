#include "hwprofiles/fields.h"

#include <math.h>
#include <string.h>

#include "base/json.h"

enum { WHERE_MAX = 200 };

/* ---- lists and texts ------------------------------------------------------
 */

/* Capacities are powers of two from 4 on, so the count tells when it is full.
 */
void *haq_list_add(struct haq_list *list, size_t size, struct haq_arena *a)
{
    size_t n = list->n;
    if (n == 0 || (n >= 4 && !(n & (n - 1)))) {
        void *grown = haq_arena_array(a, n ? 2 * n : 4, size);
        if (!grown)
            return NULL;
        if (n)
            memcpy(grown, list->item, n * size);
        list->item = grown;
    }
    return (char *)list->item + list->n++ * size;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

const char *haq_text_copy(struct haq_arena *a, const char *text, size_t len)
{
    len = len < HAQ_FIELD_TEXT_MAX ? len : HAQ_FIELD_TEXT_MAX;
    char *copy = haq_arena_alloc(a, len + 1);
    for (size_t i = 0; copy && i < len; i++)
        /* Not only controls: what is cut or odd may be no UTF-8. */
        copy[i] = is_control(text[i]) || text[i] & 0x80 ? '?' : text[i];
    return copy;
}

/* ---- writing --------------------------------------------------------------
 */

static json_t *write_text(const struct haq_field *f, const void *at)
{
    const char *const *text = at;
    (void)f;
    return *text ? json_string(*text) : json_null();
}

static json_t *write_count(const struct haq_field *f, const void *at)
{
    const uint64_t *v = at;
    (void)f;
    return json_integer((json_int_t)*v);
}

static json_t *write_real(const struct haq_field *f, const void *at)
{
    const double *v = at;
    (void)f;
    return json_real(*v);
}

static json_t *write_word(const struct haq_field *f, const void *at)
{
    const unsigned *v = at;
    return json_string(f->words[*v]);
}

static json_t *write_mask(const struct haq_field *f, const void *at)
{
    const unsigned *v = at;
    json_t *j = json_array();
    for (size_t i = 0; f->words[i]; i++)
        if (*v >> i & 1)
            json_array_append_new(j, json_string(f->words[i]));
    return j;
}

static json_t *write_texts(const struct haq_field *f, const void *at)
{
    const struct haq_list *l = at;
    const char *const *text = l->item;
    json_t *j = json_array();
    (void)f;
    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(j, json_string(text[i]));
    return j;
}

json_t *haq_fields_write_list(const struct haq_fields *t,
                              const struct haq_list *list)
{
    json_t *j = json_array();
    for (size_t i = 0; j && i < list->n; i++) {
        json_t *o = haq_fields_write(t, (const char *)list->item + i * t->size);
        if (!o || json_array_append_new(j, o)) {
            json_decref(j);
            return NULL;
        }
    }
    return j;
}

static json_t *write_list(const struct haq_field *f, const void *at)
{
    return haq_fields_write_list(f->of, at);
}

/* ---- reading --------------------------------------------------------------
 */

struct reader {
    const char *where; /* of the value: "machine.caches[2].bytes" */
    struct haq_arena *arena;
    struct haq_diag *d;
};

static haq_status bad(const struct reader *r, const char *why)
{
    return haq_fail(r->d, HAQ_FORMAT, "%s: %s", r->where, why);
}

static haq_status nomem(const struct reader *r)
{
    return haq_fail(r->d, HAQ_NOMEM, "%s: out of memory", r->where);
}

static haq_status copy_text(const struct reader *r, const json_t *j,
                            const char **out)
{
    const char *text = json_string_value(j);
    if (!text)
        return bad(r, "not a text");
    size_t len = json_string_length(j);
    if (len > HAQ_FIELD_TEXT_MAX)
        return bad(r, "a text of more than 1000 bytes");
    for (size_t i = 0; i < len; i++)
        if (is_control(text[i]))
            return bad(r, "a text with control characters");
    *out = haq_arena_strdup(r->arena, text);
    return *out ? HAQ_OK : nomem(r);
}

static haq_status read_text(const struct haq_field *f, void *at,
                            const json_t *j, const struct reader *r)
{
    (void)f;
    return copy_text(r, j, at);
}

static haq_status read_count(const struct haq_field *f, void *at,
                             const json_t *j, const struct reader *r)
{
    json_int_t v = json_integer_value(j);
    if (!json_is_integer(j) || v < 0)
        return bad(r, "not a count");
    if (f->max && (uint64_t)v > f->max)
        return haq_fail(r->d, HAQ_FORMAT, "%s: %lld is more than %llu",
                        r->where, (long long)v, (unsigned long long)f->max);
    *(uint64_t *)at = (uint64_t)v;
    return HAQ_OK;
}

static haq_status read_real(const struct haq_field *f, void *at,
                            const json_t *j, const struct reader *r)
{
    (void)f;
    if (!json_is_number(j) || !isfinite(json_number_value(j)))
        return bad(r, "not a number");
    *(double *)at = json_number_value(j);
    return HAQ_OK;
}

static haq_status find_word(const struct haq_field *f, const json_t *j,
                            const struct reader *r, unsigned *out)
{
    const char *text = json_string_value(j);
    for (unsigned i = 0; text && f->words[i]; i++)
        if (!strcmp(text, f->words[i])) {
            *out = i;
            return HAQ_OK;
        }
    if (!text)
        return bad(r, "not a word");
    return haq_fail(r->d, HAQ_FORMAT, "%s: \"%.60s\" is not known here",
                    r->where, text);
}

static haq_status read_word(const struct haq_field *f, void *at,
                            const json_t *j, const struct reader *r)
{
    return find_word(f, j, r, at);
}

static haq_status read_mask(const struct haq_field *f, void *at,
                            const json_t *j, const struct reader *r)
{
    unsigned *mask = at, bit;
    if (!json_is_array(j))
        return bad(r, "not a list of words");
    for (size_t i = 0; i < json_array_size(j); i++) {
        haq_status s = find_word(f, json_array_get(j, i), r, &bit);
        if (s != HAQ_OK)
            return s;
        if (*mask >> bit & 1)
            return bad(r, "a word stands there twice");
        *mask |= 1u << bit;
    }
    return HAQ_OK;
}

static haq_status check_items(const json_t *j, size_t max,
                              const struct reader *r)
{
    if (!json_is_array(j))
        return bad(r, "not a list");
    if (json_array_size(j) > max)
        return haq_fail(r->d, HAQ_FORMAT, "%s: %zu items are more than %zu",
                        r->where, json_array_size(j), max);
    return HAQ_OK;
}

static size_t most(const struct haq_field *f)
{
    return f->max ? (size_t)f->max : HAQ_FIELD_LIST_MAX;
}

static haq_status read_texts(const struct haq_field *f, void *at,
                             const json_t *j, const struct reader *r)
{
    struct haq_list *l = at;
    haq_status s = check_items(j, most(f), r);
    for (size_t i = 0; s == HAQ_OK && i < json_array_size(j); i++) {
        const char **item = haq_list_add(l, sizeof *item, r->arena);
        s = item ? copy_text(r, json_array_get(j, i), item) : nomem(r);
    }
    return s;
}

haq_status haq_fields_read_list(const struct haq_fields *t,
                                struct haq_list *list, const json_t *j,
                                const char *where, size_t max,
                                struct haq_arena *a, struct haq_diag *d)
{
    struct reader r = {where, a, d};
    char place[WHERE_MAX];

    *list = (struct haq_list){0};
    haq_status s = check_items(j, max, &r);
    for (size_t i = 0; s == HAQ_OK && i < json_array_size(j); i++) {
        void *item = haq_list_add(list, t->size, a);
        if (!item)
            return nomem(&r);
        snprintf(place, sizeof place, "%s[%zu]", where, i);
        s = haq_fields_read(t, item, json_array_get(j, i), place, a, d);
    }
    return s;
}

static haq_status read_list(const struct haq_field *f, void *at,
                            const json_t *j, const struct reader *r)
{
    return haq_fields_read_list(f->of, at, j, r->where, most(f), r->arena,
                                r->d);
}

/* ---- one row per type -----------------------------------------------------
 */

typedef json_t *write_fn(const struct haq_field *f, const void *at);
typedef haq_status read_fn(const struct haq_field *f, void *at, const json_t *j,
                           const struct reader *r);

static const struct {
    write_fn *write;
    read_fn *read;
    size_t bytes; /* all zero: nothing there */
} types[] = {
    [HAQ_FIELD_TEXT] = {write_text, read_text, sizeof(char *)},
    [HAQ_FIELD_COUNT] = {write_count, read_count, sizeof(uint64_t)},
    [HAQ_FIELD_REAL] = {write_real, read_real, sizeof(double)},
    [HAQ_FIELD_WORD] = {write_word, read_word, sizeof(unsigned)},
    [HAQ_FIELD_MASK] = {write_mask, read_mask, sizeof(unsigned)},
    [HAQ_FIELD_TEXTS] = {write_texts, read_texts, sizeof(struct haq_list)},
    [HAQ_FIELD_LIST] = {write_list, read_list, sizeof(struct haq_list)},
};

static bool is_nothing(const struct haq_field *f, const void *at)
{
    static const char zero[sizeof(struct haq_list)];
    return !memcmp(at, zero, types[f->type].bytes);
}

json_t *haq_fields_write(const struct haq_fields *t, const void *object)
{
    json_t *o = json_object();
    for (size_t i = 0; o && i < t->n; i++) {
        const struct haq_field *f = &t->field[i];
        const void *at = (const char *)object + f->offset;
        if (!f->must && is_nothing(f, at))
            continue;
        json_t *v = types[f->type].write(f, at);
        if (!v || json_object_set_new(o, f->key, v)) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

static haq_status unknown_keys(const struct haq_fields *t, const json_t *j,
                               const char *where, struct haq_diag *d)
{
    union { /* Jansson's iterator takes no const */
        const json_t *in;
        json_t *out;
    } o = {.in = j};
    const char *key;
    json_t *value;

    json_object_foreach(o.out, key, value)
    {
        size_t i = 0;
        while (i < t->n && strcmp(t->field[i].key, key) != 0)
            i++;
        if (i == t->n)
            return haq_fail(d, HAQ_FORMAT, "%s: a %s has no \"%.60s\"", where,
                            t->what, key);
    }
    return HAQ_OK;
}

haq_status haq_fields_read(const struct haq_fields *t, void *object,
                           const json_t *j, const char *where,
                           struct haq_arena *a, struct haq_diag *d)
{
    char place[WHERE_MAX];
    struct reader r = {place, a, d};

    memset(object, 0, t->size);
    if (!json_is_object(j))
        return haq_fail(d, HAQ_FORMAT, "%s: not an object", where);
    haq_status s = unknown_keys(t, j, where, d);
    for (size_t i = 0; s == HAQ_OK && i < t->n; i++) {
        const struct haq_field *f = &t->field[i];
        const json_t *v = json_object_get(j, f->key);
        snprintf(place, sizeof place, "%s.%s", where, f->key);
        if (v)
            s = types[f->type].read(f, (char *)object + f->offset, v, &r);
        else if (f->must)
            s = haq_fail(d, HAQ_FORMAT, "%s: missing", place);
    }
    return s;
}
