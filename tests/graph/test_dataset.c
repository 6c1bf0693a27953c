/* The fixtures come from NumPy: tests/fixtures/dataset/make.py. */
#include "graph/dataset.h"

#include <dirent.h>
#include <math.h>
#include <string.h>

#include "tests/suite.h"

#define FOLDER "tests/fixtures/dataset/"

static struct haq_diag d;

static struct haq_dataset load(const char *path)
{
    struct haq_dataset s = {0};
    haq_status status = haq_dataset_load(&s, path, &d);
    if (status)
        printf("\n  %s\n", d.text);
    CU_ASSERT_EQUAL_FATAL(status, HAQ_OK);
    return s;
}

static void images_come_normalized_per_channel(void)
{
    struct haq_dataset s = load(FOLDER "good.npz");
    const size_t index[] = {2, 0};
    float got[16];

    CU_ASSERT_EQUAL(s.n, 3);
    CU_ASSERT_EQUAL(s.sample_count, 8);
    CU_ASSERT_EQUAL(s.n_channels, 2);
    CU_ASSERT_EQUAL(s.group.count, 3);
    CU_ASSERT_EQUAL(haq_dtype_get_int(s.y.dtype, s.y.data, 2), 2);
    haq_dataset_fetch(&s, index, 2, HAQ_F32, got);
    for (size_t i = 0; i < 16; i++) {
        size_t stored = i < 8 ? 16 + i : i - 8;
        float want =
            i % 8 < 4 ? (float)stored * 0.5f - 1 : (float)stored * 2.0f + 10;
        CU_ASSERT_EQUAL(got[i], want);
    }
    haq_dataset_fini(&s);
}

static void one_scale_serves_all_channels(void)
{
    struct haq_dataset s = load(FOLDER "one_scale.npz");
    const size_t index[] = {1};
    float got[8];
    CU_ASSERT_EQUAL(s.y.count, 0);
    haq_dataset_fetch(&s, index, 1, HAQ_F32, got);
    for (size_t i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(got[i], (float)(8 + i) * 0.25f);
    haq_dataset_fini(&s);
}

static void the_command_line_overrides_the_file(void)
{
    struct haq_dataset s = load(FOLDER "good.npz");
    const size_t index[] = {0};
    const float bias[] = {100, 200}, scale[] = {3, 3, 3};
    const float infinite[] = {INFINITY};
    float got[8];

    CU_ASSERT_EQUAL(haq_dataset_normalize(&s, NULL, bias, 2, &d), HAQ_OK);
    haq_dataset_fetch(&s, index, 1, HAQ_F32, got);
    CU_ASSERT_EQUAL(got[1], 101);
    CU_ASSERT_EQUAL(got[7], 207);
    CU_ASSERT_EQUAL(haq_dataset_normalize(&s, scale, NULL, 3, &d), HAQ_INVALID);
    CU_ASSERT_EQUAL(haq_dataset_normalize(&s, infinite, NULL, 1, &d),
                    HAQ_INVALID);
    haq_dataset_fini(&s);
}

static void tokens_come_as_they_are(void)
{
    struct haq_dataset s = load(FOLDER "tokens.npz");
    const size_t index[] = {1, 0};
    int64_t got[4];
    haq_dataset_fetch(&s, index, 2, HAQ_I64, got);
    CU_ASSERT_EQUAL(got[0], 3);
    CU_ASSERT_EQUAL(got[3], (int64_t)1 << 40);
    haq_dataset_fini(&s);
}

/* sha256sum of the files. */
static void hashes_are_of_the_file_bytes(void)
{
    struct haq_dataset s = load(FOLDER "good.npz");
    CU_ASSERT_STRING_EQUAL(
        s.hash,
        "633bc60a7f1cafa7f54afa63972c8c3b46f77d9af259138b92a7aad43edd2278");
    haq_dataset_fini(&s);

    s = load(FOLDER "x.npy");
    CU_ASSERT_STRING_EQUAL(
        s.hash,
        "21baaefe0031dccad63f1867204d2ab4112e6e4b21ab1c1a1ffc19c2009eb8a9");
    CU_ASSERT_EQUAL(s.y.count, 0);
    haq_dataset_fini(&s);

    s = load(FOLDER "x.npy," FOLDER "y.npy");
    CU_ASSERT_STRING_EQUAL(
        s.hash,
        "9388b51cbd00be51d349ddabec3ddc89b46fcaab79e01cf71201975f367ca1b0");
    CU_ASSERT_EQUAL(s.y.count, 3);
    haq_dataset_fini(&s);
}

static void samples_of_another_shape_or_type_do_not_fit(void)
{
    const int64_t shape[] = {2, 2, 2}, open[] = {2, -1, -1}, wrong[] = {2, 4};
    struct haq_dataset s = load(FOLDER "good.npz");
    CU_ASSERT_EQUAL(haq_dataset_fits(&s, "a.npz", shape, 3, HAQ_F32, &d),
                    HAQ_OK);
    CU_ASSERT_EQUAL(haq_dataset_fits(&s, "a.npz", open, 3, HAQ_I64, &d),
                    HAQ_OK);
    CU_ASSERT_EQUAL(haq_dataset_fits(&s, "a.npz", wrong, 2, HAQ_F32, &d),
                    HAQ_INVALID);
    CU_ASSERT_STRING_EQUAL(d.text, "a.npz: samples have the shape 2x2x2, the "
                                   "network wants 2x4");
    CU_ASSERT_EQUAL(haq_dataset_fits(&s, "a.npz", shape, 2, HAQ_F32, &d),
                    HAQ_INVALID);
    s.x.dtype = HAQ_F64;
    CU_ASSERT_EQUAL(haq_dataset_fits(&s, "a.npz", shape, 3, HAQ_I64, &d),
                    HAQ_INVALID);
    s.x.dtype = HAQ_U8;
    haq_dataset_fini(&s);
}

static void every_bad_data_set_is_refused_by_name(void)
{
    int tried = 0;
    struct dirent *e;
    DIR *dir = opendir(FOLDER);

    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    while ((e = readdir(dir))) {
        char path[512];
        struct haq_dataset s;
        if (strncmp(e->d_name, "bad_", 4))
            continue;
        snprintf(path, sizeof path, FOLDER "%s", e->d_name);
        CU_ASSERT_EQUAL(haq_dataset_load(&s, path, &d), HAQ_INVALID);
        CU_ASSERT_PTR_NOT_NULL(strstr(d.text, e->d_name));
        tried++;
    }
    closedir(dir);
    CU_ASSERT_EQUAL(tried, 8);
    struct haq_dataset s;
    CU_ASSERT_EQUAL(haq_dataset_load(&s, FOLDER "bad_nan.npz", &d),
                    HAQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "sample 1 of x"));
    CU_ASSERT_EQUAL(haq_dataset_load(&s, FOLDER "x.npy,none.npy", &d),
                    HAQ_INVALID);
}

static void the_order_is_one_fixed_permutation(void)
{
    enum { N = 1000 };
    size_t a[N], b[N], moved = 0;
    unsigned char seen[N] = {0};

    haq_dataset_order(N, a);
    haq_dataset_order(N, b);
    CU_ASSERT_EQUAL(memcmp(a, b, sizeof a), 0);
    for (size_t i = 0; i < N; i++) {
        CU_ASSERT_FATAL(a[i] < N && !seen[a[i]]);
        seen[a[i]] = 1;
        moved += a[i] != i;
    }
    CU_ASSERT(moved > N * 9 / 10);
    haq_dataset_order(0, a);
}

static void the_shared_data_sets_load(void)
{
    static const struct {
        const char *file;
        size_t n, sample_count, n_channels;
    } rows[] = {
        {"fashion-mnist-cnn/eval_full.npz", 10000, 784, 1},
        {"resnet20-cifar10/eval.npz", 5000, 3072, 3},
        {"mobilenetv1-vww/eval.npz", 211, 27648, 3},
        {"dscnn-kws/eval.npz", 744, 490, 0},
        {"stories260k-lm/eval.npz", 521, 128, 0},
    };
    const char *data = shared_data();
    for (size_t i = 0; data && i < sizeof rows / sizeof *rows; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", data, rows[i].file);
        struct haq_dataset s = load(path);
        CU_ASSERT_EQUAL(s.n, rows[i].n);
        CU_ASSERT_EQUAL(s.sample_count, rows[i].sample_count);
        CU_ASSERT_EQUAL(s.n_channels, rows[i].n_channels);
        haq_dataset_fini(&s);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(images_come_normalized_per_channel),
        HAQ_TEST(one_scale_serves_all_channels),
        HAQ_TEST(the_command_line_overrides_the_file),
        HAQ_TEST(tokens_come_as_they_are),
        HAQ_TEST(hashes_are_of_the_file_bytes),
        HAQ_TEST(samples_of_another_shape_or_type_do_not_fit),
        HAQ_TEST(every_bad_data_set_is_refused_by_name),
        HAQ_TEST(the_order_is_one_fixed_permutation),
        HAQ_TEST(the_shared_data_sets_load),
        CU_TEST_INFO_NULL};
    return run_suite("dataset", tests);
}
