/* Float execution: the bundled models against the outputs of another runtime.
 */
#include "tests/runtime/golden.h"

/* Largest difference of the first `batch` samples, relative to the largest
 * output; 1 when something failed. */
static double worst_error(const struct golden *m, int64_t batch,
                          struct haq_pool *pool, unsigned isa, float *keep)
{
    struct haq_diag d = {0};
    struct haq_plan *plan = NULL;
    struct haq_exec *e = NULL;
    double worst = 0, top = 0;
    struct haq_array x = load_array(m, "golden.npz", "x");
    struct haq_array y = load_array(m, "golden.npz", "out");
    struct haq_graph *g = load_graph(m, batch);
    struct haq_plan_options opt = {.isa = isa};

    if (!g || !x.count || haq_plan_new(&plan, g, NULL, &opt, &d) ||
        haq_exec_new(&e, plan, pool, &d)) {
        printf("\n    %s\n", d.text);
        worst = 1;
        goto done;
    }
    size_t samples = (size_t)x.dims[0], n = y.count / samples * (size_t)batch;
    size_t bytes = x.count / samples * haq_dtype_info(x.dtype)->bytes;
    memcpy(haq_exec_input(e, 0), x.data, bytes * (size_t)batch);
    haq_exec_run(e);
    const float *out = haq_exec_output(e, 0), *want = y.data;
    for (size_t i = 0; i < y.count; i++)
        top = fmax(top, fabs((double)want[i]));
    for (size_t i = 0; i < n; i++) {
        double error = fabs((double)out[i] - (double)want[i]);
        worst = error <= worst ? worst : error;
        if (keep)
            keep[i] = out[i];
    }
    worst /= top;
done:
    haq_exec_free(e);
    haq_plan_free(plan);
    haq_graph_free(g);
    haq_array_fini(&x);
    haq_array_fini(&y);
    return worst;
}

static void models_give_the_outputs_of_another_runtime(void)
{
    static const int64_t batches[] = {1, 3, 4};
    if (!shared_data())
        return;
    for (int i = 0; i < GOLDENS; i++)
        for (int b = 0; b < 3; b++) {
            double e =
                worst_error(&goldens[i], batches[b], NULL, haq_cpu_isa(), NULL);
            printf("\n    %-18s %-24s batch %d: %.1e", goldens[i].folder,
                   goldens[i].file, (int)batches[b], e);
            CU_ASSERT(e <= 1e-4);
        }
}

static void every_instruction_set_is_as_accurate(void)
{
    static const char *const names[] = {"none", "avx2", "avx512"};
    if (!shared_data())
        return;
    for (int k = 0; k < 3; k++) {
        unsigned isa;
        if (haq_cpu_isa_parse(names[k], &isa, NULL))
            continue;
        for (int i = 0; i < GOLDENS; i++)
            CU_ASSERT(worst_error(&goldens[i], 1, NULL, isa, NULL) <= 1e-4);
    }
}

static void the_number_of_threads_does_not_change_a_bit(void)
{
    enum { ROOM = 4 * 128 * 512 };
    struct haq_diag d;
    struct haq_pool *pool = NULL;
    float *one = malloc(ROOM * sizeof *one), *two = malloc(ROOM * sizeof *two);
    if (!shared_data() || haq_pool_new(&pool, 2, &d) || !one || !two)
        goto done;
    for (int i = 0; i < GOLDENS; i++) {
        memset(one, 0, ROOM * sizeof *one);
        memset(two, 0, ROOM * sizeof *two);
        CU_ASSERT(worst_error(&goldens[i], 3, NULL, haq_cpu_isa(), one) < 1);
        CU_ASSERT(worst_error(&goldens[i], 3, pool, haq_cpu_isa(), two) < 1);
        CU_ASSERT(!memcmp(one, two, ROOM * sizeof *one));
    }
done:
    haq_pool_free(pool);
    free(one);
    free(two);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(models_give_the_outputs_of_another_runtime),
        HAQ_TEST(every_instruction_set_is_as_accurate),
        HAQ_TEST(the_number_of_threads_does_not_change_a_bit),
        CU_TEST_INFO_NULL,
    };
    return run_suite("float execution", tests);
}
