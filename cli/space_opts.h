/* cli/space_opts.h - options of a search about what it may choose. */
#ifndef HAQ_CLI_SPACE_OPTS_H
#define HAQ_CLI_SPACE_OPTS_H

#include "cli/cli.h"
#include "search/search.h"

/* As they stand on the command line. */
struct haq_space_opts {
    struct haq_opt_list pins, bans;
    const char *formats, *first_last, *file, *target;
};

/* What they mean: rules, the target's abilities. */
struct haq_space_wish;

/* Read the options, and put what a search takes of them into `c`, which borrows
 * from the wish.  Without a target it is this machine's CPU under `isa`.
 * HAQ_USAGE; of files as haq_space_file_read and haq_target_read; HAQ_NOMEM. */
haq_status haq_space_wish_new(struct haq_space_wish **out,
                              const struct haq_space_opts *o, unsigned isa,
                              struct haq_search_config *c, struct haq_diag *d);
void haq_space_wish_free(struct haq_space_wish *w);

/* Rules and target, for the identity of a job; borrowed.  NULL: there is
 * nothing to say. */
const json_t *haq_space_wish_json(const struct haq_space_wish *w);

#endif
