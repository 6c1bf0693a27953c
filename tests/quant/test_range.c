#include <math.h>
#include <string.h>

#include "quant/range.h"
#include "tests/suite.h"

enum { SAMPLES = 4 };

/* A tensor "x", -1 .. 3, nearly all of it in the middle. */
struct observed {
    struct haq_calib calib;
    struct haq_tensor_stats x;
    uint64_t bins[HAQ_CALIB_BINS];
    struct haq_range_memo memo[HAQ_RANGE_MEMOS];
    float low[SAMPLES], high[SAMPLES];
};

static void observe(struct observed *o, bool memo)
{
    memset(o, 0, sizeof *o);
    for (size_t i = 0; i < SAMPLES; i++) {
        o->low[i] = -0.25F * (float)(i + 1);
        o->high[i] = 0.75F * (float)(i + 1);
    }
    o->bins[0] = o->bins[HAQ_CALIB_BINS - 1] = 1;
    for (size_t i = HAQ_CALIB_BINS / 4; i < HAQ_CALIB_BINS / 2; i++)
        o->bins[i] = 100;
    for (size_t i = 0; i < HAQ_CALIB_BINS; i++)
        o->x.count += o->bins[i];
    o->x.tensor = "x";
    o->x.min = -1;
    o->x.max = 3;
    o->x.bins = o->bins;
    o->x.sample_min = o->low;
    o->x.sample_max = o->high;
    o->x.samples = SAMPLES;
    o->x.memo = memo ? o->memo : NULL;
    o->calib.tensor = &o->x;
    o->calib.n = 1;
}

static void find(float range[2], const struct observed *o, const char *method,
                 const char *spec)
{
    struct haq_recipe r;
    struct haq_act_spec a;
    haq_recipe_init(&r);
    r.calib_method = method;
    CU_ASSERT_EQUAL_FATAL(haq_act_spec_parse(&a, spec, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(
        haq_range_find(range, "x", &a, &r, &o->calib, NULL, NULL), HAQ_OK);
    haq_recipe_fini(&r);
}

/* With the memo every answer is what it is without, in any order, and more
 * questions than it has room for are answered, too. */
static void a_range_that_was_found_is_that_of_its_method_and_format(void)
{
    static const char *const methods[] = {
        "minmax",  "average:0.5", "average:0.25", "percentile:99",
        "entropy", "mse",         "octav"};
    static const char *const specs[] = {"uint8", "int8", "uint4", "int4"};
    static struct observed with, without;
    observe(&with, true);
    observe(&without, false);
    for (int turn = 0; turn < 2; turn++)
        for (size_t m = 0; m < sizeof methods / sizeof *methods; m++)
            for (size_t s = 0; s < sizeof specs / sizeof *specs; s++) {
                float a[2], b[2];
                find(a, &with, methods[m], specs[s]);
                find(b, &without, methods[m], specs[s]);
                CU_ASSERT(a[0] == b[0] && a[1] == b[1]);
            }
}

static void a_range_is_found_once(void)
{
    static struct observed o;
    float first[2], again[2], other[2];
    observe(&o, true);
    find(first, &o, "mse", "uint4");
    memset(o.bins, 0, sizeof o.bins); /* who looks again sees nothing */
    o.bins[HAQ_CALIB_BINS - 1] = o.x.count;
    find(again, &o, "mse", "uint4");
    find(other, &o, "mse", "uint8");
    CU_ASSERT(first[0] == again[0] && first[1] == again[1]);
    CU_ASSERT(other[1] > first[1]);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(a_range_that_was_found_is_that_of_its_method_and_format),
        HAQ_TEST(a_range_is_found_once),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/range", tests);
}
