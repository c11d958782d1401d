"""Small dense linear algebra in one thread.

The problems of one target kind are small and run side by side in threads of their own. The threads of a linear algebra
library would only get in their way, and its results may depend on how many there are.
"""

import math

from antiphon.kernels._compile import kernel


@kernel
def add_cross_product(left, right, result):
    """Add ``left.T @ right`` to ``result``; four rows at a time, rows of zeros on the left cost nothing."""
    rows, height = left.shape
    width = right.shape[1]
    whole = rows - rows % 4
    for n in range(0, whole, 4):
        for i in range(height):
            a = left[n, i]
            b = left[n + 1, i]
            c = left[n + 2, i]
            d = left[n + 3, i]
            if a == 0.0 and b == 0.0 and c == 0.0 and d == 0.0:
                continue
            for j in range(width):
                result[i, j] += (a * right[n, j] + b * right[n + 1, j]) + (c * right[n + 2, j] + d * right[n + 3, j])
    for n in range(whole, rows):
        for i in range(height):
            a = left[n, i]
            for j in range(width):
                result[i, j] += a * right[n, j]


@kernel
def factor(matrix):
    """Replace the upper triangle by the Cholesky factor U, ``U.T @ U = matrix``; False if that does not exist."""
    size = matrix.shape[0]
    for k in range(size):
        pivot = matrix[k, k]
        if not pivot > 1e-14:
            return False
        root = math.sqrt(pivot)
        for j in range(k, size):
            matrix[k, j] /= root
        for i in range(k + 1, size):
            a = matrix[k, i]
            if a != 0.0:
                for j in range(i, size):
                    matrix[i, j] -= a * matrix[k, j]
    return True


@kernel
def solve_lower(upper, values):
    """Solve ``U.T @ x = values`` in place; ``values`` (size, columns)."""
    size, columns = values.shape
    for i in range(size):
        for k in range(i):
            a = upper[k, i]
            if a != 0.0:
                for j in range(columns):
                    values[i, j] -= a * values[k, j]
        inverse = 1.0 / upper[i, i]
        for j in range(columns):
            values[i, j] *= inverse


@kernel
def solve_upper(upper, values):
    """Solve ``U @ x = values`` in place; ``values`` (size, columns)."""
    size, columns = values.shape
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            a = upper[i, k]
            if a != 0.0:
                for j in range(columns):
                    values[i, j] -= a * values[k, j]
        inverse = 1.0 / upper[i, i]
        for j in range(columns):
            values[i, j] *= inverse
