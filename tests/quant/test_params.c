#include <string.h>
#include <unistd.h>

#include "quant/params.h"
#include "tests/suite.h"

/* A file as the reference implementation writes it: length, header padded with
 * spaces, data. */
static size_t file_of(unsigned char *out, const char *header, const void *data,
                      size_t len)
{
    size_t n = (strlen(header) + 7) / 8 * 8;
    memset(out, 0, 8);
    out[0] = (unsigned char)n;
    out[1] = (unsigned char)(n >> 8);
    memset(out + 8, ' ', n);
    memcpy(out + 8, header, strlen(header));
    if (len)
        memcpy(out + 8 + n, data, len);
    return 8 + n + len;
}

static haq_status parse(struct haq_params **p, const char *header, size_t len,
                        struct haq_diag *d)
{
    static const unsigned char data[64] = {0, 0, 0x80, 0x3f}; /* 1.0f */
    unsigned char file[1024];
    size_t n = file_of(file, header, data, len);
    return haq_params_parse(p, "p.safetensors", file, n, d);
}

static void a_file_of_the_reference_writer_is_read(void)
{
    struct haq_params *p = NULL;
    struct haq_diag d = {0};
    CU_ASSERT_EQUAL_FATAL(
        parse(&p,
              "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\","
              "\"shape\":[2,1],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"I8\","
              "\"shape\":[],\"data_offsets\":[8,9]},\"e\":{\"dtype\":\"F16\","
              "\"shape\":[0,4],\"data_offsets\":[9,9]}}",
              9, &d),
        HAQ_OK);
    const struct haq_array *a = haq_params_get(p, "a");
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    CU_ASSERT(a->dtype == HAQ_F32 && a->rank == 2 && a->count == 2);
    CU_ASSERT_EQUAL(((const float *)a->data)[0], 1.0f);
    CU_ASSERT_EQUAL(haq_params_get(p, "b")->rank, 0);
    CU_ASSERT_EQUAL(haq_params_get(p, "e")->count, 0);
    CU_ASSERT_PTR_NULL(haq_params_get(p, "c"));
    haq_params_free(p);
}

static void hostile_headers_are_refused(void)
{
    static const struct {
        const char *header;
        size_t len; /* bytes of data behind the header */
    } bad[] = {
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}",
         8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,2,2],"
         "\"data_offsets\":[0,0]}}",
         0},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],"
         "\"data_offsets\":[0,0]}}",
         0},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],"
         "\"data_offsets\":[0,8]}}",
         8},
        {"{\"a\":{\"dtype\":\"Q9\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8},
        {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}",
         8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}",
         8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],"
         "\"evil\":1}}",
         8},
        /* a hole, an overlap, a duplicate */
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
         8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         8},
        {"{\"a\":7}", 0},
        {"[1,2]", 0},
        {"{\"a\":", 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct haq_params *p = NULL;
        struct haq_diag d = {0};
        CU_ASSERT_EQUAL(parse(&p, bad[i].header, bad[i].len, &d), HAQ_FORMAT);
        CU_ASSERT_PTR_NULL(p);
        CU_ASSERT(strstr(d.text, "p.safetensors") == d.text);
        haq_params_free(p);
    }
}

static void every_truncation_is_refused(void)
{
    static const float data[2] = {1, 2};
    unsigned char file[256];
    size_t n = file_of(
        file,
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
        data, sizeof data);
    for (size_t cut = 0; cut < n; cut++) {
        struct haq_params *p = NULL;
        CU_ASSERT_EQUAL(haq_params_parse(&p, "p", file, cut, NULL), HAQ_FORMAT);
    }
    memset(file, 0xff, 8); /* a header longer than the universe */
    struct haq_params *p = NULL;
    CU_ASSERT_EQUAL(haq_params_parse(&p, "p", file, n, NULL), HAQ_FORMAT);
}

static void what_is_written_reads_back_and_hashes_as_the_file(void)
{
    char path[] = "/tmp/haq_params_XXXXXX", hash[HAQ_HASH_HEX],
         again[HAQ_HASH_HEX];
    float f[3] = {1.5f, -2.0f, 3e-9f};
    int8_t z[2] = {-8, 7};
    uint16_t h[1] = {0x3c00};
    struct haq_array fa = {HAQ_F32, 1, {3}, 3, f};
    struct haq_array za = {HAQ_I8, 2, {2, 1}, 2, z};
    struct haq_array ha = {HAQ_F16, 2, {1, 1}, 1, h};
    struct haq_params *p = haq_params_new(), *back = NULL;
    struct haq_diag d = {0};
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0 && p);
    close(fd);
    CU_ASSERT_EQUAL(haq_params_put(p, "weight/c/zero", &za, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_params_put(p, "weight/c/scale", &ha, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_params_put(p, "act/x", &za, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_params_put(p, "act/x", &fa, &d), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_params_write(p, path, hash, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_hash_file(again, path, &d), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(hash, again);
    CU_ASSERT_EQUAL_FATAL(haq_params_read(&back, path, &d), HAQ_OK);
    const struct haq_array *a = haq_params_get(back, "act/x");
    CU_ASSERT(a && a->count == 3 && !memcmp(a->data, f, sizeof f));
    a = haq_params_get(back, "weight/c/zero");
    CU_ASSERT(a && a->rank == 2 && !memcmp(a->data, z, sizeof z));
    haq_params_free(back);
    haq_params_free(p);
    unlink(path);
}

static void an_empty_set_is_a_file_too(void)
{
    char path[] = "/tmp/haq_params_XXXXXX", hash[HAQ_HASH_HEX];
    struct haq_params *p = haq_params_new(), *back = NULL;
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0 && p);
    close(fd);
    CU_ASSERT_EQUAL(haq_params_write(p, path, hash, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(haq_params_read(&back, path, NULL), HAQ_OK);
    haq_params_free(back);
    haq_params_free(p);
    unlink(path);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(a_file_of_the_reference_writer_is_read),
        HAQ_TEST(hostile_headers_are_refused),
        HAQ_TEST(every_truncation_is_refused),
        HAQ_TEST(what_is_written_reads_back_and_hashes_as_the_file),
        HAQ_TEST(an_empty_set_is_a_file_too),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/params", tests);
}
