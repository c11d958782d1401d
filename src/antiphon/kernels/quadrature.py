"""Generalised Gauss-Laguerre rules, made anew for every frailty variance that the search visits."""

import math

import numpy as np

from antiphon.kernels._compile import kernel


@kernel
def tridiagonal_eigenvalues(diagonal, off):
    """Eigenvalues of a symmetric tridiagonal matrix, ascending; ``diagonal`` and ``off`` (one longer, last 0) are used up.

    Implicit QL with Wilkinson's shift (Golub and Van Loan, Matrix Computations, section 8.3).
    """
    size = diagonal.shape[0]
    for low in range(size):
        for _ in range(60):
            high = low
            while high < size - 1:
                scale = abs(diagonal[high]) + abs(diagonal[high + 1])
                if abs(off[high]) <= 1e-16 * scale:
                    break
                high += 1
            if high == low:
                break
            g = (diagonal[low + 1] - diagonal[low]) / (2.0 * off[low])
            r = math.hypot(g, 1.0)
            g = diagonal[high] - diagonal[low] + off[low] / (g + math.copysign(r, g))
            s = c = 1.0
            p = 0.0
            finished = True
            for i in range(high - 1, low - 1, -1):
                f = s * off[i]
                b = c * off[i]
                r = math.hypot(f, g)
                off[i + 1] = r
                if r == 0.0:
                    diagonal[i + 1] -= p
                    off[high] = 0.0
                    finished = False
                    break
                s = f / r
                c = g / r
                g = diagonal[i + 1] - p
                r = (diagonal[i] - g) * s + 2.0 * c * b
                p = s * r
                diagonal[i + 1] = g + p
                g = c * r - b
            if finished:
                diagonal[low] -= p
                off[low] = g
                off[high] = 0.0
    diagonal.sort()


@kernel
def laguerre_rule(shape, nodes, log_weights):
    """Fill nodes and log weights of the Gauss rule for Gamma(shape, 1).

    Weights are the reciprocal sums of squares of the orthonormal polynomials at the nodes: sums of positive terms, so that even
    the smallest keep their relative precision, which those from eigenvectors lose (Golub and Welsch 1969).
    """
    size = nodes.shape[0]
    off = np.zeros(size)
    root = np.zeros(size)
    for k in range(size):
        nodes[k] = 2.0 * k + shape
        if k + 1 < size:
            off[k] = math.sqrt((k + 1.0) * (k + shape))
            root[k] = off[k]
    tridiagonal_eigenvalues(nodes, off)
    for j in range(size):
        x = nodes[j]
        for _ in range(2):  # polish: eigenvalues are exact to rounding of the largest one only
            before = 0.0
            value = 1.0
            slope_before = 0.0
            slope = 0.0
            for k in range(size):
                scale = root[k] if k + 1 < size else 1.0
                back = root[k - 1] if k > 0 else 0.0
                centre = x - 2.0 * k - shape
                following = (centre * value - back * before) / scale
                slope_following = (value + centre * slope - back * slope_before) / scale
                before = value
                value = following
                slope_before = slope
                slope = slope_following
            if slope != 0.0:
                x -= min(max(value / slope, -1e-9 * x), 1e-9 * x)
        nodes[j] = x
        before = 0.0
        value = 1.0
        squares = 1.0
        for k in range(1, size):
            back = root[k - 2] if k > 1 else 0.0
            following = ((x - 2.0 * (k - 1) - shape) * value - back * before) / root[k - 1]
            before = value
            value = following
            squares += value * value
        log_weights[j] = -math.log(squares)
