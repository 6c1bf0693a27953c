#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "wire/link.h"
#include "worker/worker.h"

static const char usage[] =
    "haq-worker - measures candidates for a coordinator\n\n"
    "usage: haq-worker --connect ENDPOINT --id NAME [--leash FD]\n\n"
    "  --connect ENDPOINT  the coordinator's socket, ipc:///run/haq/s\n"
    "  --id NAME           what the coordinator calls this worker\n"
    "  --leash FD          end when this descriptor breaks\n"
    "  --version, --help\n\n"
    "`haq search` starts its workers itself.\n";

static bool is_id(const char *id)
{
    size_t n = strlen(id);
    for (size_t i = 0; i < n; i++)
        if (id[i] <= ' ' || id[i] > '~')
            return false;
    return n && n < HAQ_LINK_ID;
}

static haq_status parse(int argc, char **argv, struct haq_worker_config *k,
                        bool *help, struct haq_diag *d)
{
    static const struct option options[] = {
        {"connect", required_argument, NULL, 'c'},
        {"id", required_argument, NULL, 'i'},
        {"leash", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int o;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'c')
            k->endpoint = optarg;
        else if (o == 'i')
            k->id = optarg;
        else if (o == 'l')
            k->leash = atoi(optarg);
        else if (o == 'h' || o == 'v') {
            fputs(o == 'h' ? usage : "haqfleet " HAQ_VERSION "\n", stdout);
            *help = true;
            return HAQ_OK;
        } else
            return haq_fail(d, HAQ_USAGE, "see haq-worker --help");
    }
    if (!k->endpoint || !k->id || !is_id(k->id) || optind < argc)
        return haq_fail(d, HAQ_USAGE,
                        "--connect ENDPOINT and --id NAME are needed "
                        "(haq-worker --help)");
    return HAQ_OK;
}

int haq_worker_main(int argc, char **argv, const struct haq_task_runner *runner)
{
    struct haq_worker_config config = {.leash = -1};
    struct haq_diag d = {HAQ_OK, ""};
    bool help = false;
    haq_status s = parse(argc, argv, &config, &help, &d);
    if (s == HAQ_OK && !help) {
        if (config.leash >= 0) {
            /* Ctrl-C reaches the whole group; our starter decides. */
            signal(SIGINT, SIG_IGN);
            fcntl(config.leash, F_SETFD, FD_CLOEXEC);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
        }
        signal(SIGPIPE, SIG_IGN);
        s = haq_worker_run(&config, runner, &d);
    }
    if (s != HAQ_OK)
        fprintf(stderr, "haq-worker: %s\n", d.text);
    return haq_status_exit(s);
}
