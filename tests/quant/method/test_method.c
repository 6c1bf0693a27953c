/* Scales of least squared error for a normal and a Laplace distribution are
 * those of fact sheet 2.5 (uniform quantizer with a level at zero). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quant/method/method.h"
#include "tests/suite.h"

static void scales(struct haq_qweight *q, const char *spec, const float *w,
                   size_t n, size_t k)
{
    struct haq_weight_spec s;
    CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&s, spec, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_qweight_scales(q, w, n, k, &s, NULL), HAQ_OK);
}

static void clip(struct haq_qweight *q, const float *w)
{
    struct haq_method_layer l = {.name = "fc", .w = w, .q = q};
    CU_ASSERT_EQUAL_FATAL(haq_method_clip(&l, NULL), HAQ_OK);
}

/* Sum of squared errors over the whole tensor, after real rounding. */
static double error(struct haq_qweight *q, const float *w)
{
    double sum = 0;
    size_t count = q->n * q->k;
    float *back = malloc((count + 1) * sizeof *back);
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    CU_ASSERT_EQUAL_FATAL(haq_qweight_round(q, w, NULL), HAQ_OK);
    haq_qweight_dequantize(back, q);
    for (size_t i = 0; i < count; i++)
        sum += pow((double)w[i] - (double)back[i], 2);
    free(back);
    return sum;
}

enum { MILLION = 1000000 };

/* Uniform in (0, 1); 64-bit multiplicative steps of Knuth. */
static double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return ((double)(*state >> 11) + 0.5) * 0x1p-53;
}

static double normal(uint64_t *state)
{
    double r = sqrt(-2 * log(uniform(state)));
    return r * cos(6.283185307179586 * uniform(state));
}

static double laplace(uint64_t *state)
{
    double u = uniform(state) - 0.5;
    return copysign(log(1 - 2 * fabs(u)), u);
}

static void known_distributions_get_their_known_scales(void)
{
    static const struct {
        double (*draw)(uint64_t *state);
        const char *spec;
        double scale, db;
    } want[] = {{normal, "int2", 1.2238, 7.21},
                {normal, "int3", 0.6507, 13.29},
                {normal, "int4", 0.3535, 18.90},
                {normal, "int2:channel:full", 1.0483, 8.26},
                {laplace, "int2", 2.0006, 5.78},
                {laplace, "int4", 0.6887, 15.62}};
    float *w = malloc(MILLION * sizeof *w);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        uint64_t state = 7;
        double power = 0;
        struct haq_qweight q = {0};
        for (size_t k = 0; k < MILLION; k++) {
            w[k] = (float)want[i].draw(&state);
            power += (double)w[k] * (double)w[k];
        }
        scales(&q, want[i].spec, w, 1, MILLION);
        clip(&q, w);
        double db = 10 * log10(power / error(&q, w));
        if (fabs((double)q.scale[0] / want[i].scale - 1) >= 0.01 ||
            fabs(db - want[i].db) >= 0.05)
            printf("\n    %s: %g, %g dB", want[i].spec, (double)q.scale[0], db);
        CU_ASSERT(fabs((double)q.scale[0] / want[i].scale - 1) < 0.01);
        CU_ASSERT(fabs(db - want[i].db) < 0.05);
        haq_qweight_fini(&q);
    }
    free(w);
}

static void clipping_never_has_more_error_than_rounding(void)
{
    static const char *const specs[] = {"int2",          "int4:tensor",
                                        "int3:group16",  "uint4",
                                        "uint2:group32", "int8"};
    enum { N = 8, K = 72 };
    float w[N * K];
    uint64_t state = 3;
    for (size_t i = 0; i < N * K; i++)
        w[i] = (float)normal(&state) * (i % K == 0 ? 8.0f : 1.0f);
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct haq_qweight q = {0};
        scales(&q, specs[i], w, N, K);
        double before = error(&q, w);
        clip(&q, w);
        double after = error(&q, w);
        CU_ASSERT(after <= before);
        if (strcmp(specs[i], "int8")) /* outliers: there is much to gain */
            CU_ASSERT(after < 0.95 * before);
        haq_qweight_fini(&q);
    }
}

static void channels_of_zeros_are_left_alone(void)
{
    static const float w[2][4] = {{0}, {1, -2, 3, 0.5f}};
    struct haq_qweight q = {0};
    scales(&q, "int4", w[0], 2, 4);
    clip(&q, w[0]);
    CU_ASSERT_EQUAL(q.scale[0], 1.0f);
    CU_ASSERT(isfinite(q.scale[1]) && q.scale[1] > 0);
    haq_qweight_fini(&q);
}

static void one_scale_per_tensor_stays_one(void)
{
    static const float w[2][4] = {{9, 0.1f, 0.2f, 0.3f}, {1, -2, 3, 0.5f}};
    struct haq_qweight q = {0};
    scales(&q, "uint3:tensor", w[0], 2, 4);
    clip(&q, w[0]);
    CU_ASSERT_EQUAL(q.scale[0], q.scale[1]);
    CU_ASSERT_EQUAL(q.zero[0], q.zero[1]);
    haq_qweight_fini(&q);
}

/* ---- methods that look at inputs ------------------------------------------
 */

enum { ROWS = 200, DIM = 6, OUT = 4 };

/* Correlated inputs with means of their own; those behind quantized layers
 * differ a little. */
static void draw_inputs(float f[ROWS][DIM], float q[ROWS][DIM], uint64_t *state)
{
    for (size_t r = 0; r < ROWS; r++) {
        double common = normal(state);
        for (size_t i = 0; i < DIM; i++) {
            f[r][i] = (float)(0.3 * (double)i + common + 0.4 * normal(state));
            q[r][i] = f[r][i] + (float)(0.05 + 0.1 * normal(state));
        }
    }
}

/* Layers of OUT channels with inputs of DIM. */
static struct haq_moments moments_of(float f[ROWS][DIM], float q[ROWS][DIM])
{
    struct haq_moments m;
    CU_ASSERT_EQUAL_FATAL(haq_moments_init(&m, 1, DIM, f != q, NULL), HAQ_OK);
    haq_moments_add(&m, 0, f[0], q[0], ROWS / 2);
    haq_moments_add(&m, 0, f[ROWS / 2], q[ROWS / 2], ROWS / 2);
    haq_moments_finish(&m);
    return m;
}

/* Mean squared error of the outputs, from the inputs themselves. */
static double output_error(const struct haq_qweight *q, const float *w,
                           float f[ROWS][DIM], float x[ROWS][DIM])
{
    double sum = 0;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < OUT; c++) {
            double e = 0;
            for (size_t i = 0; i < DIM; i++)
                e += (double)w[c * DIM + i] * (double)f[r][i] -
                     haq_qweight_value(q, c, i, q->codes[c * DIM + i]) *
                         (double)x[r][i];
            sum += e * e / ROWS;
        }
    return sum;
}

/* The least error of row c over all codes of int2, one by one. */
static double best_of_all(struct haq_qweight *q, const float *w, size_t c,
                          float f[ROWS][DIM], float x[ROWS][DIM])
{
    double best = INFINITY;
    int8_t kept[DIM];
    memcpy(kept, q->codes + c * DIM, DIM);
    for (int n = 0; n < 3 * 3 * 3 * 3 * 3 * 3; n++) {
        for (int i = 0, rest = n; i < DIM; i++, rest /= 3)
            q->codes[c * DIM + (size_t)i] = (int8_t)(rest % 3 - 1);
        double e = output_error(q, w, f, x);
        best = e < best ? e : best;
    }
    memcpy(q->codes + c * DIM, kept, DIM);
    return best;
}

static void descent_is_near_the_best_of_all_codes(void)
{
    float f[ROWS][DIM], x[ROWS][DIM], w[OUT * DIM];
    uint64_t state = 11;
    draw_inputs(f, x, &state);
    for (size_t i = 0; i < OUT * DIM; i++)
        w[i] = (float)normal(&state);
    struct haq_moments m = moments_of(f, x);
    struct haq_qweight q = {0};
    scales(&q, "int2", w, OUT, DIM);
    struct haq_method_layer l = {.name = "fc", .w = w, .x = &m, .q = &q};
    double nearest =
        (haq_qweight_round(&q, w, NULL), output_error(&q, w, f, x));
    CU_ASSERT_EQUAL(haq_method_gptq(&l, NULL), HAQ_OK);
    double gptq = output_error(&q, w, f, x);
    CU_ASSERT_EQUAL(haq_method_refine(&l, NULL), HAQ_OK);
    double refined = output_error(&q, w, f, x);
    CU_ASSERT(gptq < nearest);
    CU_ASSERT(refined <= gptq * 1.0001);
    for (size_t c = 0; c < OUT; c++)
        CU_ASSERT(best_of_all(&q, w, c, f, x) > 0.6 * refined);
    free(l.target);
    haq_moments_fini(&m);
    haq_qweight_fini(&q);
}

/* Learned rounding, from nearest codes and from GPTQ's: never worse than where
 * it began, and not far from the best there is. */
static void learned_codes_are_near_the_best_of_all(void)
{
    static haq_method_tune *const learn[] = {haq_method_adaround,
                                             haq_method_adaquant};
    float f[ROWS][DIM], x[ROWS][DIM], w[OUT * DIM];
    uint64_t state = 17;
    draw_inputs(f, x, &state);
    for (size_t i = 0; i < OUT * DIM; i++)
        w[i] = (float)normal(&state);
    struct haq_moments m = moments_of(f, x);
    for (size_t i = 0; i < 4; i++) {
        struct haq_qweight q = {0};
        scales(&q, "int2", w, OUT, DIM);
        struct haq_method_layer l = {.name = "fc", .w = w, .x = &m, .q = &q};
        CU_ASSERT_EQUAL_FATAL(haq_qweight_round(&q, w, NULL), HAQ_OK);
        if (i / 2)
            CU_ASSERT_EQUAL(haq_method_gptq(&l, NULL), HAQ_OK);
        double before = output_error(&q, w, f, x);
        CU_ASSERT_EQUAL(learn[i % 2](&l, NULL), HAQ_OK);
        double after = output_error(&q, w, f, x);
        CU_ASSERT(after <= before * 1.0001);
        CU_ASSERT(i / 2 || after < before * 0.95);
        for (size_t c = 0; c < OUT; c++)
            CU_ASSERT(best_of_all(&q, w, c, f, x) > 0.6 * after);
        free(l.target);
        haq_qweight_fini(&q);
    }
    haq_moments_fini(&m);
}

static void bias_correction_keeps_the_mean_of_the_output(void)
{
    float f[ROWS][DIM], x[ROWS][DIM], w[OUT * DIM], bias[OUT] = {1, -1, 0, 5};
    uint64_t state = 12;
    draw_inputs(f, x, &state);
    for (size_t i = 0; i < OUT * DIM; i++)
        w[i] = (float)normal(&state);
    struct haq_moments m = moments_of(f, x);
    struct haq_qweight q = {0};
    scales(&q, "int3", w, OUT, DIM);
    struct haq_method_layer l = {
        .name = "fc", .w = w, .x = &m, .q = &q, .bias = bias};
    CU_ASSERT_EQUAL(haq_method_bias(&l, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(haq_qweight_round(&q, w, NULL), HAQ_OK);
    static const float before[OUT] = {1, -1, 0, 5};
    for (size_t c = 0; c < OUT; c++) {
        double want = (double)before[c], have = (double)bias[c];
        for (size_t r = 0; r < ROWS; r++)
            for (size_t i = 0; i < DIM; i++) {
                size_t at = c * DIM + i;
                want += (double)w[at] * (double)f[r][i] / ROWS;
                have += haq_qweight_value(&q, c, i, q.codes[at]) *
                        (double)x[r][i] / ROWS;
            }
        CU_ASSERT(fabs(want - have) < 1e-5);
    }
    haq_moments_fini(&m);
    haq_qweight_fini(&q);
}

/* Inputs that never move, one sample, a channel of zeros: every weight still
 * gets a code, and its scale stays one. */
static void little_to_look_at_is_no_failure(void)
{
    static const char *const specs[] = {"int4", "uint2:group16", "int8:tensor",
                                        "ternary", "binary"};
    float f[ROWS][DIM] = {{0}}, w[OUT * DIM] = {0};
    for (size_t r = 0; r < ROWS; r++)
        f[r][1] = 2;
    for (size_t i = DIM; i < OUT * DIM; i++)
        w[i] = (float)i / 7 - 1.5F;
    struct haq_moments m = moments_of(f, f);
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct haq_qweight q = {0};
        scales(&q, specs[i], w, OUT, DIM);
        struct haq_method_layer l = {.name = "fc", .w = w, .x = &m, .q = &q};
        CU_ASSERT_EQUAL(haq_method_awq_clip(&l, NULL), HAQ_OK);
        CU_ASSERT_EQUAL(haq_method_gptq(&l, NULL), HAQ_OK);
        CU_ASSERT_EQUAL(haq_method_adaround(&l, NULL), HAQ_OK);
        CU_ASSERT_EQUAL(haq_method_adaquant(&l, NULL), HAQ_OK);
        CU_ASSERT_EQUAL(haq_method_refine(&l, NULL), HAQ_OK);
        for (size_t k = 0; k < OUT * DIM; k++)
            CU_ASSERT(haq_qweight_is_code(&q.spec, q.codes[k]));
        for (size_t k = 0; k < OUT * q.groups; k++)
            CU_ASSERT(isfinite(q.scale[k]) && q.scale[k] > 0);
        free(l.target);
        haq_qweight_fini(&q);
    }
    haq_moments_fini(&m);
}

static void lists_are_put_in_the_order_of_the_table(void)
{
    char out[HAQ_METHODS_TEXT];
    CU_ASSERT_EQUAL(haq_methods_parse(out, "rtn", NULL), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(out, "rtn");
    CU_ASSERT_EQUAL(haq_methods_parse(out, "clip,rtn", NULL), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(out, "clip");
}

static void wrong_lists_are_refused_with_the_names(void)
{
    static const char *const wrong[] = {"magic", "", "clip,", "clip,clip",
                                        "clipp"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char out[HAQ_METHODS_TEXT];
        struct haq_diag d = {0};
        CU_ASSERT_EQUAL(haq_methods_parse(out, wrong[i], &d), HAQ_USAGE);
        CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "clip"));
    }
}

static void recipes_know_every_method_of_the_table(void)
{
    const struct haq_method *m;
    for (size_t i = 0; (m = haq_method_at(i)); i++) {
        struct haq_recipe r;
        json_t *j = json_pack(
            "{s:i, s:s+, s:{s:s, s:s}, s:[{s:s, s:s, s:s, s:[s]}]}", "recipe",
            1, "model", "sha256:",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "calibration", "data", "", "method", "minmax", "layers", "tensor",
            "fc", "weight", "int4:channel", "activation", "float", "methods",
            m->name);
        json_object_del(json_object_get(j, "calibration"), "data");
        struct haq_diag d = {0};
        CU_ASSERT_EQUAL(haq_recipe_from_json(&r, j, "r.json", &d), HAQ_OK);
        if (d.text[0])
            printf("\n    %s", d.text);
        else
            haq_recipe_fini(&r);
        json_decref(j);
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(known_distributions_get_their_known_scales),
        HAQ_TEST(clipping_never_has_more_error_than_rounding),
        HAQ_TEST(channels_of_zeros_are_left_alone),
        HAQ_TEST(one_scale_per_tensor_stays_one),
        HAQ_TEST(descent_is_near_the_best_of_all_codes),
        HAQ_TEST(learned_codes_are_near_the_best_of_all),
        HAQ_TEST(bias_correction_keeps_the_mean_of_the_output),
        HAQ_TEST(little_to_look_at_is_no_failure),
        HAQ_TEST(lists_are_put_in_the_order_of_the_table),
        HAQ_TEST(wrong_lists_are_refused_with_the_names),
        HAQ_TEST(recipes_know_every_method_of_the_table),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/method", tests);
}
