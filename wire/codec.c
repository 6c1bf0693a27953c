#include "wire/codec.h"

#include <assert.h>
#include <inttypes.h>
#include <msgpack.h>
#include <stdio.h>
#include <string.h>

/* ---- the scan -------------------------------------------------------------
 */

enum shape { LEAF, DATA, ARRAY, MAP, BAD };

/* First bytes 0xc0 .. 0xdf: what follows.  `size` is the width of the length
 * field for DATA, ARRAY and MAP, the payload for LEAF. */
static const struct {
    unsigned char shape, size;
} heads[32] = {
    {LEAF, 0},  {BAD, 0},   {LEAF, 0}, {LEAF, 0}, /* nil, 0xc1, bools */
    {DATA, 1},  {DATA, 2},  {DATA, 4},            /* bin */
    {BAD, 0},   {BAD, 0},   {BAD, 0},             /* ext 8, 16, 32 */
    {LEAF, 4},  {LEAF, 8},                        /* floats */
    {LEAF, 1},  {LEAF, 2},  {LEAF, 4}, {LEAF, 8}, /* unsigned */
    {LEAF, 1},  {LEAF, 2},  {LEAF, 4}, {LEAF, 8}, /* signed */
    {BAD, 0},   {BAD, 0},   {BAD, 0},  {BAD, 0},  /* fixext 1 .. 8 */
    {BAD, 0},                                     /* fixext 16 */
    {DATA, 1},  {DATA, 2},  {DATA, 4},            /* str */
    {ARRAY, 2}, {ARRAY, 4}, {MAP, 2},  {MAP, 4},
};

struct scan {
    const unsigned char *p, *end;
    size_t open[HAQ_WIRE_MAX_DEPTH]; /* objects still due at each depth */
    size_t depth, nodes;
};

static bool take_length(struct scan *s, size_t width, uint64_t *out)
{
    if ((size_t)(s->end - s->p) < width)
        return false;
    *out = 0;
    while (width--)
        *out = *out << 8 | *s->p++;
    return true;
}

/* One head: its shape, and the bytes (LEAF, DATA) or objects that follow. */
static enum shape take_head(struct scan *s, uint64_t *count)
{
    unsigned char b = *s->p++;
    *count = 0;
    if (b < 0x80 || b >= 0xe0)
        return LEAF;
    if (b < 0x90)
        return *count = 2u * (b & 15u), MAP;
    if (b < 0xa0)
        return *count = b & 15u, ARRAY;
    if (b < 0xc0)
        return *count = b & 31u, DATA;

    enum shape shape = heads[b - 0xc0].shape;
    size_t size = heads[b - 0xc0].size;
    if (shape == LEAF)
        *count = size;
    else if (shape != BAD && !take_length(s, size, count))
        return BAD;
    if (shape == MAP)
        *count *= 2;
    return shape;
}

static const char *scan_object(struct scan *s)
{
    uint64_t count;
    if (s->p == s->end)
        return "truncated";
    if (++s->nodes > HAQ_WIRE_MAX_NODES)
        return "too many objects";
    enum shape shape = take_head(s, &count);
    if (shape == BAD)
        return "truncated, or a type that this protocol does not use";
    if (count > (size_t)(s->end - s->p))
        return "a length beyond the end";
    if (shape == LEAF || shape == DATA) {
        s->p += count;
        return NULL;
    }
    if (!count)
        return NULL;
    if (s->depth == HAQ_WIRE_MAX_DEPTH)
        return "nested too deep";
    s->open[s->depth++] = (size_t)count;
    return NULL;
}

haq_status haq_wire_scan(const void *data, size_t len, struct haq_diag *d)
{
    struct scan s = {.p = data, .end = (const unsigned char *)data + len};
    if (len > HAQ_WIRE_MAX_BYTES)
        return haq_fail(d, HAQ_FORMAT, "message of %zu bytes, the limit is %d",
                        len, HAQ_WIRE_MAX_BYTES);
    do {
        while (s.depth && !s.open[s.depth - 1])
            s.depth--;
        if (s.depth)
            s.open[s.depth - 1]--;
        const char *wrong = scan_object(&s);
        if (wrong)
            return haq_fail(d, HAQ_FORMAT, "message: %s at byte %zu", wrong,
                            len - (size_t)(s.end - s.p));
        while (s.depth && !s.open[s.depth - 1])
            s.depth--;
    } while (s.depth);
    if (s.p != s.end)
        return haq_fail(d, HAQ_FORMAT, "message: %zu trailing bytes",
                        (size_t)(s.end - s.p));
    return HAQ_OK;
}

/* ---- text -----------------------------------------------------------------
 */

static size_t utf8_extra(unsigned char b)
{
    return b < 0x80       ? 0
           : b >> 5 == 6  ? 1
           : b >> 4 == 14 ? 2
           : b >> 3 == 30 ? 3
                          : 9;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF, and for
 * us no NUL. */
static bool is_text(const char *data, size_t len)
{
    static const uint32_t least[] = {1, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)data, *end = p + len;
    while (p < end) {
        size_t n = utf8_extra(*p);
        if (n > 3 || (size_t)(end - p) <= n)
            return false;
        uint32_t c = n ? *p & (0x3fu >> n) : *p;
        for (size_t i = 1; i <= n; i++) {
            if (p[i] >> 6 != 2)
                return false;
            c = c << 6 | (p[i] & 0x3fu);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            return false;
        p += n + 1;
    }
    return true;
}

/* ---- encode ---------------------------------------------------------------
 */

static int write_buf(void *buf, const char *data, size_t len)
{
    haq_buf_add(buf, data, len);
    return 0;
}

static haq_status check_value(const char *msg, enum haq_field f,
                              const struct haq_field_value *v, haq_status bad,
                              struct haq_diag *d)
{
    const struct haq_field_info *info = haq_field_info(f);
    bool number = info->type == HAQ_FIELD_UINT;
    if ((number ? v->u : v->len) > info->limit)
        return haq_fail(d, bad,
                        "message %s: %s is over its limit of %" PRIu64 "%s",
                        msg, info->name, info->limit, number ? "" : " bytes");
    if (info->type == HAQ_FIELD_TEXT && !is_text(v->data, v->len))
        return haq_fail(d, bad, "message %s: %s is not UTF-8 text", msg,
                        info->name);
    return HAQ_OK;
}

static void pack_value(msgpack_packer *p, enum haq_field_type type,
                       const struct haq_field_value *v)
{
    if (type == HAQ_FIELD_UINT)
        msgpack_pack_uint64(p, v->u);
    else if (type == HAQ_FIELD_TEXT)
        msgpack_pack_str_with_body(p, v->data, v->len);
    else
        msgpack_pack_bin_with_body(p, v->data, v->len);
}

haq_status haq_msg_encode(const struct haq_msg *m, struct haq_buf *out,
                          struct haq_diag *d)
{
    const struct haq_msg_info *info = haq_msg_info(m->kind);
    size_t n = 2;

    assert((m->present & info->required) == info->required);
    assert(!(m->present & ~(info->required | info->optional)));
    for (enum haq_field f = 0; f < HAQ_FIELD_COUNT; f++) {
        if (!haq_msg_has(m, f))
            continue;
        haq_status s = check_value(info->name, f, &m->value[f], HAQ_INVALID, d);
        if (s != HAQ_OK)
            return s;
        n++;
    }

    msgpack_packer p;
    msgpack_packer_init(&p, out, write_buf);
    msgpack_pack_map(&p, n);
    msgpack_pack_uint64(&p, HAQ_WIRE_KEY_VERSION);
    msgpack_pack_uint64(&p, HAQ_WIRE_VERSION);
    msgpack_pack_uint64(&p, HAQ_WIRE_KEY_KIND);
    msgpack_pack_str_with_body(&p, info->name, strlen(info->name));
    for (enum haq_field f = 0; f < HAQ_FIELD_COUNT; f++) {
        if (!haq_msg_has(m, f))
            continue;
        msgpack_pack_uint64(&p, haq_field_info(f)->key);
        pack_value(&p, haq_field_info(f)->type, &m->value[f]);
    }
    return out->failed ? haq_fail(d, HAQ_NOMEM, "message %s", info->name)
                       : HAQ_OK;
}

/* ---- decode ---------------------------------------------------------------
 */

static const msgpack_object *find_key(const msgpack_object_map *map,
                                      uint64_t key)
{
    for (uint32_t i = 0; i < map->size; i++)
        if (map->ptr[i].key.type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
            map->ptr[i].key.via.u64 == key)
            return &map->ptr[i].val;
    return NULL;
}

static haq_status read_header(struct haq_msg *out, const msgpack_object *root,
                              struct haq_diag *d)
{
    if (root->type != MSGPACK_OBJECT_MAP)
        return haq_fail(d, HAQ_FORMAT, "message: not a map");
    const msgpack_object *v = find_key(&root->via.map, HAQ_WIRE_KEY_VERSION);
    if (!v || v->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return haq_fail(d, HAQ_FORMAT, "message: no protocol version");
    if (v->via.u64 != HAQ_WIRE_VERSION)
        return haq_fail(d, HAQ_UNSUPPORTED,
                        "message of protocol version %" PRIu64
                        ", this program speaks %d",
                        v->via.u64, HAQ_WIRE_VERSION);
    v = find_key(&root->via.map, HAQ_WIRE_KEY_KIND);
    if (!v || v->type != MSGPACK_OBJECT_STR)
        return haq_fail(d, HAQ_FORMAT, "message: no kind");
    int kind = haq_msg_find(v->via.str.ptr, v->via.str.size);
    if (kind < 0) {
        size_t shown = v->via.str.size < 32 ? v->via.str.size : 32;
        bool clean = is_text(v->via.str.ptr, shown);
        return haq_fail(d, HAQ_UNSUPPORTED, "message of unknown kind \"%.*s\"",
                        clean ? (int)shown : 1, clean ? v->via.str.ptr : "?");
    }
    haq_msg_init(out, (enum haq_msg_kind)kind);
    return HAQ_OK;
}

static bool take_value(struct haq_field_value *out, enum haq_field_type type,
                       const msgpack_object *v)
{
    static const msgpack_object_type want[] = {
        [HAQ_FIELD_UINT] = MSGPACK_OBJECT_POSITIVE_INTEGER,
        [HAQ_FIELD_TEXT] = MSGPACK_OBJECT_STR,
        [HAQ_FIELD_BYTES] = MSGPACK_OBJECT_BIN,
    };
    if (v->type != want[type])
        return false;
    if (type == HAQ_FIELD_UINT)
        out->u = v->via.u64;
    else if (type == HAQ_FIELD_TEXT)
        out->data = v->via.str.ptr, out->len = v->via.str.size;
    else
        out->data = v->via.bin.ptr, out->len = v->via.bin.size;
    return true;
}

static haq_status read_field(struct haq_msg *out, struct haq_arena *a,
                             enum haq_field f, const msgpack_object *v,
                             struct haq_diag *d)
{
    const struct haq_field_info *info = haq_field_info(f);
    const char *msg = haq_msg_info(out->kind)->name;
    struct haq_field_value value = {0, NULL, 0};

    if (haq_msg_has(out, f))
        return haq_fail(d, HAQ_FORMAT, "message %s: %s twice", msg, info->name);
    if (!take_value(&value, info->type, v))
        return haq_fail(d, HAQ_FORMAT, "message %s: %s is of a wrong type", msg,
                        info->name);
    haq_status s = check_value(msg, f, &value, HAQ_FORMAT, d);
    if (s != HAQ_OK)
        return s;
    if (info->type != HAQ_FIELD_UINT) {
        char *copy = haq_arena_alloc(a, value.len + 1);
        if (!copy)
            return haq_fail(d, HAQ_NOMEM, "message %s", msg);
        if (value.len)
            memcpy(copy, value.data, value.len);
        value.data = copy;
    }
    out->value[f] = value;
    out->present |= UINT64_C(1) << f;
    return HAQ_OK;
}

static haq_status read_fields(struct haq_msg *out, struct haq_arena *a,
                              const msgpack_object_map *map, struct haq_diag *d)
{
    const struct haq_msg_info *info = haq_msg_info(out->kind);
    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object *key = &map->ptr[i].key;
        if (key->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
            return haq_fail(d, HAQ_FORMAT, "message %s: a key is no number",
                            info->name);
        int f = haq_field_find(key->via.u64);
        if (f < 0 || !((info->required | info->optional) & UINT64_C(1) << f))
            continue;
        haq_status s =
            read_field(out, a, (enum haq_field)f, &map->ptr[i].val, d);
        if (s != HAQ_OK)
            return s;
    }
    for (enum haq_field f = 0; f < HAQ_FIELD_COUNT; f++)
        if (info->required & UINT64_C(1) << f && !haq_msg_has(out, f))
            return haq_fail(d, HAQ_FORMAT, "message %s: %s is missing",
                            info->name, haq_field_info(f)->name);
    return HAQ_OK;
}

haq_status haq_msg_decode(struct haq_msg *out, struct haq_arena *a,
                          const void *data, size_t len, struct haq_diag *d)
{
    haq_status s = haq_wire_scan(data, len, d);
    if (s != HAQ_OK)
        return s;

    msgpack_unpacked u;
    size_t off = 0;
    msgpack_unpacked_init(&u);
    msgpack_unpack_return r = msgpack_unpack_next(&u, data, len, &off);
    if (r != MSGPACK_UNPACK_SUCCESS) {
        s = r == MSGPACK_UNPACK_NOMEM_ERROR
                ? haq_fail(d, HAQ_NOMEM, "message of %zu bytes", len)
                : haq_fail(d, HAQ_FORMAT, "message: not msgpack");
        goto done;
    }
    s = read_header(out, &u.data, d);
    if (s == HAQ_OK)
        s = read_fields(out, a, &u.data.via.map, d);
done:
    msgpack_unpacked_destroy(&u);
    return s;
}
