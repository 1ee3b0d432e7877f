/* Spins in 8 threads for a second of wall time and prints the processor time it got. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>
static double now(clockid_t clock) { struct timespec t; clock_gettime(clock, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static double end;
static void *spin(void *unused) { while (now(CLOCK_MONOTONIC) < end) {} return unused; }
int main(void) {
    pthread_t threads[8];
    double start = now(CLOCK_MONOTONIC);
    end = start + 1.2;
    for (int i = 0; i < 8; i++) pthread_create(&threads[i], 0, spin, 0);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], 0);
    double share = now(CLOCK_PROCESS_CPUTIME_ID) / (now(CLOCK_MONOTONIC) - start);
    printf("{\"attempt\":\"share\",\"result\":\"%s\"}\n", share < 0.36 ? "bounded" : "unbounded");
    fprintf(stderr, "share %f\n", share);
    return 0;
}
