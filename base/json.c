#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

enum { FILE_LIMIT = 256 << 20 };

haq_status haq_json_parse(const char *name, const char *text, size_t len,
                          json_t **out, struct haq_diag *d)
{
    json_error_t e;
    *out = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
    if (!*out)
        return haq_fail(d, HAQ_FORMAT, "%s, line %d, column %d: %s", name,
                        e.line, e.column, e.text);
    return HAQ_OK;
}

haq_status haq_json_read(const char *path, json_t **out, struct haq_diag *d)
{
    void *text;
    size_t len;
    haq_status s = haq_file_read(path, FILE_LIMIT, &text, &len, d);
    if (s)
        return s;
    s = haq_json_parse(path, text, len, out, d);
    free(text);
    return s;
}

struct writer {
    struct haq_buf *buf;
    bool pretty;
};

static int add_chunk(const char *chunk, size_t len, void *buf)
{
    haq_buf_add(buf, chunk, len);
    return 0;
}

/* Fewest digits that read back to the same bits; plain notation from 1e-4 to
 * below 1e16, always with a point or an exponent so that it stays a real. */
static void write_real(struct haq_buf *b, double v)
{
    char text[40];
    int digits = 0;
    do
        snprintf(text, sizeof text, "%.*e", digits, v);
    while (strtod(text, NULL) != v && ++digits < 17);

    int exponent = atoi(strchr(text, 'e') + 1);
    if (digits < exponent && exponent < 16)
        digits = exponent;
    snprintf(text, sizeof text, "%.*g", digits + 1, v);
    haq_buf_puts(b, text);
    if (!strpbrk(text, ".e"))
        haq_buf_puts(b, ".0");
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_break(const struct writer *w, int depth)
{
    if (w->pretty)
        haq_buf_printf(w->buf, "\n%*s", 2 * depth, "");
}

static void write_value(const struct writer *w, const json_t *v, int depth);

static void write_array(const struct writer *w, const json_t *v, int depth)
{
    size_t n = json_array_size(v);
    haq_buf_puts(w->buf, "[");
    for (size_t i = 0; i < n; i++) {
        haq_buf_puts(w->buf, i ? "," : "");
        write_break(w, depth + 1);
        write_value(w, json_array_get(v, i), depth + 1);
    }
    if (n)
        write_break(w, depth);
    haq_buf_puts(w->buf, "]");
}

/* Sorted keys of an object; NULL when memory is out. */
static const char **sorted_keys(const json_t *v, size_t n)
{
    const char **keys = calloc(n + 1, sizeof *keys);
    /* Jansson's iterator does not change the object but takes no const. */
    union {
        const json_t *in;
        json_t *out;
    } object = {.in = v};
    void *it = json_object_iter(object.out);

    for (size_t i = 0; keys && it && i < n; i++) {
        keys[i] = json_object_iter_key(it);
        it = json_object_iter_next(object.out, it);
    }
    if (keys)
        qsort(keys, n, sizeof *keys, compare_keys);
    return keys;
}

static void write_string(const struct writer *w, const char *text)
{
    json_t *s = json_string(text);
    if (!s || json_dump_callback(s, add_chunk, w->buf, JSON_ENCODE_ANY))
        w->buf->failed = true;
    json_decref(s);
}

static void write_object(const struct writer *w, const json_t *v, int depth)
{
    size_t n = json_object_size(v);
    const char **keys = sorted_keys(v, n);
    if (!keys) {
        w->buf->failed = true;
        return;
    }
    haq_buf_puts(w->buf, "{");
    for (size_t i = 0; i < n; i++) {
        haq_buf_puts(w->buf, i ? "," : "");
        write_break(w, depth + 1);
        write_string(w, keys[i]);
        haq_buf_puts(w->buf, w->pretty ? ": " : ":");
        write_value(w, json_object_get(v, keys[i]), depth + 1);
    }
    if (n)
        write_break(w, depth);
    haq_buf_puts(w->buf, "}");
    free(keys);
}

static void write_value(const struct writer *w, const json_t *v, int depth)
{
    if (json_is_object(v))
        write_object(w, v, depth);
    else if (json_is_array(v))
        write_array(w, v, depth);
    else if (json_is_real(v))
        write_real(w->buf, json_real_value(v));
    else if (json_dump_callback(v, add_chunk, w->buf, JSON_ENCODE_ANY))
        w->buf->failed = true;
}

static char *dump(const json_t *v, bool pretty, size_t *len)
{
    struct haq_buf b;
    haq_buf_init(&b);
    write_value(&(struct writer){&b, pretty}, v, 0);
    if (pretty)
        haq_buf_puts(&b, "\n");
    if (len)
        *len = b.len;
    return haq_buf_take(&b);
}

char *haq_json_canonical(const json_t *v, size_t *len)
{
    return dump(v, false, len);
}

char *haq_json_pretty(const json_t *v, size_t *len)
{
    return dump(v, true, len);
}

haq_status haq_json_write(const char *path, const json_t *v, struct haq_diag *d)
{
    size_t len;
    char *text = haq_json_pretty(v, &len);
    if (!text)
        return haq_fail(d, HAQ_NOMEM, "write %s: out of memory", path);
    haq_status s = haq_file_write(path, text, len, d);
    free(text);
    return s;
}

/* The member, or NULL with the sentence said. */
static json_t *member(const json_t *o, const char *where, const char *key,
                      bool (*fits)(const json_t *), const char *kind,
                      struct haq_diag *d)
{
    json_t *v = json_object_get(o, key);
    if (v && fits(v))
        return v;
    if (v)
        haq_fail(d, HAQ_FORMAT, "%s: %s: not %s", where, key, kind);
    else
        haq_fail(d, HAQ_FORMAT, "%s: %s: missing", where, key);
    return NULL;
}

static bool is_string(const json_t *v)
{
    return json_is_string(v);
}

static bool is_integer(const json_t *v)
{
    return json_is_integer(v);
}

static bool is_number(const json_t *v)
{
    return json_is_number(v);
}

static bool is_array(const json_t *v)
{
    return json_is_array(v);
}

static bool is_object(const json_t *v)
{
    return json_is_object(v);
}

haq_status haq_json_get_str(const json_t *o, const char *where, const char *key,
                            const char **out, struct haq_diag *d)
{
    json_t *v = member(o, where, key, is_string, "a string", d);
    if (!v)
        return HAQ_FORMAT;
    *out = json_string_value(v);
    return HAQ_OK;
}

haq_status haq_json_get_int(const json_t *o, const char *where, const char *key,
                            int64_t *out, struct haq_diag *d)
{
    json_t *v = member(o, where, key, is_integer, "an integer", d);
    if (!v)
        return HAQ_FORMAT;
    *out = json_integer_value(v);
    return HAQ_OK;
}

haq_status haq_json_get_real(const json_t *o, const char *where,
                             const char *key, double *out, struct haq_diag *d)
{
    json_t *v = member(o, where, key, is_number, "a number", d);
    if (!v)
        return HAQ_FORMAT;
    *out = json_number_value(v);
    return HAQ_OK;
}

haq_status haq_json_get_array(const json_t *o, const char *where,
                              const char *key, json_t **out, struct haq_diag *d)
{
    *out = member(o, where, key, is_array, "an array", d);
    return *out ? HAQ_OK : HAQ_FORMAT;
}

haq_status haq_json_get_object(const json_t *o, const char *where,
                               const char *key, json_t **out,
                               struct haq_diag *d)
{
    *out = member(o, where, key, is_object, "an object", d);
    return *out ? HAQ_OK : HAQ_FORMAT;
}

json_t *haq_json_real(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}
