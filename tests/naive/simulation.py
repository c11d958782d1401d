"""The naive twin of the simulator: Ogata's thinning on the literal intensity, cell by cell for coarse time.

No clusters, no pools, no keyed luck: at every step the intensity of everyone is added up over all earlier events, and a
point is kept with the chance that the intensity has fallen to since. Rules of sharing, risk and hearing are those of
``NaiveAgency``, asked pair by pair.
"""

from __future__ import annotations

import itertools
import math

from tests.naive.likelihood import cuts, endemic_rate
from tests.naive.pools import LN2, Deposit, NaiveAgency


class NaiveSimulation:
    """One agency and one model, to be run many times; exponential kernels only, since thinning needs a falling intensity.

    ``models``: {kind: TargetModel}; ``columns``: {kind: [(channel, source kind, half-life), ...]} in the order of alpha;
    ``calendar``: whatever has ``period_days`` and ``n_periods``.
    """

    def __init__(self, agency, structure, models, columns, calendar):
        grains = {kind.name: kind.precision for kind in structure.kinds}
        self.world = NaiveAgency(
            agency, structure.choices.kernels.half_lives.tolist(), structure.choices.channels, grains
        )
        self.world.history = 0.0  # nothing is scored here: the process runs from the start
        self.models, self.columns, self.calendar = models, columns, calendar
        self.world.rows = []
        marks = {0.0, self.world.length}
        for kind in models:
            marks |= set(cuts(self.world, kind, calendar))
        self.marks = sorted(round(m, 9) for m in marks)
        self.marks = [m for m, later in itertools.pairwise(self.marks) if later - m > 1e-7] + [self.world.length]
        moves = [m[2:4] for m in self.world.memberships] + [p[2:4] for p in self.world.presence]
        moves += [tie[3:5] for tie in self.world.ties]
        self.moves = [moment for pair in moves for moment in pair]

    def run(self, dice, *, history=()):
        """Events as (time, system, kind), given some at the start."""
        self.world.rows, self.deposits = [], []
        for t, system, kind in history:
            self._happen(t, system, kind)
        self.shares = {}
        for left, right in itertools.pairwise(self.marks):
            if any(abs(moment - left) < 1e-6 for moment in self.moves):
                self.shares = {}
            for kind in self.models:
                if self.world.precision_of[kind] != "minute":
                    start, end = self.world.cell(left + 1e-7, self.world.precision_of[kind])
                    if abs(max(start, 0.0) - left) < 1e-7:
                        self._draw_cell(kind, max(start, 0.0), min(end, self.world.length), dice)
            self._thin(left, right, dice)
        return [(t, system, kind) for t, system, kind, _, _ in self.world.rows[len(history) :]]

    def _happen(self, t, system, kind):
        grain = self.world.precision_of[kind]
        number = ("simulated", len(self.world.rows))
        self.world.rows.append((t, system, kind, number, grain))
        stamp = t - 1e-9 if self.world.is_terminal(kind) else t
        sounds = t if grain == "minute" else min(self.world.cell(t + 1e-7, grain)[1], self.world.length)
        self.deposits.append(Deposit(system, kind, number, stamp, sounds, grain != "minute"))

    def _share(self, system, number, channel, middle):
        key = (system, number, channel)
        if key not in self.shares:
            deposit, way = self.deposits[number], self.world.channels[channel]
            masses = self.world.weight(deposit, way, [deposit])
            self.shares[key] = self.world.share(system, deposit, way, masses, middle)
        return self.shares[key]

    def _echoes(self, system, kind, middle, kernel):
        """Sum over couplings and earlier events of alpha x share x kernel(deposit, half-life)."""
        total = 0.0
        for (channel, source, b), alpha in zip(self.columns[kind], self.models[kind].alpha, strict=True):
            for number, deposit in enumerate(self.deposits):
                if deposit.kind == source:
                    weight = kernel(deposit, self.world.kernels[b][0])
                    if weight > 0.0:
                        total += alpha * weight * self._share(system, number, channel, middle)
        return total

    def _thin(self, left, right, dice):
        middle = 0.5 * (left + right)
        pairs = [
            (system, kind, endemic_rate(self.world, system, middle, kind, self.models[kind], self.calendar))
            for kind in self.models
            if self.world.precision_of[kind] == "minute"
            for system in self.world.role
            if self.world.at_risk(system, kind, middle)
        ]

        def intensities(t):
            def kappa(deposit, half):
                return LN2 / half * 2.0 ** (-(t - deposit.time) / half) if deposit.time <= t else 0.0

            return [rate + self._echoes(system, kind, middle, kappa) for system, kind, rate in pairs]

        t = left
        bound = sum(intensities(t))
        while bound > 0.0:
            t -= math.log(1.0 - dice.random()) / bound
            if t >= right:
                return
            now = intensities(t)
            place = dice.random() * bound
            for (system, kind, _), value in zip(pairs, now, strict=True):
                place -= value
                if place < 0.0:
                    self._happen(t, system, kind)
                    if self.world.is_terminal(kind):
                        pairs = [pair for pair in pairs if pair[:2] != (system, kind)]
                    break
            bound = sum(intensities(t))

    def _draw_cell(self, kind, start, end, dice):
        """Counts of a coarse kind given the start of its cell."""
        pieces = [start, *[m for m in self.marks if start + 1e-7 < m < end - 1e-7], end]
        for system in self.world.role:
            total = 0.0
            for left, right in itertools.pairwise(pieces):
                middle = 0.5 * (left + right)
                if not self.world.at_risk(system, kind, middle):
                    continue
                rate = endemic_rate(self.world, system, middle, kind, self.models[kind], self.calendar)
                self.shares = {}

                def integral(deposit, half, left=left, right=right):
                    early = deposit.time <= start + 1e-9 if deposit.coarse else deposit.time < start
                    if not early:
                        return 0.0
                    return 2.0 ** (-(left - deposit.time) / half) - 2.0 ** (-(right - deposit.time) / half)

                total += rate * (right - left) + self._echoes(system, kind, middle, integral)
            if self.world.is_terminal(kind):
                count = int(dice.random() < 1.0 - math.exp(-total))
            else:
                count = _poisson(total, dice)
            for _ in range(count):
                self._happen(start, system, kind)
        self.shares = {}


def _poisson(mean, dice):
    count, left = -1, 1.0
    while left > math.exp(-mean):
        left *= dice.random()
        count += 1
    return count
