#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static void *end(void *unused) { (void)unused; exit(7); }
int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, end, 0);
    for (;;) pause();
}
