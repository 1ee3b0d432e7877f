#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static void *later(void *unused) { (void)unused; usleep(200000); exit(9); }
int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, later, 0);
    pthread_exit(0);
}
