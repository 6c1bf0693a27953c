/* The memory plan: blocks that live together never share a byte. */
#include <stdbool.h>

#include "runtime/memplan.h"
#include "tests/suite.h"

enum { BLOCKS = 60 };

static bool together(const struct haq_block *a, const struct haq_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static bool share_bytes(const struct haq_block *a, const struct haq_block *b)
{
    return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

/* What any plan needs: the largest sum of blocks alive at one step. */
static size_t peak(const struct haq_block *b, size_t n)
{
    size_t most = 0;
    for (int step = -1; step <= BLOCKS; step++) {
        size_t sum = 0;
        for (size_t i = 0; i < n; i++)
            if (b[i].first <= step && step <= b[i].last)
                sum += b[i].bytes;
        most = sum > most ? sum : most;
    }
    return most;
}

static void random_blocks(struct haq_block *b, uint64_t seed)
{
    for (int i = 0; i < BLOCKS; i++) {
        int length = (int)(next_random(&seed) % 8);
        b[i].first = (int)(next_random(&seed) % BLOCKS) - 1;
        b[i].last = b[i].first + length;
        b[i].bytes = 1 + (size_t)(next_random(&seed) % 5000);
    }
}

static void blocks_that_live_together_share_nothing(void)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct haq_block b[BLOCKS];
        size_t total, clashes = 0, outside = 0;
        random_blocks(b, seed);
        CU_ASSERT_FATAL(!haq_memplan(b, BLOCKS, &total, NULL));
        for (int i = 0; i < BLOCKS; i++) {
            outside += b[i].offset + b[i].bytes > total || b[i].offset % 64;
            for (int k = 0; k < i; k++)
                clashes += together(&b[i], &b[k]) && share_bytes(&b[i], &b[k]);
        }
        CU_ASSERT(clashes == 0);
        CU_ASSERT(outside == 0);
    }
}

static void memory_is_close_to_the_least_that_is_needed(void)
{
    double worst = 0, sum = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct haq_block b[BLOCKS];
        size_t total;
        random_blocks(b, seed);
        CU_ASSERT_FATAL(!haq_memplan(b, BLOCKS, &total, NULL));
        double ratio = (double)total / (double)peak(b, BLOCKS);
        worst = ratio > worst ? ratio : worst;
        sum += ratio;
    }
    CU_ASSERT(worst < 1.5);
    CU_ASSERT(sum / 300 < 1.15);
}

static void a_chain_needs_its_two_largest_neighbours(void)
{
    struct haq_block b[] = {
        {1000, 0, 1, 0}, {2000, 1, 2, 0}, {640, 2, 3, 0}, {2048, 3, 4, 0}};
    size_t total;
    CU_ASSERT(!haq_memplan(b, 4, &total, NULL));
    CU_ASSERT(total == 1024 + 2048);
}

static void nothing_needs_nothing(void)
{
    size_t total = 1;
    CU_ASSERT(!haq_memplan(NULL, 0, &total, NULL));
    CU_ASSERT(total == 0);
}

static void sizes_beyond_the_address_space_are_refused(void)
{
    struct haq_block b[] = {{SIZE_MAX / 2, 0, 1, 0},
                            {SIZE_MAX / 2 + 2, 0, 1, 0}};
    size_t total;
    CU_ASSERT(haq_memplan(b, 2, &total, NULL) == HAQ_INVALID);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(blocks_that_live_together_share_nothing),
        HAQ_TEST(memory_is_close_to_the_least_that_is_needed),
        HAQ_TEST(a_chain_needs_its_two_largest_neighbours),
        HAQ_TEST(nothing_needs_nothing),
        HAQ_TEST(sizes_beyond_the_address_space_are_refused),
        CU_TEST_INFO_NULL,
    };
    return run_suite("memory plan", tests);
}
