"""Keyed random numbers: every number is a function of a key and a place, so that luck does not depend on the order of work.

The numbers of one key are those of the SplitMix64 generator that starts at the key (Steele, Lea and Flood 2014).
"""

import math

import numpy as np

from antiphon.kernels._compile import kernel

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
DROPPED_BITS = np.uint64(11)
MOST = 1000
"""Largest count that is drawn: what the last bits of a number cannot tell must end somewhere."""


@kernel
def mixed(number):
    """Return 64 bits in which every bit of the number has a say."""
    number = (number ^ (number >> SHIFTS[0])) * FIRST
    number = (number ^ (number >> SHIFTS[1])) * SECOND
    return number ^ (number >> SHIFTS[2])


@kernel
def key_at(key, place):
    """Return the key at a place of a stream."""
    return mixed(key + GOLDEN * np.uint64(place))


@kernel
def uniform(key, place):
    """Return a number between 0 and 1, neither included."""
    return (np.int64(key_at(key, place) >> DROPPED_BITS) + 0.5) * 2.0**-53


@kernel
def poisson(u, mean, none):
    """Return the Poisson quantile of u; ``none`` is ``exp(-mean)``. A larger mean never gives a smaller count."""
    count, chance, reached = 0, none, none
    while u > reached and count < MOST:
        count += 1
        chance *= mean / count
        reached += chance
    return count


@kernel
def waiting(key, place, order, mean):
    """Return an Erlang delay of the given order and mean; order 1 is exponential."""
    product = uniform(key, place)
    for stage in range(1, order):
        product *= uniform(key, place + stage)
    return -math.log(product) * mean / order


@kernel
def stream_keys(base, keys):
    """Return the keys of one stream for each system."""
    found = np.empty(keys.size, np.uint64)
    for i in range(keys.size):
        found[i] = mixed(base ^ keys[i])
    return found


@kernel
def keys_of_events(base, keys, times, numbers):
    """Return the keys of given events: by stream, system, bits of the time, and number among equals."""
    found = np.empty(keys.size, np.uint64)
    for i in range(keys.size):
        found[i] = key_at(key_at(mixed(base[i] ^ keys[i]), times[i]), numbers[i])
    return found


@kernel
def uniforms(keys, place):
    """Return one number between 0 and 1 for each key."""
    found = np.empty(keys.size)
    for i in range(keys.size):
        found[i] = uniform(keys[i], place)
    return found
