"""The naive twin of the covariates: each looked up at one system and one time, straight from the records.

Nothing here is shared with ``design``; who is where comes from the naive twin of the pools. Values are not rounded and
not centred; ``nan`` is what is not known.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import NamedTuple

DAY = 86_400.0
HANDOVER = 30 / 1440
SETTLED = 28.0


class Look(NamedTuple):
    """Where one looks: a system, a time, and the cell that holds it for kinds of a grain."""

    system: str
    t: float
    start: float
    end: float
    grain: str


class NaiveCovariates:
    """Covariates of one agency. ``parts``: cells per shift for kinds recorded to the minute."""

    def __init__(self, agency, twin, parts=1):
        self.agency, self.twin, self.parts = agency, twin, parts
        self.at_work = lru_cache(maxsize=None)(self._at_work)
        self.every_cell = lru_cache(maxsize=None)(self._every_cell)
        self.rows = {row["system"]: row for row in agency.systems.iter_rows(named=True)}

    def value(self, text, system, grain, t):
        """The covariate of a system at t, as it counts for kinds of a grain."""
        what, *rest = text.partition(">")[0].split(":")
        return getattr(self, f"_{what}")(rest, Look(system, t, *self.cell(t, grain), grain))

    def cell(self, t, grain):
        """The cell in which nothing changes, cut by the window."""
        start, end = self.twin.cell(t, "day" if grain == "day" else "minute")
        start, end = max(start, 0.0), min(end, self.twin.length)
        if grain != "minute" or self.parts == 1:
            return start, end
        inner = [round((start + (end - start) * k / self.parts) * DAY) / DAY for k in range(1, self.parts)]
        edges = [start, *inner, end]  # on whole seconds, so that events can be on them
        return next((low, high) for low, high in itertools.pairwise(edges) if t + 1e-9 < high or high == end)

    def groups(self, system, t):
        """Where the system is: present anywhere, or else where it belongs; a group is in itself."""
        groups = self.twin._present(system, t) or self.twin._at(system, t)
        return groups | {system} if self.twin.level[system] != "person" else groups

    def at_level(self, system, level, t):
        return sorted(self.twin.at_level(self.groups(system, t), level))

    # --- what someone is ------------------------------------------------------------------------------------------

    def _attribute(self, rest, look):
        return self.rows[look.system][rest[0]]

    def _tenure(self, _rest, look):
        begun = self.stay(look.system, look.t)
        return math.nan if begun is None else math.log2(max(look.start - begun, SETTLED) / SETTLED)

    def stay(self, system, t):
        """First moment of the unbroken stay that holds t."""
        stays = []
        for low, high in sorted((m[2], m[3]) for m in self.twin.memberships if m[0] == system):
            if stays and low <= stays[-1][1]:
                stays[-1][1] = max(stays[-1][1], high)
            else:
                stays.append([low, high])
        return next((low for low, high in stays if low <= t < high), None)

    # --- what holds where someone is ------------------------------------------------------------------------------

    def _practice(self, rest, look):
        groups = self.groups(look.system, look.t)
        return max((self.dose_in_force(group, rest[0], look.start) for group in groups), default=0.0)

    def dose_in_force(self, group, practice, t):
        rows = [
            (self.twin.days(r["start"]), self.twin.days(r["end"]), 1.0 if r["dose"] is None else r["dose"], r["ramp"])
            for r in self.agency.practices.iter_rows(named=True)
            if r["group"] == group and r["practice"] == practice
        ]
        begun = [r for r in rows if r[0] <= t]
        if not begun:
            return 0.0
        first, until, dose, ramp = max(begun, key=lambda r: r[0])
        if t >= until:
            return 0.0
        later = [r for r in rows if r[0] > first]
        if not ramp or not later:
            return dose
        following = min(later, key=lambda r: r[0])
        return dose + (following[2] - dose) * (t - first) / (following[0] - first)

    def _census(self, rest, look):
        shares = []
        for group in self.at_level(look.system, rest[0], look.t):
            places = self.rows[group]["capacity"]
            if places is not None:
                here = (self.part(group, rest[0], self.twin._at(c, look.start)) for c in self.people("client"))
                shares.append(sum(here) / float(places))
        return mean(shares)

    def part(self, group, level, groups):
        """What someone counts in a group: 1 over the number of groups of the level that they are in."""
        mine = self.twin.at_level(groups, level)
        return 1.0 / len(mine) if group in mine else 0.0

    def people(self, *roles):
        return [s for s, role in self.twin.role.items() if role in roles]

    def _staffing(self, rest, look):
        groups = self.at_level(look.system, rest[0], look.t)
        return mean([self.ratio(group, rest[0], look) for group in groups])

    def ratio(self, group, level, look):
        start, end, grain = look[2:]
        cells = self.every_cell(grain)
        manned = [cell for cell in cells if self.at_work(group, level, *cell, grain)[0] > 1e-9]
        if not manned or not manned[0][0] <= start < manned[-1][1]:
            return math.nan
        staff, clients = self.at_work(group, level, start, end, grain)
        return math.log2((staff + 0.5) / (clients + 0.5))

    def _every_cell(self, grain):
        cells, at = [], 0.0
        while at < self.twin.length - 1e-9:
            cells.append(self.cell(at + 1e-7, grain))
            at = cells[-1][1]
        return cells

    def _at_work(self, group, level, start, end, grain):
        """Staff and clients present half an hour into the cell; of days, the mean over the shifts that begin in them."""
        moments = [start + min(HANDOVER, 0.5 * (end - start))]
        if grain == "day":
            shifts = [a + min(HANDOVER, 0.5 * (b - a)) for a, b in self.every_cell("shift")]
            moments = [m for m in shifts if start <= m < end]
        staff = self.people(*(self.twin.roles_with_presence - {"client"}))
        counts = [
            sum(self.part(group, level, self.twin._present(s, m)) for s in people for m in moments)
            for people in (staff, self.people("client"))
        ]
        return [count / len(moments) for count in counts]

    # --- what is carried forward ----------------------------------------------------------------------------------

    def _score(self, rest, look):
        if rest[0] == "own":
            return self.score(look.system, rest[1:], look.start)
        if rest[0] == "tie":
            found = [(self.score(o, rest[2:], look.start), w) for o, w in self.tied(look.system, rest[1], look.t)]
            known = [(value, w) for value, w in found if not math.isnan(value)]
            return sum(v * w for v, w in known) / sum(w for _, w in known) if known else math.nan
        groups = self.at_level(look.system, rest[0], look.t)
        return mean([self.score(group, rest[1:], look.start) for group in groups])

    def score(self, system, names, t):
        """The last score known at t; answers that become known at one time are one measurement."""
        instrument, item = names[0], names[1] if len(names) > 1 else "total"
        found = {}
        for r in self.agency.measures.iter_rows(named=True):
            if (r["system"], r["instrument"], r["item"]) == (system, instrument, item):
                known = self.known_from(r["time"])
                if known <= t:
                    found.setdefault(known, []).append((r["value"], r["n"] or 1.0))
        if not found:
            return math.nan
        last = found[max(found)]
        return sum(v * n for v, n in last) / sum(n for _, n in last)

    def known_from(self, moment):
        """A bare date is known when its day is over."""
        time = self.twin.days(moment)
        local = moment.astimezone(self.twin.zone)
        is_bare = (local.hour, local.minute, local.second) == (0, 0, 0) and time >= 0
        return self.twin.cell(time, "day")[1] if is_bare else time

    def tied(self, system, relation, t):
        """(other, weight) of the ties of a system at t; of ties within a role, those that lead to it."""
        found = []
        for a, b, name, start, end, weight in self.twin.ties:
            if name == relation and start <= t < end:
                if b == system:
                    found.append((a, weight))
                elif a == system and self.joins_two_roles(name):
                    found.append((b, weight))
        return found

    def joins_two_roles(self, relation):
        definition = self.twin.vocabulary.relations[relation]
        return definition.source != definition.target

    def _dose(self, rest, look):
        *where, kind, half_life = rest
        system, t, total = look.system, look.t, 0.0
        for source, together, fade in self.heard(kind, float(half_life.removesuffix("d")), look.start):
            if where[0] == "own":
                total += fade * (source.system == system)
            elif where[0] == "tie":
                ends = {end for a, b, relation, *_ in self.twin.ties if relation == where[1] for end in (a, b)}
                weight = sum(w for other, w in self.tied(system, where[1], t) if other == source.system)
                total += weight * fade / max(sum(d.system in ends for d in together), 1)
            elif source.system != system:
                groups = self.at_level(system, where[0], t)
                total += fade * sum(self.left(source, together, where[0], group) for group in groups)
        return total

    def heard(self, kind, half, t):
        """(event, its companions of the incident, what is left of it) of the events of a kind known before t."""
        deposits = [d for d in self.twin.deposits() if d.kind == kind]
        for source in deposits:
            if source.time < t - 1e-12 or (source.coarse and abs(source.time - t) <= 1e-12):
                together = [d for d in deposits if d.incident == source.incident]
                yield source, together, 2.0 ** (-(t - source.time) / half)

    def left(self, source, together, level, group):
        """What the event left in a group: all, if it is the group's own; else 1, over groups and companions there."""
        if self.twin.level[source.system] == level:
            return float(source.system == group)
        mine = self.twin.deposit_groups(source.system, level, source.stamp)
        if group not in mine:
            return 0.0
        sharing = sum(group in self.twin.deposit_groups(d.system, level, d.stamp) for d in together)
        return 1.0 / len(mine) / sharing


def mean(values):
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
