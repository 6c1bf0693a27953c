/* The fixtures come from NumPy: tests/fixtures/npz/make.py. */
#include "base/npz.h"

#include <dirent.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "tests/suite.h"

#define FOLDER "tests/fixtures/npz/"

static struct haq_diag d;

static void expect_shape(const struct haq_array *a, enum haq_dtype dtype,
                         int rank, const int64_t *dims)
{
    CU_ASSERT_EQUAL(a->dtype, dtype);
    CU_ASSERT_EQUAL_FATAL(a->rank, rank);
    for (int i = 0; i < rank; i++)
        CU_ASSERT_EQUAL(a->dims[i], dims[i]);
    CU_ASSERT_EQUAL((uintptr_t)a->data % 64, 0);
}

/* np.arange(24, dtype='f4').reshape(2, 3, 4) */
static void expect_grid(struct haq_array *a)
{
    expect_shape(a, HAQ_F32, 3, (const int64_t[]){2, 3, 4});
    CU_ASSERT_EQUAL_FATAL(a->count, 24);
    for (size_t i = 0; i < 24; i++)
        CU_ASSERT_EQUAL(((float *)a->data)[i], (float)i);
    haq_array_fini(a);
}

static void read_npy(const char *name, struct haq_array *a)
{
    haq_status s = haq_npy_read(name, a, &d);
    if (s)
        printf("\n  %s\n", d.text);
    CU_ASSERT_EQUAL_FATAL(s, HAQ_OK);
}

static void read_npz(const char *name, const char *key, struct haq_array *a)
{
    struct haq_npz *z;
    haq_status s = haq_npz_open(&z, name, &d);
    CU_ASSERT_EQUAL_FATAL(s, HAQ_OK);
    s = haq_npz_read(z, key, a, &d);
    if (s)
        printf("\n  %s\n", d.text);
    CU_ASSERT_EQUAL_FATAL(s, HAQ_OK);
    haq_npz_close(z);
}

static void one_array_reads_the_same_however_it_is_written(void)
{
    static const char *const files[] = {
        FOLDER "fortran.npy",  FOLDER "big_endian.npy", FOLDER "version2.npy",
        FOLDER "version3.npy", FOLDER "odd_header.npy", FOLDER "trailing.npy",
    };
    struct haq_array a;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        read_npy(files[i], &a);
        expect_grid(&a);
    }
    read_npz(FOLDER "stored.npz", "x", &a);
    expect_grid(&a);
    read_npz(FOLDER "deflated.npz", "y", &a);
    expect_grid(&a);
    read_npz(FOLDER "streamed.npz", "x", &a);
    expect_grid(&a);
}

static void types_and_shapes_are_those_of_numpy(void)
{
    struct haq_array a;

    read_npy(FOLDER "scalar.npy", &a);
    expect_shape(&a, HAQ_F64, 0, NULL);
    CU_ASSERT_EQUAL(*(double *)a.data, 2.5);
    haq_array_fini(&a);

    read_npy(FOLDER "one_dim.npy", &a);
    expect_shape(&a, HAQ_U16, 1, (const int64_t[]){3});
    CU_ASSERT_EQUAL(haq_dtype_get_int(a.dtype, a.data, 2), 65535);
    haq_array_fini(&a);

    read_npy(FOLDER "empty.npy", &a);
    expect_shape(&a, HAQ_I8, 3, (const int64_t[]){3, 0, 2});
    CU_ASSERT_EQUAL(a.count, 0);
    haq_array_fini(&a);

    read_npy(FOLDER "bool.npy", &a);
    expect_shape(&a, HAQ_BOOL, 1, (const int64_t[]){3});
    CU_ASSERT_EQUAL(haq_dtype_get_int(a.dtype, a.data, 1), 0);
    haq_array_fini(&a);

    read_npy(FOLDER "half.npy", &a);
    expect_shape(&a, HAQ_F16, 1, (const int64_t[]){5});
    CU_ASSERT_EQUAL(haq_dtype_get(a.dtype, a.data, 2), 65504);
    CU_ASSERT_EQUAL(haq_dtype_get(a.dtype, a.data, 3), 0x1p-24);
    CU_ASSERT(isinf(haq_dtype_get(a.dtype, a.data, 4)));
    haq_array_fini(&a);

    read_npz(FOLDER "stored.npz", "y", &a);
    expect_shape(&a, HAQ_I64, 1, (const int64_t[]){2});
    CU_ASSERT_EQUAL(haq_dtype_get_int(a.dtype, a.data, 1), -1);
    haq_array_fini(&a);

    read_npz(FOLDER "deflated.npz", "x", &a);
    expect_shape(&a, HAQ_F32, 2, (const int64_t[]){40, 50});
    haq_array_fini(&a);
}

static void a_missing_member_is_answered_with_those_there_are(void)
{
    struct haq_array a;
    struct haq_npz *z;
    CU_ASSERT_EQUAL_FATAL(haq_npz_open(&z, FOLDER "stored.npz", &d), HAQ_OK);
    CU_ASSERT(haq_npz_has(z, "x"));
    CU_ASSERT_FALSE(haq_npz_has(z, "x.npy"));
    CU_ASSERT_EQUAL(haq_npz_read(z, "labels", &a, &d), HAQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "'labels' (there are: x, y)"));
    haq_npz_close(z);
}

static void files_that_are_not_there_are_bad_input(void)
{
    struct haq_array a;
    struct haq_npz *z;
    CU_ASSERT_EQUAL(haq_npz_open(&z, FOLDER "none.npz", &d), HAQ_INVALID);
    CU_ASSERT_EQUAL(haq_npz_open(&z, FOLDER, &d), HAQ_INVALID);
    CU_ASSERT_EQUAL(haq_npy_read(FOLDER "none.npy", &a, &d), HAQ_INVALID);
    CU_ASSERT_EQUAL(haq_npy_read("/dev/null", &a, &d), HAQ_INVALID);
}

static haq_status try_npz(const char *path, struct haq_array *a)
{
    struct haq_npz *z;
    haq_status s = haq_npz_open(&z, path, &d);
    if (s)
        return s;
    s = haq_npz_read(z, "x", a, &d);
    haq_npz_close(z);
    return s;
}

static void every_hostile_file_is_refused_by_name(void)
{
    int tried = 0;
    struct dirent *e;
    DIR *dir = opendir(FOLDER);

    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    while ((e = readdir(dir))) {
        char path[512];
        struct haq_array a;
        if (strncmp(e->d_name, "bad_", 4))
            continue;
        snprintf(path, sizeof path, FOLDER "%s", e->d_name);
        d.text[0] = 0;
        haq_status s = strstr(path, ".npz") ? try_npz(path, &a)
                                            : haq_npy_read(path, &a, &d);
        if (s != HAQ_FORMAT || !strstr(d.text, e->d_name))
            printf("\n  %s: status %d, %s\n", path, (int)s, d.text);
        CU_ASSERT_EQUAL(s, HAQ_FORMAT);
        CU_ASSERT_PTR_NOT_NULL(strstr(d.text, e->d_name));
        tried++;
    }
    closedir(dir);
    CU_ASSERT(tried >= 25);
}

/* Exactly sized heap blocks, so that ASan sees one byte too many. */
static void any_cut_of_a_file_is_refused(void)
{
    void *whole;
    size_t len;
    struct haq_array a;
    CU_ASSERT_FATAL(
        !haq_file_read(FOLDER "version2.npy", 1000, &whole, &len, &d));
    for (size_t n = 0; n < len; n++) {
        char *part = malloc(n ? n : 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(part);
        memcpy(part, whole, n);
        CU_ASSERT_EQUAL(haq_npy_parse("cut", part, n, &a, &d), HAQ_FORMAT);
        free(part);
    }
    free(whole);
}

static void any_changed_byte_is_survived(void)
{
    void *whole;
    size_t len;
    uint64_t rng = 9;
    CU_ASSERT_FATAL(
        !haq_file_read(FOLDER "fortran.npy", 1000, &whole, &len, &d));
    char *copy = malloc(len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    for (int i = 0; i < 20000; i++) {
        struct haq_array a = {0};
        memcpy(copy, whole, len);
        for (int k = 0; k < 3; k++)
            copy[next_random(&rng) % 128] = (char)next_random(&rng);
        if (!haq_npy_parse("changed", copy, len, &a, &d))
            haq_array_fini(&a);
    }
    free(copy);
    free(whole);
}

static void what_is_written_reads_back(void)
{
    static const char path[] = "/tmp/haq-test-npz.npy";
    int16_t data[6] = {1, -2, 3, -4, 5, -32768};
    struct haq_array a = {HAQ_I16, 2, {2, 3}, 6, data}, b;

    for (int rank = 0; rank <= 2; rank++) {
        a.rank = rank;
        a.dims[0] = rank == 2 ? 2 : 6;
        a.count = rank ? 6 : 1;
        CU_ASSERT_EQUAL_FATAL(haq_npy_write(path, &a, &d), HAQ_OK);
        read_npy(path, &b);
        expect_shape(&b, HAQ_I16, rank, a.dims);
        CU_ASSERT_EQUAL(memcmp(b.data, data, a.count * 2), 0);
        haq_array_fini(&b);
    }
    void *text;
    size_t len;
    CU_ASSERT_FATAL(!haq_file_read(path, 1000, &text, &len, &d));
    CU_ASSERT_EQUAL(len, 128 + 12);
    CU_ASSERT_EQUAL(((char *)text)[127], '\n');
    free(text);
    unlink(path);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(one_array_reads_the_same_however_it_is_written),
        HAQ_TEST(types_and_shapes_are_those_of_numpy),
        HAQ_TEST(a_missing_member_is_answered_with_those_there_are),
        HAQ_TEST(files_that_are_not_there_are_bad_input),
        HAQ_TEST(every_hostile_file_is_refused_by_name),
        HAQ_TEST(any_cut_of_a_file_is_refused),
        HAQ_TEST(any_changed_byte_is_survived),
        HAQ_TEST(what_is_written_reads_back),
        CU_TEST_INFO_NULL};
    return run_suite("npz", tests);
}
