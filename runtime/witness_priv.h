/* runtime/witness_priv.h - how witnesses look into the system. */
#ifndef HAQ_RUNTIME_WITNESS_PRIV_H
#define HAQ_RUNTIME_WITNESS_PRIV_H

#include "runtime/witness.h"

enum { HAQ_CPUS_MAX = 1024, HAQ_LOOK_TEXT = 1 << 17 };

/* Everything that can be read at one moment; NAN: cannot.  "The threads" are
 * the ones that will be timed, "the CPUs" those that they may run on with their
 * siblings. */
struct haq_look {
    double preempted, yielded; /* context switches of the threads */
    double waited_ns;          /* runnable, but no CPU */
    double allowed; /* another number when the threads' CPUs change */
    double steal_ns, others_ns;   /* of the CPUs: by the host, by others */
    double mhz;                   /* slowest CPU of the threads */
    double overheated;            /* times */
    double wall_ms;               /* wall clock minus raw clock */
    double quota_cpus, throttled; /* of the cgroups above us: least, times */
    double online_cpus;
    double chain_ns, fan_ns, hand_over_ns; /* runtime/spin.h */
};

struct haq_witnesses {
    struct haq_witness_config config;
    char *root;             /* "" for the machine itself */
    pid_t *thread;          /* [config.threads] */
    bool own[HAQ_CPUS_MAX]; /* the threads may run on it */
    bool cpu[HAQ_CPUS_MAX]; /* that, or a sibling of one */
    double cpus;            /* how many those are */
    char *text;             /* [HAQ_LOOK_TEXT] the latest file */
    struct haq_reading first;
    double least[HAQ_WITNESSES], most[HAQ_WITNESSES]; /* of all readings */
    bool missing[HAQ_WITNESSES];
    size_t renewed;
};

void haq_look(struct haq_witnesses *w, struct haq_look *out);

/* Fill in own[] and cpu[]; all false when nothing can be read. */
void haq_look_for_cpus(struct haq_witnesses *w);

#endif
