/* runtime/spin.h - the same small work again and again: what a core gives now.
 *
 * Two loops that touch no memory.  The chain adds one number after the other:
 * each addition waits for the one before, so its time is a count of cycles and
 * nothing but the clock changes it.  The fan adds to eight numbers at once, as
 * many per cycle as the core can: a second hardware thread of the same core,
 * which in a virtual machine may belong to somebody else and is seen by no
 * counter, takes a part of them, while the chain hardly feels it.
 *
 * Of several threads also how long a loop without work takes from all to all:
 * what a hand-over costs, a few moves of a cache line.  A host that moves one
 * of a virtual machine's CPUs away from the cache that they shared makes it
 * four times as long, and everything that threads hand to each other with it
 * (measured: networks twice as slow for seconds, the two loops as before).
 */
#ifndef HAQ_RUNTIME_SPIN_H
#define HAQ_RUNTIME_SPIN_H

#include "base/thread.h"

struct haq_spin {
    double chain_ns, fan_ns;
    double hand_over_ns; /* 0 for one thread */
};

/* The best of four spins of each kind, about half a millisecond together: what
 * preempts one of them for a moment does not show. */
struct haq_spin haq_spin(void);

/* On all threads of the pool at the same time, the slowest of each kind; NULL:
 * on the calling thread. */
struct haq_spin haq_spin_pool(struct haq_pool *pool);

#endif
