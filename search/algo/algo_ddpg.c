/* HAQ's agent (Wang et al. 2019): deep deterministic policy gradient over the
 * genes of a vector, one step each, with the budget rewind.
 *
 *     state of gene 1 -> actor -> value of gene 1 -> state of gene 2 -> ...
 *     whole vector -> rewound from its end until it costs what it may -> told
 *     reward of the vector -> every step of it -> replay -> critic, actor
 *
 * As in the released code: 300 hidden units twice, Adam with 1e-4 and 1e-3,
 * discount 1, targets that follow by 0.01, batches of 64, the first 21 episodes
 * at random, noise of a truncated normal that shrinks by 1 % an episode, one
 * update per step at the end of an episode, rewards less their moving average.
 * What differs: the paper's agent knows one budget, so that several agents with
 * budgets of their own take turns here, and the rewards are scaled to 100
 * points between the widest and the narrowest vector.
 */
#include "search/algo/algo_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/archive.h"
#include "search/algo/perceptron.h"

enum {
    HIDDEN = 300,
    BATCH = 64,
    WARM_UP = 20, /* episodes, and one more */
    REPLAY_EPISODES = 128,
    FREE_EPISODES =
        4,       /* of the policy, then at random, that come to known vectors */
    TRIES = 100, /* of a truncated normal */
    OWN_FEATURES = 2, /* number of the gene, value before */
    NONE = -1
};

static const float actor_rate = 1e-4F, critic_rate = 1e-3F, follow = 0.01F;
static const double sigma = 0.5, sigma_decay = 0.99, baseline_part = 0.5;
static const double points = 100, per_point = 0.1; /* of reward */

/* Parts of the cost of 8 bits everywhere; the second is the paper's. */
static const double budgets[] = {0.75, 0.556, 0.35};
enum { AGENTS = sizeof budgets / sizeof *budgets };

struct transition {
    float action;
    double reward;
    bool last;
};

struct agent {
    double budget;
    struct haq_perceptron actor, critic, actor_target, critic_target;
    /* Ring of whole episodes: state [room][steps + 1][features]; the one behind
     * an episode's last step repeats that. */
    float *state;
    struct transition *replay; /* [room][steps] */
    size_t episodes;           /* finished */
    double average;            /* of rewards */
    bool averaged;
    long candidate; /* number proposed, or NONE */
};

struct haq_algo_run {
    struct haq_archive a;
    struct haq_rng rng;
    struct haq_algo_config config;
    size_t *gene; /* [steps] genes that have a choice */
    size_t steps, features;
    float *fixed; /* [steps][features] without the value before */
    float *input; /* [features + 1] state and action */
    int *vector;  /* [genes] */
    struct agent agent[AGENTS];
    size_t widest, narrowest; /* numbers of these vectors */
};

static void agent_fini(struct agent *g)
{
    haq_perceptron_fini(&g->actor);
    haq_perceptron_fini(&g->critic);
    haq_perceptron_fini(&g->actor_target);
    haq_perceptron_fini(&g->critic_target);
    free(g->state);
    free(g->replay);
}

void haq_ddpg_end(struct haq_algo_run *run)
{
    if (!run)
        return;
    for (size_t i = 0; i < AGENTS; i++)
        agent_fini(&run->agent[i]);
    haq_archive_fini(&run->a);
    free(run->gene);
    free(run->fixed);
    free(run->input);
    free(run->vector);
    free(run);
}

/* ---- start ----------------------------------------------------------------*/

static bool agent_init(struct haq_algo_run *run, struct agent *g, double budget)
{
    size_t f = run->features;
    size_t hidden = run->config.hidden ? run->config.hidden : HIDDEN;
    struct haq_rng *rng = &run->rng;
    *g = (struct agent){.budget = budget, .candidate = NONE};
    if (!haq_perceptron_init(&g->actor, f, hidden, rng) ||
        !haq_perceptron_init(&g->critic, f + 1, hidden, rng) ||
        !haq_perceptron_init(&g->actor_target, f, hidden, rng) ||
        !haq_perceptron_init(&g->critic_target, f + 1, hidden, rng))
        return false;
    haq_perceptron_follow(&g->actor_target, &g->actor, 1);
    haq_perceptron_follow(&g->critic_target, &g->critic, 1);
    g->state = calloc(REPLAY_EPISODES * (run->steps + 1), f * sizeof *g->state);
    g->replay = calloc(REPLAY_EPISODES * run->steps, sizeof *g->replay);
    return g->state && g->replay;
}

/* Columns that differ between genes, scaled to 0 .. 1; the others as they are.
 */
static void scale_column(struct haq_algo_run *run, size_t k)
{
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < run->steps; i++) {
        float v = run->fixed[i * run->features + k];
        low = fminf(low, v), high = fmaxf(high, v);
    }
    for (size_t i = 0; i < run->steps && high > low; i++) {
        float *v = &run->fixed[i * run->features + k];
        *v = (*v - low) / (high - low);
    }
}

static void fill_features(struct haq_algo_run *run)
{
    size_t given = run->config.features, f = run->features;
    for (size_t i = 0; i < run->steps; i++) {
        float *row = run->fixed + i * f;
        for (size_t k = 0; k < given; k++)
            row[k] = (float)run->config.feature[run->gene[i] * given + k];
        row[given] = (float)i;
    }
    for (size_t k = 0; k <= given; k++)
        scale_column(run, k);
}

static bool make_room(struct haq_algo_run *run)
{
    size_t genes = run->a.all.genes;
    run->gene = calloc(genes + 1, sizeof *run->gene);
    run->vector = calloc(genes, sizeof *run->vector);
    if (!run->gene || !run->vector)
        return false;
    for (size_t i = 0; i < genes; i++)
        if (run->a.all.cardinality[i] > 1)
            run->gene[run->steps++] = i;
    run->steps += !run->steps; /* nothing to choose: the one vector ends it */
    run->features = run->config.features + OWN_FEATURES;
    run->fixed = calloc(run->steps, run->features * sizeof *run->fixed);
    run->input = calloc(run->features + 1, sizeof *run->input);
    if (!run->fixed || !run->input)
        return false;
    fill_features(run);
    for (size_t i = 0; i < AGENTS; i++)
        if (!agent_init(run, &run->agent[i], budgets[i]))
            return false;
    return true;
}

/* The vector with every gene at one end; *number is what it has. */
static bool add_end(struct haq_algo_run *run, bool wide, size_t *number)
{
    for (size_t i = 0; i < run->a.all.genes; i++)
        run->a.scratch[i] = wide ? run->a.all.cardinality[i] - 1 : 0;
    return haq_archive_add(&run->a, run->a.scratch) != HAQ_GENOME_NOMEM &&
           haq_genomes_find(&run->a.all, run->a.scratch, number);
}

haq_status haq_ddpg_start(struct haq_algo_run **out,
                          const struct haq_algo_config *c, struct haq_diag *d)
{
    struct haq_algo_run *run = calloc(1, sizeof *run);
    if (!run)
        return haq_fail(d, HAQ_NOMEM, "ddpg");
    run->config = *c;
    haq_rng_seed(&run->rng, c->seed);
    haq_status s = haq_archive_init(&run->a, &run->config, d);
    if (!s && (!make_room(run) || !add_end(run, true, &run->widest) ||
               !add_end(run, false, &run->narrowest)))
        s = haq_fail(d, HAQ_NOMEM, "agents of ddpg");
    if (s)
        haq_ddpg_end(run);
    else
        *out = run;
    return s;
}

/* ---- an episode -----------------------------------------------------------*/

static double act(struct haq_perceptron *actor, const float *state)
{
    return 1 / (1 + exp(-(double)haq_perceptron_forward(actor, state)));
}

static double truncated_normal(struct haq_rng *rng, double mean, double sd)
{
    for (int i = 0; i < TRIES; i++) {
        double x = mean + sd * haq_rng_normal(rng);
        if (x >= 0 && x <= 1)
            return x;
    }
    return mean;
}

/* The value nearest to a point of the range half a value wider at both ends. */
static int value_of(double action, int cardinality)
{
    int v = (int)rint(action * cardinality - 0.5);
    return v < 0 ? 0 : v >= cardinality ? cardinality - 1 : v;
}

static double cost(const struct haq_algo_run *run, const int *vector)
{
    if (run->config.cost)
        return run->config.cost(run->config.arg, vector);
    double sum = 0;
    for (size_t i = 0; i < run->steps; i++) {
        size_t g = run->gene[i];
        int most = run->a.all.cardinality[g] - 1;
        sum += most ? vector[g] / (double)most : 0;
    }
    return sum / (double)run->steps;
}

/* From the last gene to the first one narrower each, again and again, until the
 * budget is kept or nothing is left to narrow. */
static void rewind_to(struct haq_algo_run *run, double budget)
{
    bool moved = true;
    while (moved && cost(run, run->vector) > budget) {
        moved = false;
        for (size_t i = run->steps; i-- > 0;) {
            if (!run->vector[run->gene[i]])
                continue;
            run->vector[run->gene[i]]--;
            moved = true;
            if (cost(run, run->vector) <= budget)
                return;
        }
    }
}

static float *states(const struct haq_algo_run *run, const struct agent *g,
                     size_t episode)
{
    return g->state +
           episode % REPLAY_EPISODES * (run->steps + 1) * run->features;
}

static struct transition *steps(const struct haq_algo_run *run,
                                const struct agent *g, size_t episode)
{
    return g->replay + episode % REPLAY_EPISODES * run->steps;
}

/* One vector, with its states and actions in their places of the ring. */
static void play(struct haq_algo_run *run, struct agent *g, bool at_random)
{
    float *state = states(run, g, g->episodes);
    struct transition *t = steps(run, g, g->episodes);
    size_t f = run->features;
    double before = 1, past = (double)g->episodes - WARM_UP;
    memset(run->vector, 0, run->a.all.genes * sizeof *run->vector);
    for (size_t i = 0; i < run->steps; i++, state += f) {
        int cardinality = run->a.all.cardinality[run->gene[i]];
        memcpy(state, run->fixed + i * f, f * sizeof *state);
        state[f - 1] = (float)before;
        double a = past <= 0 || at_random
                       ? haq_rng_unit(&run->rng)
                       : truncated_normal(&run->rng, act(&g->actor, state),
                                          sigma * pow(sigma_decay, past));
        t[i] = (struct transition){.action = (float)a,
                                   .last = i + 1 == run->steps};
        run->vector[run->gene[i]] = value_of(a, cardinality);
        before = a;
    }
    memcpy(state, state - f, f * sizeof *state);
    rewind_to(run, g->budget);
}

/* ---- learning -------------------------------------------------------------*/

static float critic_value(struct haq_algo_run *run, struct haq_perceptron *c,
                          const float *state, double action)
{
    memcpy(run->input, state, run->features * sizeof *state);
    run->input[run->features] = (float)action;
    return haq_perceptron_forward(c, run->input);
}

struct sample {
    const float *state, *next;
    const struct transition *t;
};

static void draw(struct haq_algo_run *run, const struct agent *g,
                 struct sample batch[BATCH])
{
    size_t n = g->episodes < REPLAY_EPISODES ? g->episodes : REPLAY_EPISODES;
    for (size_t b = 0; b < BATCH; b++) {
        size_t at = (size_t)haq_rng_below(&run->rng, n * run->steps);
        size_t episode = at / run->steps, step = at % run->steps;
        const float *state =
            g->state + (episode * (run->steps + 1) + step) * run->features;
        batch[b] =
            (struct sample){state, state + run->features, g->replay + at};
    }
}

static void learn_critic(struct haq_algo_run *run, struct agent *g,
                         const struct sample *batch)
{
    double mean = 0;
    for (size_t b = 0; b < BATCH; b++)
        mean += batch[b].t->reward / BATCH;
    g->average =
        g->averaged ? g->average + baseline_part * (mean - g->average) : mean;
    g->averaged = true;
    for (size_t b = 0; b < BATCH; b++) {
        const struct sample *x = &batch[b];
        double want = x->t->reward - g->average;
        if (!x->t->last)
            want += (double)critic_value(run, &g->critic_target, x->next,
                                         act(&g->actor_target, x->next));
        float q = critic_value(run, &g->critic, x->state, (double)x->t->action);
        haq_perceptron_backward(&g->critic, run->input,
                                (float)(2 * ((double)q - want) / BATCH), NULL);
    }
    haq_perceptron_step(&g->critic, critic_rate);
}

/* Uphill for the critic. */
static bool learn_actor(struct haq_algo_run *run, struct agent *g,
                        const struct sample *batch)
{
    float *dx = calloc(run->features + 1, sizeof *dx);
    bool ok = dx;
    for (size_t b = 0; ok && b < BATCH; b++) {
        double a = act(&g->actor, batch[b].state);
        critic_value(run, &g->critic, batch[b].state, a);
        haq_perceptron_backward(&g->critic, run->input, 1, dx);
        double slope = (double)dx[run->features] * a * (1 - a) / BATCH;
        haq_perceptron_backward(&g->actor, batch[b].state, (float)-slope, NULL);
    }
    haq_perceptron_clear(&g->critic);
    if (ok)
        haq_perceptron_step(&g->actor, actor_rate);
    free(dx);
    return ok;
}

static bool learn(struct haq_algo_run *run, struct agent *g)
{
    struct sample batch[BATCH];
    for (size_t i = 0; i < run->steps; i++) {
        draw(run, g, batch);
        learn_critic(run, g, batch);
        if (!learn_actor(run, g, batch))
            return false;
        haq_perceptron_follow(&g->actor_target, &g->actor, follow);
        haq_perceptron_follow(&g->critic_target, &g->critic, follow);
    }
    return true;
}

/* 0.1 for each of 100 points between the narrowest and the widest vector. */
static double reward(const struct haq_algo_run *run, size_t number)
{
    double wide = haq_archive_objective(&run->a, run->widest)[0];
    double narrow = haq_archive_objective(&run->a, run->narrowest)[0];
    double f = haq_archive_objective(&run->a, number)[0];
    double span = fabs(narrow - wide);
    if (!isfinite(f))
        f = narrow;
    if (!(span > 0) || !isfinite(span) || !isfinite(f))
        return 0;
    return -per_point * points * (f - wide) / span;
}

/* The episode's vector was told. */
static bool finish(struct haq_algo_run *run, struct agent *g, size_t number)
{
    struct transition *t = steps(run, g, g->episodes);
    double r = reward(run, number);
    for (size_t i = 0; i < run->steps; i++)
        t[i].reward = r;
    g->episodes++;
    return g->episodes <= WARM_UP || learn(run, g);
}

/* ---- generations ----------------------------------------------------------*/

/* Play until a new vector comes up, and propose it: when the policy keeps
 * repeating itself, at random. */
static enum haq_genome_add propose(struct haq_algo_run *run, struct agent *g)
{
    enum haq_genome_add added = HAQ_GENOME_KNOWN;
    for (int i = 0; i < 2 * FREE_EPISODES && added == HAQ_GENOME_KNOWN; i++) {
        size_t known;
        play(run, g, i >= FREE_EPISODES);
        if (!haq_genomes_find(&run->a.all, run->vector, &known))
            added = haq_archive_add(&run->a, run->vector);
        else if (run->a.told[known] && !finish(run, g, known))
            added = HAQ_GENOME_NOMEM;
    }
    if (added == HAQ_GENOME_NEW)
        g->candidate = (long)run->a.all.n - 1;
    if (added == HAQ_GENOME_KNOWN)
        added = haq_archive_add_random(&run->a, &run->rng);
    return added;
}

static bool next_generation(struct haq_algo_run *run)
{
    enum haq_genome_add added = HAQ_GENOME_NEW;
    for (size_t i = 0; i < AGENTS; i++) {
        struct agent *g = &run->agent[i];
        long done = g->candidate;
        g->candidate = NONE;
        if (done != NONE && !finish(run, g, (size_t)done))
            return false;
    }
    for (size_t i = 0; i < AGENTS && added != HAQ_GENOME_NOMEM; i++)
        added = propose(run, &run->agent[i]);
    return added != HAQ_GENOME_NOMEM;
}

enum haq_ask haq_ddpg_ask(struct haq_algo_run *run, size_t *id,
                          const int **genes)
{
    return haq_archive_ask_or_make(&run->a, next_generation, run, id, genes);
}

void haq_ddpg_tell(struct haq_algo_run *run, size_t id, const double *objective,
                   double violation)
{
    haq_archive_tell(&run->a, id, objective, violation);
}
