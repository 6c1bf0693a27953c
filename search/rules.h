/* search/rules.h - what a user, a file or a target takes out of a search space.
 *
 *     all options of a layer
 *       - what the target cannot run                  haq_space_target
 *       - what rules forbid: pins, bans, ends          haq_space_apply
 *       = ties: what is left for all layers of a group
 *
 * A rule stands for layers by a pattern of fnmatch(3): '*' also stands for '/'.
 * Layers are named by their output tensor or by their weight.
 */
#ifndef HAQ_SEARCH_RULES_H
#define HAQ_SEARCH_RULES_H

#include <jansson.h>

#include "base/arena.h"
#include "search/space.h"

struct haq_list; /* hwprofiles/fields.h */

struct haq_rule {
    const char *where;   /* for errors: "--pin conv1=int8", "s.yaml:3:5" */
    const char *pattern; /* NULL: the first and the last layer */
    haq_options keep;    /* the others go */
    haq_status blame;    /* what a rule that cannot be kept is: HAQ_USAGE on
                            a command line, HAQ_INVALID in a file */
};

struct haq_tie {
    const char *where;
    const char **pattern; /* [n] */
    size_t n;
    haq_status blame;
};

/* Everything is in the arena of whoever makes them. */
struct haq_rules {
    struct haq_arena *arena;
    struct haq_rule *rule; /* [n] in order */
    struct haq_tie *tie;   /* [ties] */
    size_t n, ties, room, tie_room;
};

/* HAQ_NOMEM. */
haq_status haq_rules_add(struct haq_rules *r, const struct haq_rule *rule,
                         struct haq_diag *d);
haq_status haq_rules_tie(struct haq_rules *r, const struct haq_tie *tie,
                         struct haq_diag *d);

/* Options of the command line; FORMAT as haq_options_parse reads it.
 *   pin  "PATTERN=FORMAT"            only this format
 *   ban  "FORMAT", "PATTERN=FORMAT"  never this one
 *   ends "FORMAT", "free"            of the first and the last layer
 * HAQ_USAGE, HAQ_NOMEM. */
haq_status haq_rules_pin(struct haq_rules *r, const char *text,
                         struct haq_diag *d);
haq_status haq_rules_ban(struct haq_rules *r, const char *text,
                         struct haq_diag *d);
haq_status haq_rules_ends(struct haq_rules *r, const char *text,
                          struct haq_diag *d);

/* The rules as JSON, equal when the rules are: what makes a search this one.
 * New reference; NULL: no memory. */
json_t *haq_rules_json(const struct haq_rules *r);

/* Take from the space what the rules forbid.  Layers that share their weights
 * are tied besides: they are one tensor.
 * rule->blame: no layer has that name, or a layer would be left with nothing;
 * the sentence names rule, layer and what was left before. */
haq_status haq_space_apply(struct haq_space *s, const struct haq_rules *r,
                           struct haq_diag *d);

/* Take from the space what a device with these capability rows cannot execute.
 * A layer for which that leaves nothing stays float, and `warn` is told why. */
typedef void haq_warn_fn(void *ctx, const char *sentence);
void haq_space_target(struct haq_space *s, const struct haq_list *capabilities,
                      const char *device, haq_warn_fn *warn, void *ctx);

#endif
