/* hwprofiles/cpuset.h - a set of CPU numbers, and the two ways in which Linux
 * and hwloc write it.
 */
#ifndef HAQ_HWPROFILES_CPUSET_H
#define HAQ_HWPROFILES_CPUSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HAQ_CPUS_MAX = 8192 }; /* the largest NR_CPUS that Linux is built with */

struct haq_cpuset {
    uint64_t word[HAQ_CPUS_MAX / 64]; /* bit c % 64 of word c / 64 */
};

/* c < HAQ_CPUS_MAX. */
void haq_cpuset_add(struct haq_cpuset *s, size_t c);
bool haq_cpuset_has(const struct haq_cpuset *s, size_t c);
void haq_cpuset_and(struct haq_cpuset *s, const struct haq_cpuset *other);
size_t haq_cpuset_count(const struct haq_cpuset *s);
void haq_cpuset_all(struct haq_cpuset *s);

/* "0-3,8" (cpuset files, Cpus_allowed_list); white space around is skipped and
 * nothing at all is the empty set.  False: not such a list, or a CPU beyond
 * HAQ_CPUS_MAX; *s is then unspecified. */
bool haq_cpuset_parse_list(struct haq_cpuset *s, const char *text);

/* "0x00000001,,0x0000ffff": words of 32 bits, the highest first (hwloc).  False
 * likewise, and for hwloc's infinite sets ("0xf...f"). */
bool haq_cpuset_parse_mask(struct haq_cpuset *s, const char *text);

/* The list form, cut to `size` (> 0). */
void haq_cpuset_text(char *out, size_t size, const struct haq_cpuset *s);

#endif
