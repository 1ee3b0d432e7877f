/*
 * Counts the primes below a bound with a segmented sieve and prints the count
 * for each power of ten up to it. The bound is the first argument; ten million
 * if there is none.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENT = 1 << 15 };

static const uint64_t DEFAULT_BOUND = 10000000;
static const uint64_t LARGEST_BOUND = 10000000000;

struct primes {
    uint32_t *values;
    size_t count;
};

static uint32_t root_of(uint64_t number) {
    uint64_t root = 0;
    while ((root + 1) * (root + 1) <= number) {
        root++;
    }
    return (uint32_t)root;
}

/* The primes up to and including `last`, by the plain sieve. */
static struct primes small_primes(uint32_t last) {
    unsigned char *composite = calloc((size_t)last + 1, 1);
    uint32_t *values = malloc(((size_t)last + 1) * sizeof *values);
    struct primes found = {values, 0};
    if (composite == NULL || values == NULL) {
        perror("primes");
        exit(1);
    }
    for (uint32_t n = 2; n <= last; n++) {
        if (composite[n]) {
            continue;
        }
        found.values[found.count++] = n;
        for (uint64_t multiple = (uint64_t)n * n; multiple <= last; multiple += n) {
            composite[multiple] = 1;
        }
    }
    free(composite);
    return found;
}

static void strike(unsigned char *composite, uint64_t low, uint64_t high, uint32_t prime) {
    uint64_t first = (low + prime - 1) / prime * prime;
    uint64_t square = (uint64_t)prime * prime;
    for (uint64_t n = first > square ? first : square; n < high; n += prime) {
        composite[n - low] = 1;
    }
}

static uint64_t count_segment(const struct primes *base, uint64_t low, uint64_t high) {
    static unsigned char composite[SEGMENT];
    uint64_t count = 0;
    memset(composite, 0, sizeof composite);
    for (size_t i = 0; i < base->count; i++) {
        strike(composite, low, high, base->values[i]);
    }
    for (uint64_t n = low; n < high; n++) {
        count += n >= 2 && !composite[n - low];
    }
    return count;
}

static uint64_t parse_bound(const char *text) {
    char *end = NULL;
    errno = 0;
    uint64_t bound = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || bound < 10 || bound > LARGEST_BOUND) {
        fprintf(stderr, "primes: the bound must be from 10 to %llu\n",
                (unsigned long long)LARGEST_BOUND);
        exit(2);
    }
    return bound;
}

int main(int argc, char **argv) {
    uint64_t bound = argc > 1 ? parse_bound(argv[1]) : DEFAULT_BOUND;
    struct primes base = small_primes(root_of(bound));
    uint64_t count = 0;
    uint64_t low = 0;
    for (uint64_t power = 10; power <= bound; power *= 10) {
        while (low < power) {
            uint64_t high = low + SEGMENT < power ? low + SEGMENT : power;
            count += count_segment(&base, low, high);
            low = high;
        }
        printf("%12llu primes below %12llu\n", (unsigned long long)count,
               (unsigned long long)power);
    }
    free(base.values);
    return 0;
}
