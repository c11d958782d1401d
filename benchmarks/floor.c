/* What the machine allows: log likelihood and gradient of the dense exponential Hawkes process, written by hand for one
   number of kinds. Built by floor.py with -DLANES=(kinds rounded up to eights)/8. The state stays in vector registers; it
   is kept undecayed relative to an origin that moves on with every block, and exponentials are taken by the block. */
#include <math.h>

typedef double lanes __attribute__((vector_size(64)));
typedef long long places __attribute__((vector_size(64)));
enum { BLOCK = 256 };

static inline double total(lanes a) { return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7])); }

/* Sum of log rates; its derivatives are added to the gradients. Rows of alpha are LANES * 8 long, on cache lines. */
double likelihood(long n, const double *time, const long *kind, double rate, const double *mu, const double *alpha,
                  double *gradient_mu, double *gradient_alpha)
{
    const places place = {0, 1, 2, 3, 4, 5, 6, 7};
    lanes state[LANES] = {};
    double down[BLOCK], logs = 0.0, product = 1.0, origin = n ? time[0] : 0.0;
    for (long start = 0; start < n; start += BLOCK) {
        const long size = n - start < BLOCK ? n - start : BLOCK;
        const double moved = exp(-rate * (time[start] - origin));
        origin = time[start];
        for (int b = 0; b < LANES; b++) state[b] *= moved;
        for (long i = 0; i < size; i++) down[i] = exp(-rate * (time[start + i] - origin));
        for (long i = 0; i < size; i++) {
            const long k = kind[start + i];
            const lanes *row = (const lanes *)(alpha + k * LANES * 8);
            lanes *gradient = (lanes *)(gradient_alpha + k * LANES * 8);
            lanes even = {}, odd = {};
            for (int b = 0; b < LANES; b++) {
                if (b & 1) odd += row[b] * state[b];
                else even += row[b] * state[b];
            }
            const double intensity = mu[k] + rate * down[i] * total(even + odd), inverse = 1.0 / intensity;
            gradient_mu[k] += inverse;
            for (int b = 0; b < LANES; b++) gradient[b] += inverse * rate * down[i] * state[b];
            product *= intensity;
            if (product > 1e150 || product < 1e-150) {
                logs += log(product);
                product = 1.0;
            }
            const lanes up = (lanes){} + 1.0 / down[i];
            for (int b = 0; b < LANES; b++) state[b] += (lanes)((places)up & (place + b * 8 == k));
        }
    }
    return logs + log(product);
}
