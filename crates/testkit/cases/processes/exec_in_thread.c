#include <pthread.h>
#include <unistd.h>
static void *run(void *unused) { (void)unused; execl("/bin/sh", "sh", "-c", "exit 11", (char *)0); return 0; }
int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, run, 0);
    for (;;) pause();
}
