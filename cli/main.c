#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void print_usage(FILE *f)
{
    fputs("haq - which number format for which layer, measured on this "
          "machine\n\nusage: haq COMMAND [options]\n\ncommands:\n",
          f);
    for (const struct haq_command *c = haq_commands; c->name; c++)
        fprintf(f, "  %-12s %s\n", c->name, c->summary);
    fputs("\n`haq COMMAND --help` shows a command's options with an example.\n",
          f);
}

static const struct haq_command *find_command(const char *name)
{
    for (const struct haq_command *c = haq_commands; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
        print_usage(argc < 2 ? stderr : stdout);
        return haq_status_exit(argc < 2 ? HAQ_USAGE : HAQ_OK);
    }
    if (!strcmp(argv[1], "--version")) {
        puts("haqfleet " HAQ_VERSION);
        return 0;
    }
    const struct haq_command *c = find_command(argv[1]);
    if (!c) {
        fprintf(stderr, "haq: no command \"%s\" (haq --help lists them)\n",
                argv[1]);
        return haq_status_exit(HAQ_USAGE);
    }

    struct haq_diag d = {HAQ_OK, ""};
    haq_status s = c->run(c, argc - 1, argv + 1, &d);
    if (s != HAQ_OK)
        fprintf(stderr, "haq %s: %s\n", c->name,
                d.text[0] ? d.text : haq_status_text(s));
    return haq_status_exit(s);
}
