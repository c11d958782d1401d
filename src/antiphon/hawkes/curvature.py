"""Second derivatives with one block per organisation, and what is solved with them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from antiphon.kernels import curvature as loops
from antiphon.kernels import linear

RIDGES = np.array([0.0, 1e-4, 1e-2, 0.1, 0.5, 2.0, 10.0, 1e3, 1e6])
"""Curvature added to the periods of an organisation, relative to their own, until they are concave."""


class NotPositiveError(ArithmeticError):
    """A matrix that should have been positive definite was not."""


@dataclass(frozen=True, slots=True, repr=False)
class Convex:
    """A part of a Hessian: (endemic, endemic) and (local, endemic), central endemic effects first, and packed squares."""

    central: np.ndarray
    mixed: np.ndarray
    blocks: np.ndarray


@dataclass(frozen=True, slots=True, repr=False)
class Curvature:
    """A Hessian whose local parameters (units, periods) meet those of their own organisation and the central ones only.

    Attributes
    ----------
    central : (central, central) of the central parameters: endemic effects that everyone shares, couplings, log variance.
    mixed : (local, central).
    blocks : packed squares, one per organisation.
    begins : (organisations + 1,) first local parameter of each organisation, counted from the first local one.
    first : position of the first local parameter among all.
    convex : the part of the Hessian that bends upwards (rows that may be echoes, in their endemic effects), which a
        search may leave out where the whole is not concave; None where there is none.
    """

    central: np.ndarray
    mixed: np.ndarray
    blocks: np.ndarray
    begins: np.ndarray
    first: int
    convex: Convex | None = None

    @property
    def n_local(self) -> int:
        """Number of local parameters."""
        return self.mixed.shape[0]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.n_local + self.central.shape[0]

    def centre(self, places: np.ndarray) -> np.ndarray:
        """Positions among the central parameters of parameters that are central."""
        return np.where(places < self.first, places, places - self.n_local)

    def split(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Central and local part of a vector over all parameters."""
        last = self.first + self.n_local
        return np.concatenate([vector[: self.first], vector[last:]]), vector[self.first : last]

    def join(self, central: np.ndarray, local: np.ndarray) -> np.ndarray:
        """Vector over all parameters from its parts."""
        return np.concatenate([central[: self.first], local, central[self.first :]])

    def times(self, vector: np.ndarray) -> np.ndarray:
        """Product with a vector."""
        central, local = self.split(np.asarray(vector, dtype=np.float64))
        result = self.mixed @ central
        loops.times_blocks(self.blocks, self.begins, np.ascontiguousarray(local), result)
        return self.join(self.central @ central + local @ self.mixed, result)

    def diagonal(self) -> np.ndarray:
        """Second derivative of each parameter."""
        return self.join(np.diag(self.central), self.blocks[diagonal_places(self.begins)])

    def concave(self) -> Curvature:
        """The Hessian without its convex part; itself where it has none."""
        if self.convex is None:
            return self
        endemic = slice(0, self.convex.central.shape[0])
        central, mixed = self.central.copy(), self.mixed.copy()
        central[endemic, endemic] -= self.convex.central
        mixed[:, endemic] -= self.convex.mixed
        return replace(self, central=central, mixed=mixed, blocks=self.blocks - self.convex.blocks, convex=None)

    def dense(self) -> np.ndarray:
        """The whole matrix."""
        result = np.zeros((self.size, self.size))
        local = slice(self.first, self.first + self.n_local)
        others = np.delete(np.arange(self.size), local)
        result[np.ix_(others, others)] = self.central
        result[local, others] = self.mixed
        result[others, local] = self.mixed.T
        at = 0
        for begin, end in zip(self.begins[:-1] + self.first, self.begins[1:] + self.first, strict=True):
            result[begin:end, begin:end] = self.blocks[at : at + (end - begin) ** 2].reshape(end - begin, end - begin)
            at += (end - begin) ** 2
        return result

    def bordered(self, line: np.ndarray, corner: float) -> Curvature:
        """One more central parameter at the end, with its derivatives with the others and with itself."""
        central, local = self.split(line)
        square = np.block([[self.central, central[:, None]], [central[None, :], np.array([[corner]])]])
        return replace(self, central=square, mixed=np.column_stack([self.mixed, local]))

    def steeper(self, places: np.ndarray, group: np.ndarray, amount: float) -> Curvature:
        """Take the Hessian of half a number times squares of some local parameters away.

        Squares are those of deviations from the means of groups, which lie in one organisation each, side by side; of the
        parameters themselves where no groups are given.
        """
        blocks, diagonal = self.blocks.copy(), diagonal_places(self.begins)[places - self.first]
        blocks[diagonal] -= amount
        size = np.bincount(group)
        for apart in range(int(size.max(initial=0))):
            one = np.flatnonzero(group[apart:] == group[: group.size - apart])
            share = amount / size[group[one]]
            blocks[diagonal[one] + apart] += share
            if apart:
                blocks[diagonal[one + apart] - apart] += share
        return replace(self, blocks=blocks)

    def plus(self, places: np.ndarray, amount: float) -> Curvature:
        """Add a number to every pair of some central parameters."""
        where = self.centre(places)
        square = self.central.copy()
        square[np.ix_(where, where)] += amount
        return replace(self, central=square)


def diagonal_places(begins: np.ndarray) -> np.ndarray:
    """Where the diagonals stand in packed squares, (local,)."""
    sizes = np.diff(begins)
    corner = np.repeat(np.cumsum(sizes**2) - sizes**2, sizes)
    within = np.arange(begins[-1]) - np.repeat(begins[:-1], sizes)
    return corner + within * (np.repeat(sizes, sizes) + 1)


def dense_curvature(matrix: np.ndarray) -> Curvature:
    """A Hessian without local parameters."""
    return Curvature(
        np.asarray(matrix, dtype=np.float64), np.zeros((0, len(matrix))), np.zeros(0), np.zeros(1, np.int64), 0
    )


@dataclass(frozen=True, slots=True, repr=False)
class Reduced:
    """Minus a Hessian with its local parameters eliminated.

    Attributes
    ----------
    curvature : the Hessian.
    factors : packed upper Cholesky factors of minus its blocks.
    solved : (local, central) minus the mixed part, solved with the transposed factors.
    schur : (central, central) what is left: the information on the central parameters with the periods estimated.
    is_concave : whether the blocks were concave as they were.
    """

    curvature: Curvature
    factors: np.ndarray
    solved: np.ndarray
    schur: np.ndarray
    is_concave: bool

    def inward(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Central part of a gradient when the local parameters follow, and its local part half solved."""
        central, local = self.curvature.split(vector)
        half = local[:, None].copy()
        loops.solve_blocks_lower(self.factors, self.curvature.begins, half)
        return central - half[:, 0] @ self.solved, half[:, 0]

    def outward(self, central: np.ndarray, half: np.ndarray) -> np.ndarray:
        """The whole step that goes with the step of the central parameters."""
        local = half - self.solved @ central
        loops.solve_blocks_upper(self.factors, self.curvature.begins, local)
        return self.curvature.join(central, local)

    def without_convex(self) -> Reduced:
        """The same without the convex part of the Hessian; itself where it has none."""
        return self if self.curvature.convex is None else reduce(self.curvature.concave())

    def plus(self, places: np.ndarray, amount: float) -> Reduced:
        """The same with a number added to the Hessian of every pair of some central parameters."""
        schur = self.schur.copy()
        where = self.curvature.centre(places)
        schur[np.ix_(where, where)] -= amount
        return replace(self, curvature=self.curvature.plus(places, amount), schur=schur)


def reduce(curvature: Curvature) -> Reduced:
    """Eliminate the local parameters, block by block; blocks that are not concave get just enough added curvature."""
    factors = np.empty_like(curvature.blocks)
    ridge = loops.factor_blocks(curvature.blocks, curvature.begins, RIDGES, factors)
    if ridge < 0.0:
        raise NotPositiveError
    solved = -curvature.mixed
    loops.solve_blocks_lower(factors, curvature.begins, solved)
    removed = np.zeros_like(curvature.central)
    linear.add_cross_product(solved, solved, removed)
    schur = -curvature.central - removed
    return Reduced(curvature, factors, solved, 0.5 * (schur + schur.T), ridge == 0.0)


def cholesky(matrix: np.ndarray) -> np.ndarray:
    """Upper Cholesky factor (its lower triangle is waste); raises ``NotPositiveError``."""
    result = np.array(matrix, dtype=np.float64, order="C")
    if not linear.factor(result):
        raise NotPositiveError
    return result


def solve(upper: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Solve with the matrix whose factor is ``upper``."""
    result = np.array(values, dtype=np.float64, order="C")
    columns = result if result.ndim > 1 else result[:, None]
    linear.solve_lower(upper, columns)
    linear.solve_upper(upper, columns)
    return result
