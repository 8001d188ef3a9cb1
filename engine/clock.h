// Time for measurements inside the engine.
#ifndef ENGINE_CLOCK_H
#define ENGINE_CLOCK_H

double clock_now_s(void); // seconds since some fixed moment

#endif
