/* arena, buf and map: what the rest of the tree builds its data with. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "tests/suite.h"

static void arena_memory_is_zeroed_aligned_and_apart(void)
{
    struct haq_arena a;
    unsigned char *p[200];
    uint64_t rng = 1;

    haq_arena_init(&a);
    for (size_t i = 0; i < 200; i++) {
        size_t n = next_random(&rng) % 3000;
        p[i] = haq_arena_alloc(&a, n);
        CU_ASSERT_PTR_NOT_NULL_FATAL(p[i]);
        CU_ASSERT_EQUAL((uintptr_t)p[i] % 64, 0);
        for (size_t k = 0; k < n; k++)
            CU_ASSERT_FATAL(p[i][k] == 0);
        memset(p[i], (int)i, n ? n : 1);
    }
    for (size_t i = 0; i < 200; i++)
        CU_ASSERT_EQUAL(p[i][0], i);
    haq_arena_fini(&a);
}

static void arena_refuses_sizes_that_overflow(void)
{
    struct haq_arena a;
    haq_arena_init(&a);
    CU_ASSERT_PTR_NULL(haq_arena_array(&a, SIZE_MAX / 2, 3));
    CU_ASSERT_PTR_NULL(haq_arena_alloc(&a, SIZE_MAX));
    CU_ASSERT_PTR_NOT_NULL(haq_arena_alloc(&a, 5 << 20));
    haq_arena_fini(&a);
}

static void arena_copies_strings(void)
{
    struct haq_arena a;
    haq_arena_init(&a);
    CU_ASSERT_STRING_EQUAL(haq_arena_strdup(&a, "layer"), "layer");
    CU_ASSERT_STRING_EQUAL(haq_arena_printf(&a, "%d/%s", 7, "x"), "7/x");
    CU_ASSERT_EQUAL(memcmp(haq_arena_copy(&a, "a\0b", 3), "a\0b", 3), 0);
    haq_arena_fini(&a);
}

static void a_buffer_grows_and_hands_itself_over(void)
{
    struct haq_buf b;
    haq_buf_init(&b);
    for (int i = 0; i < 1000; i++)
        haq_buf_printf(&b, "%d,", i);
    haq_buf_add(&b, "\0z", 2);
    CU_ASSERT_FALSE(b.failed);
    CU_ASSERT_EQUAL(b.len, 10 * 2 + 90 * 3 + 900 * 4 + 2);
    CU_ASSERT_EQUAL(b.data[b.len], 0);
    size_t len = b.len;
    char *text = haq_buf_take(&b);
    CU_ASSERT_EQUAL(memcmp(text + len - 6, "999,\0z", 6), 0);
    CU_ASSERT_EQUAL(b.len, 0);
    free(text);
    text = haq_buf_take(&b);
    CU_ASSERT_STRING_EQUAL(text, "");
    free(text);
}

static void a_failed_append_leaves_the_content(void)
{
    struct haq_buf b;
    haq_buf_init(&b);
    haq_buf_puts(&b, "kept");
    haq_buf_add(&b, "", SIZE_MAX / 2);
    CU_ASSERT(b.failed);
    CU_ASSERT_STRING_EQUAL(b.data, "kept");
    haq_buf_puts(&b, "ignored");
    CU_ASSERT_STRING_EQUAL(b.data, "kept");
    CU_ASSERT_PTR_NULL(haq_buf_take(&b));
    CU_ASSERT_PTR_NULL(b.data);
}

static void a_map_finds_what_was_put_and_keeps_the_order(void)
{
    enum { N = 5000 };
    static char keys[N][12];
    struct haq_map m;

    haq_map_init(&m);
    CU_ASSERT_PTR_NULL(haq_map_get(&m, "absent"));
    for (size_t i = 0; i < N; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i * 7919 % 100000);
        CU_ASSERT_FATAL(haq_map_put(&m, keys[i], keys[i]));
    }
    CU_ASSERT_EQUAL(m.len, N);
    for (size_t i = 0; i < N; i++) {
        CU_ASSERT_PTR_EQUAL(haq_map_get(&m, keys[i]), keys[i]);
        CU_ASSERT_PTR_EQUAL(m.entries[i].key, keys[i]);
    }
    CU_ASSERT(haq_map_put(&m, "k0", NULL));
    CU_ASSERT_EQUAL(m.len, N);
    CU_ASSERT(haq_map_has(&m, "k0"));
    CU_ASSERT_FALSE(haq_map_has(&m, "k-1"));
    haq_map_fini(&m);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(arena_memory_is_zeroed_aligned_and_apart),
        HAQ_TEST(arena_refuses_sizes_that_overflow),
        HAQ_TEST(arena_copies_strings),
        HAQ_TEST(a_buffer_grows_and_hands_itself_over),
        HAQ_TEST(a_failed_append_leaves_the_content),
        HAQ_TEST(a_map_finds_what_was_put_and_keeps_the_order),
        CU_TEST_INFO_NULL};
    return run_suite("memory", tests);
}
