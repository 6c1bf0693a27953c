#include "graph/metric.h"

#include <math.h>
#include <string.h>

#include "tests/suite.h"

static struct haq_diag d;

static double score(const char *metric, const float *out, const float *ref,
                    const void *label, size_t positions, size_t classes)
{
    return haq_metric_find(metric)->score(out, ref, label, positions, classes);
}

static void ties_go_to_the_lower_index(void)
{
    const float out[] = {1, 3, 3, 2, 0, 0, 0};
    for (int64_t label = 0; label < 7; label++) {
        CU_ASSERT_EQUAL(score("top1", out, NULL, &label, 1, 7), label == 1);
        CU_ASSERT_EQUAL(score("top5", out, NULL, &label, 1, 7), label < 5);
    }
}

static void outputs_that_are_not_numbers_are_never_right(void)
{
    const float out[] = {NAN, 1, 0};
    for (int64_t label = 0; label < 3; label++)
        CU_ASSERT_EQUAL(score("top1", out, NULL, &label, 1, 3), 0);
    const float lost[] = {NAN, NAN, NAN}, ref[] = {5, 1, 0};
    CU_ASSERT_EQUAL(score("agreement", lost, ref, NULL, 1, 3), 0);
    CU_ASSERT_EQUAL(score("agreement", ref, ref, NULL, 1, 3), 1);
}

static void agreement_compares_the_largest_outputs(void)
{
    const float out[] = {0, 2, 1, /**/ 4, 4, 0},
                ref[] = {1, 9, 2, /**/ 0, 1, 0};
    CU_ASSERT_EQUAL(score("agreement", out, ref, NULL, 2, 3), 1);
}

/* A fair coin costs log 2; large logits do not overflow. */
static void perplexity_is_the_exponential_of_the_mean_loss(void)
{
    const float out[] = {0, 0, /**/ 1000, 0};
    const int64_t label[] = {1, 0};
    const struct haq_metric *m = haq_metric_find("perplexity");
    double loss[] = {m->score(out, NULL, label, 2, 2)};
    CU_ASSERT_DOUBLE_EQUAL(loss[0], log(2), 1e-12);
    struct haq_interval v = haq_metric_value(m, loss, 1, 2);
    CU_ASSERT_DOUBLE_EQUAL(v.value, sqrt(2), 1e-12);
    CU_ASSERT_FALSE(m->higher_is_better);
}

static void squared_errors_are_averaged(void)
{
    const float out[] = {1, 2, 3, 4}, want[] = {1, 0, 3, 8};
    const struct haq_metric *m = haq_metric_find("mse");
    double scores[] = {m->score(out, NULL, want, 1, 4), 0};
    CU_ASSERT_EQUAL(scores[0], 5);
    CU_ASSERT_EQUAL(haq_metric_value(m, scores, 2, 1).value, 2.5);
}

/* 81 of 263, Newcombe 1998, table I, method 3. */
static void counting_metrics_carry_the_wilson_interval_in_percent(void)
{
    double scores[263] = {0};
    for (size_t i = 0; i < 81; i++)
        scores[3 * i] = 1;
    struct haq_interval v =
        haq_metric_value(haq_metric_find("top1"), scores, 263, 1);
    CU_ASSERT_DOUBLE_EQUAL(v.value, 100.0 * 81 / 263, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(v.low, 25.53, 5e-3);
    CU_ASSERT_DOUBLE_EQUAL(v.high, 36.62, 5e-3);
}

static void the_default_follows_the_labels(void)
{
    int64_t ints[6] = {0};
    float reals[3] = {0};
    struct haq_array none = {0}, classes = {HAQ_I64, 1, {3}, 3, ints};
    struct haq_array column = {HAQ_I64, 2, {3, 1}, 3, ints};
    struct haq_array tokens = {HAQ_I64, 2, {3, 2}, 6, ints};
    struct haq_array values = {HAQ_F32, 1, {3}, 3, reals};
    CU_ASSERT_STRING_EQUAL(haq_metric_default(&none)->name, "agreement");
    CU_ASSERT_STRING_EQUAL(haq_metric_default(&classes)->name, "top1");
    CU_ASSERT_STRING_EQUAL(haq_metric_default(&column)->name, "top1");
    CU_ASSERT_STRING_EQUAL(haq_metric_default(&tokens)->name, "perplexity");
    CU_ASSERT_STRING_EQUAL(haq_metric_default(&values)->name, "mse");
    CU_ASSERT_PTR_NULL(haq_metric_find("accuracy"));
}

static void bad_labels_are_named(void)
{
    uint8_t labels[] = {0, 9, 3, 12};
    float reals[] = {0, INFINITY};
    struct haq_array y = {HAQ_U8, 1, {4}, 4, labels}, none = {0};
    struct haq_array values = {HAQ_F32, 1, {2}, 2, reals};
    const struct haq_metric *top1 = haq_metric_find("top1");
    const struct haq_metric *mse = haq_metric_find("mse");

    CU_ASSERT_EQUAL(haq_metric_check(top1, &y, 4, 1, 13, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_metric_check(top1, &y, 4, 1, 10, &d), HAQ_INVALID);
    CU_ASSERT_STRING_EQUAL(d.text, "label 12 of sample 3 is outside 0..9");
    CU_ASSERT_EQUAL(haq_metric_check(top1, &y, 2, 2, 10, &d), HAQ_INVALID);
    CU_ASSERT_STRING_EQUAL(d.text, "label 12 of sample 1 is outside 0..9");
    CU_ASSERT_EQUAL(haq_metric_check(top1, &y, 5, 1, 10, &d), HAQ_INVALID);
    CU_ASSERT_EQUAL(haq_metric_check(top1, &none, 4, 1, 10, &d), HAQ_INVALID);
    CU_ASSERT_EQUAL(haq_metric_check(top1, &values, 2, 1, 10, &d), HAQ_INVALID);
    CU_ASSERT_EQUAL(haq_metric_check(mse, &values, 2, 1, 1, &d), HAQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "sample 1"));
    CU_ASSERT_EQUAL(
        haq_metric_check(haq_metric_find("agreement"), &none, 4, 1, 10, &d),
        HAQ_OK);
}

static haq_status read_array(const char *folder, const char *file,
                             const char *key, struct haq_array *a)
{
    char path[512];
    struct haq_npz *z;
    snprintf(path, sizeof path, "%s/stories260k-lm/%s", folder, file);
    haq_status s = haq_npz_open(&z, path, &d);
    if (s)
        return s;
    s = haq_npz_read(z, key, a, &d);
    haq_npz_close(z);
    return s;
}

/* ONNX Runtime's outputs for four samples of 128 tokens, scored by NumPy in
 * double precision. */
static void a_language_model_scores_as_in_numpy(void)
{
    const char *data = shared_data();
    struct haq_array out, y;
    double loss[4], hits = 0, hits5 = 0;

    if (!data)
        return;
    CU_ASSERT_FATAL(!read_array(data, "golden.npz", "out", &out));
    CU_ASSERT_FATAL(!read_array(data, "eval.npz", "y", &y));
    for (size_t i = 0; i < 4; i++) {
        const float *o = (const float *)out.data + i * 128 * 512;
        const int64_t *label = (const int64_t *)y.data + i * 128;
        loss[i] = score("perplexity", o, NULL, label, 128, 512);
        hits += score("top1", o, NULL, label, 128, 512);
        hits5 += score("top5", o, NULL, label, 128, 512);
    }
    struct haq_interval v =
        haq_metric_value(haq_metric_find("perplexity"), loss, 4, 128);
    CU_ASSERT_DOUBLE_EQUAL(v.value, 3.5043095246255334, 1e-9);
    CU_ASSERT_EQUAL(hits, 338);
    CU_ASSERT_EQUAL(hits5, 445);
    haq_array_fini(&out);
    haq_array_fini(&y);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(ties_go_to_the_lower_index),
        HAQ_TEST(outputs_that_are_not_numbers_are_never_right),
        HAQ_TEST(agreement_compares_the_largest_outputs),
        HAQ_TEST(perplexity_is_the_exponential_of_the_mean_loss),
        HAQ_TEST(squared_errors_are_averaged),
        HAQ_TEST(counting_metrics_carry_the_wilson_interval_in_percent),
        HAQ_TEST(the_default_follows_the_labels),
        HAQ_TEST(bad_labels_are_named),
        HAQ_TEST(a_language_model_scores_as_in_numpy),
        CU_TEST_INFO_NULL};
    return run_suite("metric", tests);
}
