#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static long total, done;
static void *work(void *unused) {
    for (int i = 0; i < 10000; i++) { pthread_mutex_lock(&lock); total++; pthread_mutex_unlock(&lock); }
    pthread_mutex_lock(&lock); done++; pthread_cond_signal(&ready); pthread_mutex_unlock(&lock);
    return unused;
}
int main(void) {
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) pthread_create(&threads[i], 0, work, 0);
    pthread_mutex_lock(&lock);
    while (done < 8) pthread_cond_wait(&ready, &lock);
    pthread_mutex_unlock(&lock);
    printf("{\"attempt\":\"threads\",\"result\":\"%s\"}\n", total == 80000 ? "ok" : "wrong");
    char name[] = "/tmp/batteryXXXXXX";
    int file = mkstemp(name);
    printf("{\"attempt\":\"mkstemp\",\"result\":\"%s\"}\n", file >= 0 && ftruncate(file, 4096) == 0 ? "ok" : "wrong");
    int *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(stdout);
    if (fork() == 0) { *shared = 42; _exit(0); }
    wait(0);
    printf("{\"attempt\":\"shared\",\"result\":\"%s\"}\n", *shared == 42 ? "ok" : "wrong");
    printf("{\"attempt\":\"system\",\"result\":\"%s\"}\n", system("exit 3") == 3 << 8 ? "ok" : "wrong");
    FILE *pipe = popen("echo hello", "r");
    char text[32] = "";
    printf("{\"attempt\":\"popen\",\"result\":\"%s\"}\n", pipe && fgets(text, 32, pipe) && text[0] == 'h' ? "ok" : "wrong");
    return 0;
}
