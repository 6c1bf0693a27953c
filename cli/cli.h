/* cli/cli.h - what every command of `haq` shares: the table, option parsing,
 * output.
 *
 * A command is one file cmd_<name>.c with one row in cli/commands.c.  Its
 * options are rows of a table; --help is made from it.
 */
#ifndef HAQ_CLI_CLI_H
#define HAQ_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/status.h"

enum haq_opt_type {
    HAQ_OPT_FLAG,     /* bool: present or not */
    HAQ_OPT_TEXT,     /* const char * (borrowed from argv) */
    HAQ_OPT_LIST,     /* struct haq_opt_list: may be given several times */
    HAQ_OPT_COUNT,    /* size_t >= 0 */
    HAQ_OPT_SEED,     /* uint64_t */
    HAQ_OPT_REAL,     /* double, finite */
    HAQ_OPT_BYTES,    /* double: 1500, 150K, 2M, 1G (powers of 1000) */
    HAQ_OPT_DURATION, /* double seconds: 90, 90s, 10m, 2h */
    HAQ_OPT_ISA       /* unsigned mask, see base/cpu.h */
};

enum { HAQ_OPT_LIST_MAX = 32 };
struct haq_opt_list {
    const char *item[HAQ_OPT_LIST_MAX];
    size_t n;
};

struct haq_opt {
    const char *name; /* "max-drop" */
    char letter;      /* short form, 0 = none */
    enum haq_opt_type type;
    void *dest;      /* keeps its value when the option is absent */
    const char *arg; /* "POINTS" in the help; NULL for flags */
    const char *help;
};

/* Options that every command has; they are added by haq_opts_parse. */
struct haq_common {
    bool json, quiet, help;
    unsigned isa;
    size_t threads; /* 0 = all physical cores */
};
void haq_common_init(struct haq_common *c);

struct haq_command {
    const char *name;
    const char *synopsis; /* "MODEL --data D.npz [options]" */
    const char *summary;  /* one line */
    const char *example;  /* complete command line */
    /* argv[0] is the command's name.  The sentence for the user is in d. */
    haq_status (*run)(const struct haq_command *self, int argc, char **argv,
                      struct haq_diag *d);
};

extern const struct haq_command haq_commands[]; /* ends with a NULL name */

/* Parse argv[1..) into the options' destinations and `common`; positional
 * arguments go to pos[0..max_pos), the others stay as they were.  With --help
 * prints it and sets common->help: the caller then returns HAQ_OK at once.
 * HAQ_USAGE: unknown option, missing or bad value, fewer than min_pos or more
 * than max_pos arguments. */
haq_status haq_opts_parse(const struct haq_command *self,
                          const struct haq_opt *opts, size_t n_opts,
                          struct haq_common *common, int argc, char **argv,
                          const char **pos, size_t min_pos, size_t max_pos,
                          struct haq_diag *d);

/* One JSON document on standard output; consumes the reference. HAQ_IO. */
haq_status haq_print_json(json_t *j, struct haq_diag *d);

/* "NAME=N" items to bindings; out is [list->n], names live in the arena.
 * HAQ_USAGE. */
struct haq_dim_binding;
haq_status haq_parse_dims(struct haq_dim_binding *out,
                          const struct haq_opt_list *list, struct haq_arena *a,
                          struct haq_diag *d);

/* A table for the terminal: columns padded to their widest cell, right-aligned
 * where the header starts with '>'.  Cells are filled row by row and copied. */
struct haq_table;
struct haq_table *haq_table_new(size_t columns, const char *const *headers);
void haq_table_cell(struct haq_table *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void haq_table_print(struct haq_table *t, FILE *f); /* frees t */

#endif
