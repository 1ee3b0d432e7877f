#include <pthread.h>
#include <unistd.h>
static void *fault(void *unused) { *(volatile int *)8 = 1; return unused; }
int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, fault, 0);
    for (;;) pause();
}
