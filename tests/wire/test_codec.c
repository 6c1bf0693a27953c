#include "wire/codec.h"

#include <msgpack.h>
#include <string.h>

#include "tests/suite.h"
#include "wire/taskkind.h"

static void expect_bytes(const struct haq_msg *m, const void *want, size_t len)
{
    struct haq_buf b;
    struct haq_diag d = {HAQ_OK, ""};
    haq_buf_init(&b);
    CU_ASSERT_EQUAL_FATAL(haq_msg_encode(m, &b, &d), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(b.len, len);
    CU_ASSERT_EQUAL(memcmp(b.data, want, len), 0);
    haq_buf_fini(&b);
}

/* Written by hand from the msgpack specification. */
static void a_message_has_the_bytes_it_always_had(void)
{
    struct haq_msg m;
    static const unsigned char ping[] = {
        0x83, 0x00, 0x01, 0x01, 0xa4, 'p',  'i',
        'n',  'g',  0x1c, 0xcd, 0x01, 0x2c,
    };
    haq_msg_init(&m, HAQ_MSG_PING);
    haq_msg_set_uint(&m, HAQ_F_SEQUENCE, 300);
    expect_bytes(&m, ping, sizeof ping);

    static const unsigned char result[] = {
        0x87,     0x00, 0x01, 0x01, 0xa6, 'r',  'e',  's',  'u',  'l',
        't',      0x12, 0xa2, 'O',  'K',  0x14, 0x07, 0x15, 0xcc, 0xff,
        0x18 + 2, 0xa2, '{',  '}',  0x1b, 0xc4, 0x02, 0x00, 0xff,
    };
    haq_msg_init(&m, HAQ_MSG_RESULT);
    haq_msg_set_uint(&m, HAQ_F_TASK, 7);
    haq_msg_set_uint(&m, HAQ_F_FENCE, 255);
    haq_msg_set_text(&m, HAQ_F_STATUS, "OK");
    haq_msg_set_text(&m, HAQ_F_RESULT, "{}");
    haq_msg_set_bytes(&m, HAQ_F_SCORES, "\x00\xff", 2);
    expect_bytes(&m, result, sizeof result);
}

/* A message of every kind with every field. */
static void fill(struct haq_msg *m, enum haq_msg_kind kind, uint64_t fields)
{
    haq_msg_init(m, kind);
    for (enum haq_field f = 0; f < HAQ_FIELD_COUNT; f++) {
        const struct haq_field_info *info = haq_field_info(f);
        if (!(fields >> f & 1))
            continue;
        if (info->type == HAQ_FIELD_UINT)
            haq_msg_set_uint(m, f, info->limit);
        else if (info->type == HAQ_FIELD_TEXT)
            haq_msg_set_text(m, f, "na\xc3\xafve \xf0\x9f\x98\x80");
        else
            haq_msg_set_bytes(m, f, "\x00\x01", 2);
    }
}

static void expect_same(const struct haq_msg *a, const struct haq_msg *b)
{
    CU_ASSERT_EQUAL(a->kind, b->kind);
    CU_ASSERT_EQUAL(a->present, b->present);
    for (int f = 0; f < HAQ_FIELD_COUNT; f++) {
        CU_ASSERT_EQUAL(a->value[f].u, b->value[f].u);
        CU_ASSERT_EQUAL_FATAL(a->value[f].len, b->value[f].len);
        if (a->value[f].len)
            CU_ASSERT_EQUAL(
                memcmp(a->value[f].data, b->value[f].data, a->value[f].len), 0);
    }
}

static void every_message_survives_the_wire(void)
{
    for (int k = 0; k < HAQ_MSG_COUNT; k++) {
        const struct haq_msg_info *info = haq_msg_info((enum haq_msg_kind)k);
        uint64_t sets[] = {info->required, info->required | info->optional};
        for (int i = 0; i < 2; i++) {
            struct haq_msg m, back;
            struct haq_buf b;
            struct haq_arena a;
            struct haq_diag d = {HAQ_OK, ""};
            haq_buf_init(&b);
            haq_arena_init(&a);
            fill(&m, (enum haq_msg_kind)k, sets[i]);
            CU_ASSERT_EQUAL_FATAL(haq_msg_encode(&m, &b, &d), HAQ_OK);
            CU_ASSERT_EQUAL_FATAL(haq_msg_decode(&back, &a, b.data, b.len, &d),
                                  HAQ_OK);
            expect_same(&m, &back);
            haq_buf_fini(&b);
            haq_arena_fini(&a);
        }
    }
}

/* Decode a copy in a block of exactly its size, so that ASan sees a byte too
 * many. */
static haq_status decode(const void *data, size_t len, struct haq_diag *d)
{
    struct haq_msg m;
    struct haq_arena a;
    haq_arena_init(&a);
    d->text[0] = 0;
    void *copy = malloc(len ? len : 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    memcpy(copy, data, len);
    haq_status s = haq_msg_decode(&m, &a, copy, len, d);
    free(copy);
    haq_arena_fini(&a);
    return s;
}

static void every_truncation_is_refused(void)
{
    struct haq_msg m;
    struct haq_buf b;
    struct haq_diag d;
    haq_buf_init(&b);
    fill(&m, HAQ_MSG_RESULT,
         haq_msg_info(HAQ_MSG_RESULT)->required |
             haq_msg_info(HAQ_MSG_RESULT)->optional);
    CU_ASSERT_EQUAL_FATAL(haq_msg_encode(&m, &b, &d), HAQ_OK);
    for (size_t len = 0; len < b.len; len++)
        CU_ASSERT_EQUAL(decode(b.data, len, &d), HAQ_FORMAT);
    haq_buf_add(&b, "\xc0", 1);
    CU_ASSERT_EQUAL(decode(b.data, b.len, &d), HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "trailing"));
    haq_buf_fini(&b);
}

static void bombs_are_refused_before_anything_is_reserved(void)
{
    /* 31 nested array32 of 2^24 elements: 16 GB for an unpacker that believes
     * them. */
    unsigned char bomb[155];
    struct haq_diag d;
    for (int i = 0; i < 31; i++)
        memcpy(bomb + 5 * i, "\xdd\x01\x00\x00\x00", 5);
    CU_ASSERT_EQUAL(decode(bomb, sizeof bomb, &d), HAQ_FORMAT);
    CU_ASSERT_EQUAL(decode("\xdf\xff\xff\xff\xff", 5, &d), HAQ_FORMAT);
    CU_ASSERT_EQUAL(decode("\xdb\xff\xff\xff\xff", 5, &d), HAQ_FORMAT);
    CU_ASSERT_EQUAL(decode("\xc6\xff\xff\xff\xff", 5, &d), HAQ_FORMAT);

    unsigned char deep[64];
    memset(deep, 0x91, sizeof deep); /* arrays of one element */
    deep[sizeof deep - 1] = 0xc0;
    CU_ASSERT_EQUAL(haq_wire_scan(deep, sizeof deep, &d), HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "deep"));
    CU_ASSERT_EQUAL(haq_wire_scan(deep + sizeof deep - HAQ_WIRE_MAX_DEPTH - 1,
                                  HAQ_WIRE_MAX_DEPTH + 1, &d),
                    HAQ_OK);

    size_t n = HAQ_WIRE_MAX_NODES;
    unsigned char *wide = calloc(n + 3, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(wide);
    wide[0] = 0xdc, wide[1] = (unsigned char)(n >> 8),
    wide[2] = (unsigned char)n;
    CU_ASSERT_EQUAL(haq_wire_scan(wide, n + 3, &d), HAQ_FORMAT);
    free(wide);
}

/* The scan says yes only to what msgpack-c reads whole, and agrees with it on
 * where an object ends. */
static void the_scan_agrees_with_msgpack(void)
{
    uint64_t rng = 7;
    size_t accepted = 0;
    for (int i = 0; i < 200000; i++) {
        unsigned char data[24];
        struct haq_diag d;
        size_t len = 1 + next_random(&rng) % sizeof data;
        for (size_t k = 0; k < len; k++)
            data[k] = next_random(&rng) % 4
                          ? (unsigned char)next_random(&rng)
                          : (unsigned char)(0x80 + next_random(&rng) % 48);
        if (haq_wire_scan(data, len, &d) != HAQ_OK)
            continue;
        accepted++;
        msgpack_unpacked u;
        size_t off = 0;
        msgpack_unpacked_init(&u);
        CU_ASSERT_EQUAL(msgpack_unpack_next(&u, (const char *)data, len, &off),
                        MSGPACK_UNPACK_SUCCESS);
        CU_ASSERT_EQUAL(off, len);
        msgpack_unpacked_destroy(&u);
    }
    CU_ASSERT(accepted > 1000);
}

static void random_damage_is_survived(void)
{
    struct haq_msg m;
    struct haq_buf b;
    struct haq_diag d;
    uint64_t rng = 99;
    for (int k = 0; k < HAQ_MSG_COUNT; k++) {
        const struct haq_msg_info *info = haq_msg_info((enum haq_msg_kind)k);
        haq_buf_init(&b);
        fill(&m, (enum haq_msg_kind)k, info->required | info->optional);
        CU_ASSERT_EQUAL_FATAL(haq_msg_encode(&m, &b, &d), HAQ_OK);
        for (int i = 0; i < 5000; i++) {
            size_t at = next_random(&rng) % b.len;
            char old = b.data[at];
            b.data[at] = (char)next_random(&rng);
            decode(b.data, b.len, &d);
            b.data[at] = old;
        }
        haq_buf_fini(&b);
    }
    CU_PASS("no sanitizer spoke");
}

static void what_breaks_the_schema_is_refused_by_name(void)
{
    struct haq_diag d;
    /* {0:1, 1:"dance"} */
    CU_ASSERT_EQUAL(decode("\x82\x00\x01\x01\xa5"
                           "dance",
                           10, &d),
                    HAQ_UNSUPPORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "dance"));
    /* {0:2, 1:"bye"} */
    CU_ASSERT_EQUAL(decode("\x82\x00\x02\x01\xa3"
                           "bye",
                           8, &d),
                    HAQ_UNSUPPORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "version 2"));
    /* {0:1, 1:"ping"} */
    CU_ASSERT_EQUAL(decode("\x82\x00\x01\x01\xa4"
                           "ping",
                           9, &d),
                    HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "sequence is missing"));
    /* {0:1, 1:"ping", 28:"x"} */
    CU_ASSERT_EQUAL(decode("\x83\x00\x01\x01\xa4"
                           "ping\x1c\xa1x",
                           12, &d),
                    HAQ_FORMAT);
    /* {0:1, 1:"ping", 28:1, 28:2} */
    CU_ASSERT_EQUAL(decode("\x84\x00\x01\x01\xa4"
                           "ping\x1c\x01\x1c\x02",
                           13, &d),
                    HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "twice"));
    /* {0:1, 1:"bye", 19:"\xff"}: not UTF-8; "\0": a NUL */
    CU_ASSERT_EQUAL(decode("\x83\x00\x01\x01\xa3"
                           "bye\x13\xa1\xff",
                           11, &d),
                    HAQ_FORMAT);
    CU_ASSERT_EQUAL(decode("\x83\x00\x01\x01\xa3"
                           "bye\x13\xa1\x00",
                           11, &d),
                    HAQ_FORMAT);
    CU_ASSERT_EQUAL(decode("\x93\x01\x02\x03", 4, &d), HAQ_FORMAT);
    CU_ASSERT_EQUAL(decode("", 0, &d), HAQ_FORMAT);
}

static void unknown_keys_are_ignored(void)
{
    struct haq_diag d;
    /* {0:1, 1:"ping", 28:1, 99:[nil]} */
    CU_ASSERT_EQUAL(decode("\x84\x00\x01\x01\xa4"
                           "ping\x1c\x01\x63\x91\xc0",
                           14, &d),
                    HAQ_OK);
}

static void limits_hold_on_the_way_out(void)
{
    struct haq_msg m;
    struct haq_buf b;
    struct haq_diag d;
    char reason[402];
    memset(reason, 'x', sizeof reason);
    reason[sizeof reason - 1] = 0;
    haq_buf_init(&b);
    haq_msg_init(&m, HAQ_MSG_BYE);
    haq_msg_set_text(&m, HAQ_F_REASON, reason);
    CU_ASSERT_EQUAL(haq_msg_encode(&m, &b, &d), HAQ_INVALID);
    CU_ASSERT_EQUAL(b.len, 0);
    haq_msg_set_text(&m, HAQ_F_REASON, "/data/\xe9");
    CU_ASSERT_EQUAL(haq_msg_encode(&m, &b, &d), HAQ_INVALID);
    haq_buf_fini(&b);
}

static void tables_have_no_key_or_name_twice(void)
{
    for (int i = 0; i < HAQ_FIELD_COUNT; i++) {
        const struct haq_field_info *f = haq_field_info((enum haq_field)i);
        CU_ASSERT_EQUAL(haq_field_find(f->key), i);
        CU_ASSERT(f->key > HAQ_WIRE_KEY_KIND);
    }
    for (int i = 0; i < HAQ_MSG_COUNT; i++) {
        const char *name = haq_msg_info((enum haq_msg_kind)i)->name;
        CU_ASSERT_EQUAL(haq_msg_find(name, strlen(name)), i);
    }
    CU_ASSERT_PTR_NOT_NULL(haq_task_kind_find("evaluate"));
    CU_ASSERT_PTR_NULL(haq_task_kind_find("evaluat"));
    CU_ASSERT_EQUAL(haq_msg_status(haq_msg_status_name(HAQ_IO)), HAQ_IO);
    CU_ASSERT_EQUAL(haq_msg_status("DRUNK"), HAQ_FAILED);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(a_message_has_the_bytes_it_always_had),
        HAQ_TEST(every_message_survives_the_wire),
        HAQ_TEST(every_truncation_is_refused),
        HAQ_TEST(bombs_are_refused_before_anything_is_reserved),
        HAQ_TEST(the_scan_agrees_with_msgpack),
        HAQ_TEST(random_damage_is_survived),
        HAQ_TEST(what_breaks_the_schema_is_refused_by_name),
        HAQ_TEST(unknown_keys_are_ignored),
        HAQ_TEST(limits_hold_on_the_way_out),
        HAQ_TEST(tables_have_no_key_or_name_twice),
        CU_TEST_INFO_NULL,
    };
    return run_suite("wire/codec", tests);
}
