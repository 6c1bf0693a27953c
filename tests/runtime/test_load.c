/* Clients at once on one plan: what they compute, and what is counted. */
#include "runtime/load.h"

#include "base/clock.h"
#include "tests/runtime/net.h"

struct subject {
    struct net net;
    struct ref x, y;
    struct haq_plan *plan;
};

static void set_up(struct subject *s)
{
    struct haq_act_spec a = act("uint8");
    struct haq_plan_options opt = {.isa = haq_cpu_isa()};
    struct layer l = {window(3, 1, 1, 1, 1), 32, "int8", none};
    int in, out;

    s->x = ref_new(1, 12, 12, 16);
    s->net = new_net(7, &s->x, &in);
    for (size_t i = 0; i < ref_count(&s->x); i++)
        s->x.real[i] = uniform(&s->net);
    ref_quantize(&s->x, &a);
    s->y = add_layer(&s->net, &l, in, &s->x, &a, NULL, &out);
    end_net(&s->net, in, out);
    CU_ASSERT_FATAL(!haq_plan_new(&s->plan, s->net.g, &s->net.q, &opt, NULL));
}

static void tear_down(struct subject *s)
{
    haq_plan_free(s->plan);
    free_net(&s->net);
    ref_free(&s->x), ref_free(&s->y);
}

static void every_client_gets_its_own_answers(void)
{
    enum { CLIENTS = 5 }; /* more than cores here */
    struct subject s;
    struct haq_load *l;

    set_up(&s);
    CU_ASSERT_FATAL(!haq_load_new(&l, s.plan, CLIENTS, NULL));
    for (size_t i = 0; i < CLIENTS; i++) {
        float *x = haq_exec_input(haq_load_exec(l, i), 0);
        for (size_t k = 0; k < ref_count(&s.x); k++)
            x[k] = i % 2 ? s.x.real[k] : 0;
    }
    haq_load_run(l, 20000000);
    for (size_t i = 1; i < CLIENTS; i += 2) {
        const float *y = haq_exec_output(haq_load_exec(l, i), 0);
        CU_ASSERT(!memcmp(y, s.y.real, ref_count(&s.y) * sizeof *y));
    }
    haq_load_free(l);
    tear_down(&s);
}

static void requests_and_time_add_up(void)
{
    struct subject s;
    struct haq_load *l;
    struct haq_load_result r, again;

    set_up(&s);
    CU_ASSERT_FATAL(!haq_load_new(&l, s.plan, 2, NULL));
    haq_load_summary(l, &r);
    CU_ASSERT_EQUAL(r.requests, 0);
    uint64_t before = haq_clock_ns();
    haq_load_run(l, 30000000);
    double most = (double)(haq_clock_ns() - before) * 1e-9;
    haq_load_summary(l, &r);
    CU_ASSERT_EQUAL(r.clients, 2);
    CU_ASSERT(r.requests >= 2);
    CU_ASSERT(r.seconds >= 0.03 && r.seconds <= most);
    CU_ASSERT_DOUBLE_EQUAL(r.per_second * r.seconds, (double)r.requests, 1e-6);
    CU_ASSERT(0 < r.p50_ms && r.p50_ms <= r.p90_ms && r.p90_ms <= r.p99_ms &&
              r.p99_ms <= r.max_ms);
    /* No client can have answered more than its time allows. */
    CU_ASSERT((double)r.requests * r.p50_ms / 2 <= 2 * 1000 * r.seconds);
    haq_load_run(l, 30000000);
    haq_load_summary(l, &again);
    CU_ASSERT(again.requests > r.requests);
    CU_ASSERT(again.seconds >= 0.06);
    haq_load_free(l);
    tear_down(&s);
}

/* Even when one takes longer than all the time there is. */
static void every_client_is_heard_once(void)
{
    struct subject s;
    struct haq_load *l;
    struct haq_load_result r;

    set_up(&s);
    CU_ASSERT_FATAL(!haq_load_new(&l, s.plan, 3, NULL));
    haq_load_run(l, 1);
    haq_load_summary(l, &r);
    CU_ASSERT(r.requests >= 3);
    haq_load_free(l);
    tear_down(&s);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_client_gets_its_own_answers),
        HAQ_TEST(requests_and_time_add_up),
        HAQ_TEST(every_client_is_heard_once),
        CU_TEST_INFO_NULL,
    };
    return run_suite("load", tests);
}
