#include "wire/msg.h"

#include <assert.h>
#include <string.h>

static const struct haq_field_info fields[] = {
#define X(id, key, name, type, limit) {key, name, HAQ_FIELD_##type, limit},
    HAQ_FIELD_MAP(X)
#undef X
};

static const struct haq_msg_info messages[] = {
#define X(id, name, required, optional) {name, required, optional},
    HAQ_MSG_MAP(X)
#undef X
};

static const char *const status_names[] = {
#define X(name, text, code) [HAQ_##name] = #name,
    HAQ_STATUS_MAP(X)
#undef X
};

_Static_assert(HAQ_FIELD_COUNT <= 64, "a field is a bit of a 64-bit mask");

const struct haq_field_info *haq_field_info(enum haq_field f)
{
    assert((unsigned)f < HAQ_FIELD_COUNT);
    return &fields[f];
}

const struct haq_msg_info *haq_msg_info(enum haq_msg_kind k)
{
    assert((unsigned)k < HAQ_MSG_COUNT);
    return &messages[k];
}

int haq_msg_find(const char *name, size_t len)
{
    for (int i = 0; i < HAQ_MSG_COUNT; i++)
        if (strlen(messages[i].name) == len &&
            !memcmp(messages[i].name, name, len))
            return i;
    return -1;
}

int haq_field_find(uint64_t key)
{
    for (int i = 0; i < HAQ_FIELD_COUNT; i++)
        if (fields[i].key == key)
            return i;
    return -1;
}

void haq_msg_init(struct haq_msg *m, enum haq_msg_kind kind)
{
    memset(m, 0, sizeof *m);
    m->kind = kind;
}

void haq_msg_set_uint(struct haq_msg *m, enum haq_field f, uint64_t v)
{
    assert(fields[f].type == HAQ_FIELD_UINT);
    m->value[f].u = v;
    m->present |= UINT64_C(1) << f;
}

void haq_msg_set_text(struct haq_msg *m, enum haq_field f, const char *text)
{
    assert(fields[f].type == HAQ_FIELD_TEXT);
    if (!text)
        return;
    m->value[f].data = text;
    m->value[f].len = strlen(text);
    m->present |= UINT64_C(1) << f;
}

void haq_msg_set_bytes(struct haq_msg *m, enum haq_field f, const void *data,
                       size_t len)
{
    assert(fields[f].type == HAQ_FIELD_BYTES);
    m->value[f].data = data;
    m->value[f].len = len;
    m->present |= UINT64_C(1) << f;
}

bool haq_msg_has(const struct haq_msg *m, enum haq_field f)
{
    return m->present >> f & 1;
}

uint64_t haq_msg_uint(const struct haq_msg *m, enum haq_field f)
{
    return m->value[f].u;
}

const char *haq_msg_text(const struct haq_msg *m, enum haq_field f)
{
    return m->value[f].data;
}

const char *haq_msg_status_name(haq_status s)
{
    assert((unsigned)s < sizeof status_names / sizeof *status_names);
    return status_names[s];
}

haq_status haq_msg_status(const char *name)
{
    for (size_t i = 0; i < sizeof status_names / sizeof *status_names; i++)
        if (!strcmp(status_names[i], name))
            return (haq_status)i;
    return HAQ_FAILED;
}
