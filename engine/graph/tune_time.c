#include "graph/tune_time.h"

#include "clock.h"

// Rounds of which the fastest counts: only disturbances make one slower. A GPU slows its clock down
// while it has nothing to do, because pipelines are compiled or weights are packed, and needs some
// time to speed up again: what an H100 does in the first 50 ms takes it up to four times as long as
// later.
#define ROUNDS 3u
#define DOZE_S 0.02
#define WAKE_UP_S 0.15
#define WARM_UP_S 0.02 // at least one round
#define MEASURE_S 0.01
#define HOPELESS 1.5 // times the best: not worth measuring well

double tune_time(struct executor *executor, uint32_t batch, double idle_s, double to_beat,
                 enum cubby_status *status)
{
    const double warm_up_s = idle_s > DOZE_S ? WAKE_UP_S : WARM_UP_S;
    double best = -1, warm = 0, measured = 0;
    for (uint32_t rounds = 0; rounds < ROUNDS || measured < MEASURE_S;) {
        const double start = clock_now_s();
        *status = executor_submit(executor, 0, batch);
        if (!*status)
            *status = executor_wait(executor, 0);
        if (*status)
            return -1;
        const double seconds = clock_now_s() - start;
        if (seconds < 0)
            continue; // the clock was set back
        if (warm == 0 || warm < warm_up_s) {
            warm += seconds > 1e-9 ? seconds : 1e-9;
            if (to_beat > 0 && warm > warm_up_s / 3 && seconds > to_beat * 2 * HOPELESS)
                return seconds;
            continue;
        }
        measured += seconds > 1e-9 ? seconds : 1e-9; // also where the clock stands still
        rounds++;
        if (best < 0 || seconds < best)
            best = seconds;
        if (to_beat > 0 && best > to_beat * HOPELESS)
            break;
    }
    return best;
}
