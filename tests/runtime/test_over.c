/* Steps that write over an input change nothing but the memory they need. */
#include "tests/runtime/net.h"

#include "tests/suite.h"

enum { COUNT = 100 };

/* neg = -x; abs = |neg|, not over neg, which is read again; sum = abs + neg,
 * over neg; more = sum + abs, over one of them; out = sqrt(more), over more. */
struct subject {
    struct net t;
    struct ref x;
    int in, neg, abs, sum, more, out;
    struct haq_plan *plan;
    struct haq_exec *exec;
};

static int unary(struct net *t, enum haq_opcode op, int in, const struct ref *x)
{
    int out = add_value(t, x);
    add_node(t, op, &in, 1, out);
    return out;
}

static int add(struct net *t, int a, int b, const struct ref *x)
{
    int in[] = {a, b}, out = add_value(t, x);
    t->g->nodes[add_node(t, HAQ_OP_ADD, in, 2, out)].clamp = none;
    return out;
}

static void set_up(struct subject *s)
{
    struct haq_plan_options opt = {.isa = haq_cpu_isa()};
    s->x = ref_new(1, 1, 1, COUNT);
    s->t = new_net(1, &s->x, &s->in);
    s->neg = unary(&s->t, HAQ_OP_NEG, s->in, &s->x);
    s->abs = unary(&s->t, HAQ_OP_ABS, s->neg, &s->x);
    s->sum = add(&s->t, s->abs, s->neg, &s->x);
    s->more = add(&s->t, s->sum, s->abs, &s->x);
    s->out = unary(&s->t, HAQ_OP_SQRT, s->more, &s->x);
    end_net(&s->t, s->in, s->out);
    CU_ASSERT_FATAL(!haq_plan_new(&s->plan, s->t.g, NULL, &opt, NULL));
    CU_ASSERT_FATAL(!haq_exec_new(&s->exec, s->plan, NULL, NULL));
    float *x = haq_exec_input(s->exec, 0);
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)(i - COUNT / 2);
}

static void tear_down(struct subject *s)
{
    haq_exec_free(s->exec);
    haq_plan_free(s->plan);
    free_net(&s->t);
    ref_free(&s->x);
}

static float value_of(const struct subject *s, int value, float x)
{
    if (value == s->in)
        return x;
    if (value == s->neg)
        return -x;
    if (value == s->abs)
        return fabsf(x);
    if (value == s->sum)
        return fabsf(x) - x;
    float more = 2 * fabsf(x) - x;
    return value == s->more ? more : sqrtf(more);
}

static void outputs_and_inputs_are_right_every_time(void)
{
    struct subject s;
    set_up(&s);
    const float *x = haq_exec_input(s.exec, 0);
    for (int run = 0; run < 2; run++) {
        haq_exec_run(s.exec);
        const float *y = haq_exec_output(s.exec, 0);
        for (int i = 0; i < COUNT; i++) {
            float real = (float)(i - COUNT / 2);
            CU_ASSERT_EQUAL(x[i], real);
            CU_ASSERT_EQUAL(y[i], value_of(&s, s.out, real));
        }
    }
    tear_down(&s);
}

struct watch {
    const struct subject *s;
    int seen, wrong;
};

static bool look(void *arg, int value, const float *data, size_t count)
{
    struct watch *w = arg;
    w->seen++;
    for (size_t i = 0; i < count; i++) {
        float want = value_of(w->s, value, (float)((int)i - COUNT / 2));
        w->wrong += data[i] < want || data[i] > want;
    }
    return true;
}

static void observers_see_every_value_once(void)
{
    struct subject s;
    set_up(&s);
    struct watch w = {.s = &s};
    haq_exec_run_watched(s.exec, look, &w);
    CU_ASSERT_EQUAL(w.seen, 6);
    CU_ASSERT_EQUAL(w.wrong, 0);
    tear_down(&s);
}

static void memory_is_that_of_the_values_alive(void)
{
    struct subject s;
    set_up(&s);
    /* x for the next run, and two values at a time */
    CU_ASSERT(haq_plan_arena_bytes(s.plan) <= 3 * 512);
    tear_down(&s);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(outputs_and_inputs_are_right_every_time),
        HAQ_TEST(observers_see_every_value_once),
        HAQ_TEST(memory_is_that_of_the_values_alive),
        CU_TEST_INFO_NULL,
    };
    return run_suite("writing over inputs", tests);
}
