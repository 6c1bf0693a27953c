/* Contexts of one plan run side by side, and what is written to an input stays.
 */
#include <pthread.h>

#include "graph/op.h"
#include "tests/runtime/golden.h"

struct job {
    const struct haq_plan *plan;
    const float *x;
    size_t bytes, count;
    float *y;
    struct haq_pool *pool;
    int runs;
    bool failed;
};

static void *work(void *arg)
{
    struct job *j = arg;
    struct haq_exec *e = NULL;
    j->failed = haq_exec_new(&e, j->plan, j->pool, NULL) != HAQ_OK;
    for (int i = 0; !j->failed && i < j->runs; i++) {
        memcpy(haq_exec_input(e, 0), j->x, j->bytes);
        haq_exec_run(e);
        memcpy(j->y, haq_exec_output(e, 0), j->count * sizeof *j->y);
    }
    haq_exec_free(e);
    return NULL;
}

/* The plan of the small image model, with two inputs for it. */
struct subject {
    struct haq_graph *g;
    struct haq_plan *plan;
    struct haq_array x;
    size_t bytes, count;
};

static bool set_up(struct subject *t)
{
    struct haq_plan_options opt = {.isa = haq_cpu_isa()};
    memset(t, 0, sizeof *t);
    if (!shared_data())
        return false;
    t->g = load_graph(&goldens[0], 1);
    t->x = load_array(&goldens[0], "golden.npz", "x");
    CU_ASSERT_FATAL(t->g && t->x.count);
    CU_ASSERT_FATAL(!haq_plan_new(&t->plan, t->g, NULL, &opt, NULL));
    t->bytes = t->x.count / (size_t)t->x.dims[0] * sizeof(float);
    t->count = t->g->values[t->g->outputs[0]].count;
    return true;
}

static void tear_down(struct subject *t)
{
    haq_plan_free(t->plan);
    haq_graph_free(t->g);
    haq_array_fini(&t->x);
}

static void two_at_a_time_give_what_one_gives(void)
{
    struct subject t;
    float y[4][16];
    pthread_t thread[2];
    struct job j[4];
    if (!set_up(&t))
        return;
    for (size_t i = 0; i < 4; i++)
        j[i] = (struct job){
            .plan = t.plan,
            .x = (const float *)((char *)t.x.data + i % 2 * t.bytes),
            .bytes = t.bytes,
            .count = t.count,
            .y = y[i],
            .runs = 50};
    for (int i = 0; i < 2; i++)
        CU_ASSERT_FATAL(!pthread_create(&thread[i], NULL, work, &j[i]));
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    work(&j[2]), work(&j[3]);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT(!j[i].failed && !j[i + 2].failed);
        CU_ASSERT(!memcmp(y[i], y[i + 2], t.count * sizeof(float)));
    }
    CU_ASSERT(memcmp(y[0], y[1], t.count * sizeof(float)));
    tear_down(&t);
}

static void an_input_outlives_a_run(void)
{
    struct subject t;
    struct haq_exec *e = NULL;
    float y[16];
    if (!set_up(&t))
        return;
    CU_ASSERT_FATAL(!haq_exec_new(&e, t.plan, NULL, NULL));
    memcpy(haq_exec_input(e, 0), t.x.data, t.bytes);
    haq_exec_run(e);
    memcpy(y, haq_exec_output(e, 0), t.count * sizeof *y);
    haq_exec_run(e);
    CU_ASSERT(!memcmp(y, haq_exec_output(e, 0), t.count * sizeof *y));
    CU_ASSERT(!memcmp(haq_exec_input(e, 0), t.x.data, t.bytes));
    haq_exec_free(e);
    tear_down(&t);
}

static void step_times_add_up_to_the_run(void)
{
    struct subject t;
    struct haq_exec *e = NULL;
    uint64_t ns[64] = {0}, sum = 0;
    if (!set_up(&t))
        return;
    size_t n = haq_plan_steps(t.plan);
    CU_ASSERT_FATAL(n <= 64 && !haq_exec_new(&e, t.plan, NULL, NULL));
    haq_exec_run_timed(e, ns);
    for (size_t i = 0; i < n; i++) {
        struct haq_step_info info = haq_plan_step(t.plan, i);
        CU_ASSERT(info.name && info.kernel);
        sum += ns[i];
    }
    CU_ASSERT(sum > 0);
    haq_exec_free(e);
    tear_down(&t);
}

static bool count_values(void *arg, int value, const float *data, size_t n)
{
    struct subject *t = arg;
    CU_ASSERT(data && t->g->values[value].count == n);
    t->count++;
    return true;
}

static bool count_two(void *arg, int value, const float *data, size_t n)
{
    struct subject *t = arg;
    count_values(arg, value, data, n);
    return t->count < 2;
}

static void a_watcher_sees_every_float_tensor(void)
{
    struct subject t;
    struct haq_exec *e = NULL;
    size_t written = 1; /* the input */
    if (!set_up(&t))
        return;
    for (int i = 0; i < t.g->n_nodes; i++)
        written += (size_t)t.g->nodes[i].n_out;
    t.count = 0;
    CU_ASSERT_FATAL(!haq_exec_new(&e, t.plan, NULL, NULL));
    haq_exec_run_watched(e, count_values, &t);
    CU_ASSERT(t.count == written);
    t.count = 0;
    haq_exec_run_watched(e, count_two, &t);
    CU_ASSERT(t.count == 2); /* and no step after that */
    haq_exec_free(e);
    tear_down(&t);
}

/* Nodes that no kernel accepts are named when the plan is made. */
static void what_cannot_run_is_refused_by_name(void)
{
    struct haq_graph *g = haq_graph_new();
    struct haq_shape s = {1, {4}};
    struct haq_plan_options opt = {0};
    struct haq_plan *plan = NULL;
    struct haq_diag d = {0};
    int in = haq_graph_add_value(g, "x", HAQ_I64, &s);
    int out = haq_graph_add_value(g, "y", HAQ_I64, &s);
    int node = haq_graph_add_node(g, haq_op(HAQ_OP_SIGMOID), "odd", 1, 1);
    g->nodes[node].in[0] = in;
    g->nodes[node].out[0] = out;
    g->inputs = &in, g->outputs = &out;
    g->n_inputs = g->n_outputs = 1;
    CU_ASSERT_FATAL(!haq_graph_rebuild(g, &d));
    CU_ASSERT(haq_plan_new(&plan, g, NULL, &opt, &d) == HAQ_UNSUPPORTED);
    CU_ASSERT(strstr(d.text, "odd") != NULL);
    haq_graph_free(g);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(two_at_a_time_give_what_one_gives),
        HAQ_TEST(an_input_outlives_a_run),
        HAQ_TEST(step_times_add_up_to_the_run),
        HAQ_TEST(a_watcher_sees_every_float_tensor),
        HAQ_TEST(what_cannot_run_is_refused_by_name),
        CU_TEST_INFO_NULL,
    };
    return run_suite("contexts", tests);
}
