#include "worker/drift.h"

#include <math.h>

#include "base/rng.h"
#include "tests/suite.h"

/* Task after task, each with a check; the first alarm, or -1. */
static int first_alarm(struct haq_drift *d, struct haq_rng *r, int tasks,
                       int moved_at, double factor, double noise,
                       struct haq_drift_alarm *out)
{
    for (int t = 0; t < tasks; t++) {
        double ms = 4 * exp(noise * haq_rng_normal(r));
        bool alarm = haq_drift_check(d, t >= moved_at ? ms * factor : ms, out);
        haq_drift_task_done(d);
        if (alarm)
            return t;
    }
    return -1;
}

static void a_planted_drift_is_found_and_dated(void)
{
    struct haq_rng r;
    int late = 0, misdated = 0;
    haq_rng_seed(&r, 1);
    for (int trial = 0; trial < 200; trial++) {
        struct haq_drift d = {.n = 0};
        struct haq_drift_alarm a;
        int at = first_alarm(&d, &r, 60, 40, 1.03, 0.004, &a);
        late += at < 40 || at > 46;
        if (at < 40)
            continue;
        CU_ASSERT_DOUBLE_EQUAL(a.expected_ms, 4, 0.06);
        CU_ASSERT_DOUBLE_EQUAL(a.reference_ms, 4.12, 0.08);
        /* All since task 40, and few before it. */
        misdated += (int)a.again < at - 40 || (int)a.again > at - 40 + 6;
    }
    CU_ASSERT(late <= 4);
    CU_ASSERT(misdated <= 10);
}

static void a_steady_device_raises_no_alarm(void)
{
    struct haq_rng r;
    struct haq_drift_alarm a;
    int alarms = 0;
    haq_rng_seed(&r, 2);
    for (int trial = 0; trial < 200; trial++) {
        struct haq_drift d = {.n = 0};
        alarms += first_alarm(&d, &r, 100, 100, 1, 0.004, &a) >= 0;
    }
    CU_ASSERT(alarms <= 4);
}

static void after_an_alarm_the_new_level_is_learned(void)
{
    struct haq_rng r;
    struct haq_drift d = {.n = 0};
    struct haq_drift_alarm a;
    haq_rng_seed(&r, 3);
    CU_ASSERT(first_alarm(&d, &r, 60, 20, 1.2, 0.002, &a) >= 20);
    CU_ASSERT_EQUAL(first_alarm(&d, &r, 60, 0, 1.2, 0.002, &a), -1);
    CU_ASSERT(first_alarm(&d, &r, 60, 0, 1, 0.002, &a) >= 0); /* back again */
    CU_ASSERT_DOUBLE_EQUAL(a.expected_ms, 4.8, 0.1);
}

/* Timed tasks without a check in between are in doubt as well. */
static void a_machine_that_was_never_itself_puts_all_in_doubt(void)
{
    struct haq_drift d = {.n = 0};
    struct haq_drift_alarm a;
    CU_ASSERT_FALSE(haq_drift_renewed(&d, 1, 4, &a)); /* nothing came before */
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_FALSE(haq_drift_renewed(&d, 1, 8, &a));
        CU_ASSERT_FALSE(haq_drift_check(&d, 8, &a));
        haq_drift_task_done(&d);
    }
    CU_ASSERT(haq_drift_renewed(&d, 2, 4, &a));
    CU_ASSERT_EQUAL(a.again, 5);
    CU_ASSERT_DOUBLE_EQUAL(a.expected_ms, 8, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(a.reference_ms, 4, 1e-9);
    CU_ASSERT_FALSE(haq_drift_renewed(&d, 2, 4, &a));
}

static void tasks_that_did_not_check_count(void)
{
    struct haq_drift d = {.n = 0};
    struct haq_drift_alarm a;
    bool alarm = false;
    for (int i = 0; i < 10; i++) {
        CU_ASSERT(!haq_drift_check(&d, 4, &a));
        haq_drift_task_done(&d);
        haq_drift_task_done(&d); /* a profile */
    }
    int checks = 0;
    while (!alarm) {
        checks++;
        alarm = haq_drift_check(&d, 4.4, &a);
        if (!alarm) {
            haq_drift_task_done(&d);
            haq_drift_task_done(&d);
        }
    }
    CU_ASSERT_EQUAL(checks, 2);
    /* The profile after the good check, and the two tasks after the first bad
     * one. */
    CU_ASSERT_EQUAL(a.again, 3);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(a_planted_drift_is_found_and_dated),
        HAQ_TEST(a_steady_device_raises_no_alarm),
        HAQ_TEST(after_an_alarm_the_new_level_is_learned),
        HAQ_TEST(a_machine_that_was_never_itself_puts_all_in_doubt),
        HAQ_TEST(tasks_that_did_not_check_count),
        CU_TEST_INFO_NULL};
    return run_suite("drift", tests);
}
