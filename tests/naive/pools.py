"""The naive twin of the exact pass: who reads what of which event, by looking at every pair, every moment.

Nothing here is shared with ``design`` or ``kernels``; only the meaning of the records is. Times are float days from
the start of the window. ``O(moments x systems x deposits)``: for agencies of a dozen systems.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

LN2 = math.log(2.0)
DAY = 86_400.0


def density(days, half, order):
    """Erlang density of mean half / ln 2; of order 1 it is exponential with that half-life."""
    x = order * LN2 * days / half
    return order * LN2 / half * x ** (order - 1) / math.factorial(order - 1) * math.exp(-x)


def underway(days, half, order):
    """Probability that an Erlang time is longer: that fewer than ``order`` points of a Poisson process have come."""
    x = order * LN2 * days / half
    return sum(x**n / math.factorial(n) for n in range(order)) * math.exp(-x)


def average(_system, _t):
    """What everything that reaches someone is multiplied by, where all are as ready to answer."""
    return 1.0


@dataclass(frozen=True)
class Deposit:
    """What one event leaves behind: by whom, of which kind, decaying from when, and whether its cell was coarse."""

    system: str
    kind: str
    incident: int
    stamp: float  # when the groups of the source are looked up
    time: float  # decays from here
    coarse: bool


class NaiveAgency:
    """An agency's frames as plain lists of rows in float days."""

    def __init__(self, agency, kernels, channels, precision_of):
        self.zone = ZoneInfo(agency.settings.agency.timezone)
        self.shifts = list(agency.settings.calendar.shifts)
        self.origin = agency.window[0]
        self.length = self.days(agency.window[1])
        # half-life (of a delayed kernel ln 2 times its mean) and order
        self.kernels = [entry if isinstance(entry, tuple) else (entry, 1) for entry in kernels]
        self.channels = list(channels)
        self.precision_of = precision_of
        self.vocabulary = agency.vocabulary
        self.recorded = dict(zip(agency.systems["system"], agency.systems["role"], strict=True))
        self.role = {name: self.counted(role, agency) for name, role in self.recorded.items()}
        self.level = dict(zip(agency.systems["system"], agency.systems["level"], strict=True))
        self.pooled = dict(zip(agency.systems["system"], agency.systems["pooled"], strict=True))
        self.memberships = [
            (r["member"], r["group"], self.days(r["start"]), self.days(r["end"]))
            for r in agency.memberships.iter_rows(named=True)
        ]
        self.presence = [
            (r["system"], r["group"], self.days(r["start"]), self.days(r["end"]), bool(r["away"]))
            for r in agency.presence.iter_rows(named=True)
        ]
        self.ties = [
            (
                r["source"],
                r["target"],
                r["relation"],
                -math.inf if r["start"] is None else self.days(r["start"]),
                self.days(r["end"]),
                r["weight"],
            )
            for r in agency.ties.iter_rows(named=True)
        ]
        self.events = [
            (self.days(r["time"]), r["system"], r["kind"], r["incident"], r["precision"])
            for r in agency.events.iter_rows(named=True)
        ]
        self.roles_with_presence = {self.recorded[s] for s, _, _, _, away in self.presence if not away}
        self.history = min(3 * max(half for half, _ in self.kernels), 0.1 * self.length)
        self.gaps = [
            (g.group, self.local_days(g.start), self.local_days(g.end), tuple(g.kinds or ()))
            for g in agency.settings.gaps
        ]
        self._at = lru_cache(maxsize=None)(self._membership_groups)
        self._present = lru_cache(maxsize=None)(self._present_groups)
        self.moments = lru_cache(maxsize=None)(self._moments)
        self.readers = lru_cache(maxsize=None)(self._readers)
        self.cell = lru_cache(maxsize=None)(self._cell)
        self._incidents()

    def counted(self, role, agency):
        """The role as which people count: staff, where they work here, have events, and their role is small or has no kinds."""
        if role not in {"clinician", "supervisor", "leader"}:
            return role
        people = [s for s, its in self.recorded.items() if its == role]
        has_events = any(s in people for s in agency.events["system"])
        has_kinds = any(self.vocabulary.kinds[k].of == role for k in agency.events["kind"])
        is_small = len(people) < agency.settings.privacy.min_staff
        return "staff" if has_events and (is_small or not has_kinds) else role

    def days(self, moment):
        return math.inf if moment is None else (moment - self.origin).total_seconds() / DAY

    def local_days(self, text):
        if isinstance(text, str):
            text = dt.datetime.fromisoformat(text)
        if not isinstance(text, dt.datetime):
            text = dt.datetime(text.year, text.month, text.day)  # noqa: DTZ001 - made local in the next line
        if text.tzinfo is None:
            text = text.replace(tzinfo=self.zone)
        return (text - self.origin).total_seconds() / DAY

    # --- who is where ---------------------------------------------------------------------------------------------

    def _membership_groups(self, system, t):
        """Every group that the system is in at t, through nesting, with itself if it is a group."""
        found, todo = set(), [system]
        while todo:
            here = todo.pop()
            for member, group, start, end in self.memberships:
                if member == here and start <= t < end and group not in found:
                    found.add(group)
                    todo.append(group)
        return found

    def _present_groups(self, system, t):
        """Groups in which the system counts as present at t, or ``None`` if it is not present."""
        if self.level[system] != "person":
            return self._at(system, t) | {system}
        spells = [p for p in self.presence if p[0] == system and p[2] <= t < p[3]]
        if any(away for *_, away in spells):
            return None
        if self.recorded[system] not in self.roles_with_presence:
            return self._at(system, t) or None
        found, there = set(), False
        for _, group, _, _, away in spells:
            if away:
                continue
            there = True
            found |= self._at(system, t) if group is None else {group} | self._at(group, t)
        return found if there and found else None

    def at_level(self, groups, level):
        return {g for g in groups or () if self.level[g] == level}

    def deposit_groups(self, system, level, t):
        """Where the source is: present there if present anywhere, else where it belongs."""
        groups = self._present(system, t)
        if not groups:
            groups = self._at(system, t)
        return self.at_level(groups, level)

    def _readers(self, role, group, level, t):
        """Eligible readers of a pool: of the role, present in the group."""
        return [s for s in self.role if self.role[s] == role and group in self.at_level(self._present(s, t), level)]

    def organisation(self, system, t):
        """Number of the first organisation that the system is in, or is: whose calendar applies; a last one is for none."""
        names = [s for s in self.role if self.level[s] == "organisation"]
        inside = self._at(system, t) | {system}
        found = [number for number, name in enumerate(names) if name in inside]
        return 0 if len(names) < 2 else min(found, default=len(names))

    # --- incidents and deposits -----------------------------------------------------------------------------------

    def _cell(self, t, precision):
        """Start and end of the local cell that holds t."""
        local = (self.origin + dt.timedelta(days=t)).astimezone(self.zone)
        midnight = [self._clock(local.date() + dt.timedelta(days=d), "00:00") for d in (-1, 0, 1, 2)]
        if precision == "day":
            edges = midnight
        else:
            edges = sorted(
                self._clock(local.date() + dt.timedelta(days=d), clock) for d in (-1, 0, 1) for clock in self.shifts
            )
        start = max(e for e in edges if e <= t + 1e-9)
        return start, min(e for e in edges if e > start)

    def _clock(self, date, clock):
        hour, minute = (int(part) for part in clock.split(":"))
        moment = dt.datetime(date.year, date.month, date.day, hour, minute, tzinfo=self.zone)
        return (moment.astimezone(dt.UTC) - self.origin).total_seconds() / DAY

    def _incidents(self):
        """One entry per (incident, kind, system): its time is that of the first of the incident's finest rows."""
        first, finest, last = {}, {}, {}
        for t, _, _, incident, precision in self.events:
            if incident is not None:
                first[incident] = min(t, first.get(incident, math.inf))
                known = (("minute", "shift", "day").index(precision), t)
                finest[incident] = min(known, finest.get(incident, known))
                last[incident] = max(t, last.get(incident, -math.inf))
        # a span over 24 hours is no point in time: its rows stay separate
        whole = {name for name in first if last[name] - first[name] <= 1.0}
        seen, self.rows = set(), []
        for number, (t, system, kind, incident, precision) in enumerate(self.events):
            key = incident if incident in whole else ("single", number)
            if (key, kind, system) in seen:
                continue
            seen.add((key, kind, system))
            self.rows.append((finest[incident][1] if incident in whole else t, system, kind, key, precision))

    def is_terminal(self, kind):
        return self.vocabulary.kinds[kind].terminal

    def deposits(self):
        made = []
        for t, system, kind, key, _ in self.rows:
            stamp, over = t - 1e-9 if self.is_terminal(kind) else t, self.span(t, system, kind)[1]
            came = [start for member, _, start, _ in self.memberships if member == system and t < start < over]
            if came and not self._at(system, stamp) and not self._at(system, t):
                stamp = min(came)  # who was in no stay when the cell began came in it
            made.append(Deposit(system, kind, key, stamp, over, self.is_coarse(kind)))
        return made

    def is_coarse(self, kind):
        return self.precision_of[kind] != "minute"

    def happens_once(self, kind):
        """Whether a cell holds one event or none: a terminal kind in coarse time."""
        return self.is_terminal(kind) and self.is_coarse(kind)

    def span(self, t, system, kind):
        """Start and end of the cell that an event belongs to; of minute kinds its moment."""
        if not self.is_coarse(kind):
            return t, t
        grain = self.precision_of[kind]
        start, end = self.cell(t, grain)
        # a terminal event at the end of its stay belongs to that stay, and so to the cell in which the stay was
        is_edge = self.is_terminal(kind) and abs(t - start) < 1e-9
        if is_edge and self.is_there(system, kind, t - 1e-6) and not self.is_there(system, kind, t):
            return self.cell(t - 1e-6, grain)
        return start, end

    # --- reading --------------------------------------------------------------------------------------------------

    def weight(self, deposit, channel, everyone):
        """{pool: mass} that the event leaves in each pool of the channel; an incident leaves 1 per pool and kind."""
        if self.role[deposit.system] != channel.from_role and channel.how != "self":
            return {}
        if channel.how == "self":
            return {} if self.pooled[deposit.system] else {deposit.system: 1.0}
        together = [
            d
            for d in everyone
            if d.incident == deposit.incident
            and d.kind == deposit.kind
            and self.role[d.system] == self.role[deposit.system]
        ]
        if channel.how == "tie":
            # a tie may begin after the event, so the division is over the incident's systems that ever have one
            tied = [d for d in together if any(self.tied(d.system, channel, None))]
            return {deposit.system: 1.0 / len(tied)} if tied else {}
        pools = (
            {deposit.system}
            if channel.how == "group"
            else self.deposit_groups(deposit.system, channel.where, deposit.stamp)
        )
        shares = {}
        for pool in pools:
            if channel.how == "group":
                shares[pool] = 1.0
                continue
            sharing = sum(pool in self.deposit_groups(d.system, channel.where, d.stamp) for d in together)
            shares[pool] = 1.0 / len(pools) / sharing
        return shares

    def tied(self, source, channel, t):
        """{reader: weight} of the source's ties at t (``None``: ever)."""
        found = {}
        for a, b, relation, start, end, weight in self.ties:
            if relation != channel.where:
                continue
            other = b if a == source else a if b == source else None
            if other is None or self.role[other] != channel.to_role:
                continue
            definition = self.vocabulary.relations[relation]
            forward = definition.source == channel.from_role
            is_forward = a == source
            same_role = channel.from_role == channel.to_role
            if (is_forward != forward) and not same_role:
                continue
            if same_role and not is_forward and definition.source == definition.target:
                continue
            if t is None or start <= t < end:
                found[other] = found.get(other, 0.0) + weight
        return found

    def share(self, reader, deposit, channel, masses, t):
        """Share of the event's mass that the reader gets at t."""
        total = 0.0
        for pool, mass in masses.items():
            if channel.how == "self":
                total += mass * (reader == pool)
            elif channel.how == "tie":
                ties = self.tied(pool, channel, t)
                total += mass * ties.get(reader, 0.0) / sum(ties.values()) if ties else 0.0
            elif channel.how == "members":
                total += mass * (reader == pool)
            else:
                eligible = [r for r in self.readers(channel.to_role, pool, channel.where, t) if r != deposit.system]
                if reader in eligible:
                    total += mass / len(eligible)
        return total

    def pools_of(self, reader, channel, t):
        """Pools that the reader reads from at t."""
        if channel.how in ("self", "members"):
            return {reader}
        if channel.how == "tie":
            return {source for source in self.role if reader in self.tied(source, channel, t)}
        return self.at_level(self._present(reader, t), channel.where) - {reader}

    def is_shared(self, kind, channel):
        """Whether, in every organisation at any time, all who are at risk and read anything read the same pools."""
        everyone = self.deposits()
        deposited = {pool for deposit in everyone for pool in self.weight(deposit, channel, everyone)}
        for left, right in itertools.pairwise(self.moments(self.precision_of[kind])):
            middle, read = 0.5 * (left + right), {}
            for system in self.role:
                pools = self.pools_of(system, channel, middle) & deposited
                if pools and self.at_risk(system, kind, middle):
                    read.setdefault(self.organisation(system, middle), set()).add(frozenset(pools))
            if any(len(different) > 1 for different in read.values()):
                return False
        return True

    def at_risk(self, system, kind, t):
        definition = self.vocabulary.kinds[kind]
        if definition.of != self.role[system] or not self.history <= t < self.length:
            return False
        for group, start, end, kinds in self.gaps:
            inside = group is None or group == system or group in self._at(system, t)
            # what sounds from inside a gap is unknown: the history begins again after it
            if inside and start <= t < end + self.history and (not kinds or kind in kinds):
                return False
        if definition.terminal and self.has_ended(system, kind, t):
            return False
        return self.is_there(system, kind, t)

    def is_there(self, system, kind, t):
        """Whether the system is a member, or present, as the kind asks for."""
        if self.level[system] != "person":
            # a group that belongs to something is open while it does; one that never does is open throughout
            return bool(self._at(system, t)) or all(m[0] != system for m in self.memberships)
        if self.vocabulary.kinds[kind].while_ == "member":
            return bool(self._at(system, t))
        return self._present(system, t) is not None

    def has_ended(self, system, kind, t):
        """Whether a terminal event has happened, its cell is over, and no new stay has begun since."""
        begins = {m[2] for m in self.memberships if m[0] == system and not self._at(system, m[2] - 1e-9)}
        for when, who, what, _, _ in self.rows:
            if who != system or what != kind:
                continue
            over = self.span(when, system, kind)[1]
            later = sorted(begin for begin in begins if begin >= when)
            if not self._at(system, when - 1e-9) and later and later[0] < over:
                later = later[1:]  # the stay that it ended began in the same cell
            if over < t and not any(begin <= t for begin in later):
                return True
        return False

    def _moments(self, grain):
        """Every time at which anything but decay changes."""
        marks = {0.0, self.length, self.history}
        for _, _, start, end in self.memberships:
            marks |= {start, end}
        for _, _, start, end, _ in self.presence:
            marks |= {start, end}
        for _, _, _, start, end, _ in self.ties:
            marks |= {start, end}
        for _, start, end, _ in self.gaps:
            marks |= {start, end, end + self.history}
        marks |= {self.visible(d, grain) for d in self.deposits()}
        marks |= {row[0] for row in self.rows}
        return sorted(m for m in marks if 0 <= m <= self.length)

    def visible(self, deposit, grain):
        """When a target of this grain may first hear of the event."""
        if grain == "minute":
            return deposit.time
        start, end = self.cell(deposit.time, grain)
        return start if deposit.coarse and abs(deposit.time - start) < 1e-9 else end

    def columns(self, kind):
        role = self.vocabulary.kinds[kind].of
        sources = sorted({row[2] for row in self.rows})
        found = []
        for c, channel in enumerate(self.channels):
            if channel.how != "self" and channel.to_role != role:
                continue
            for source in sources:
                owner = self.vocabulary.kinds[source].of
                if owner == (role if channel.how == "self" else channel.from_role):
                    found += [(c, source, b) for b in range(len(self.kernels))]
        return found

    def integral(self, deposit, b, start, end):
        return underway(start - deposit.time, *self.kernels[b]) - underway(end - deposit.time, *self.kernels[b])

    def target_rows(self, kind):
        """(time, end, system, count) of each scored row."""
        if not self.is_coarse(kind):
            rows = []
            for t, system, k, _, _ in self.rows:
                before = t - 1e-9 if self.is_terminal(kind) else t
                if k == kind and t >= self.history and self.at_risk(system, kind, before):
                    rows.append((t, t, system, 1))
            return rows
        counts = {}
        for t, system, k, _, _ in self.rows:
            if k == kind:
                key = (*self.span(t, system, kind), system)
                if self.days_at_risk(system, kind, *key[:2]) > 0.0:
                    counts[key] = counts.get(key, 0) + 1
        return [(a, b, system, n) for (a, b, system), n in sorted(counts.items())]

    def days_at_risk(self, system, kind, start, end):
        cuts = [start, *[m for m in self.moments(self.precision_of[kind]) if start < m < end], end]
        return sum(
            right - left
            for left, right in itertools.pairwise(cuts)
            if right - left > 1e-9 and self.at_risk(system, kind, 0.5 * (left + right))
        )

    def features(self, kind):
        """{(time, system): {column: value}} for every target row of the kind."""
        everyone = self.deposits()
        found = {}
        for start, end, system, _ in self.target_rows(kind):
            found[(start, system)] = {
                column: self._feature(column, everyone, system, kind, start, end) for column in self.columns(kind)
            }
        return found

    def _feature(self, column, everyone, system, kind, start, end):
        c, source, b = column
        channel, grain, total = self.channels[c], self.precision_of[kind], 0.0
        for deposit in everyone:
            if deposit.kind != source:
                continue
            seen = self.visible(deposit, grain)
            # read before what is deposited at that moment: minute events, and all if the target stands just before it
            is_before = grain == "minute" and (self.is_terminal(kind) or not deposit.coarse)
            if seen > start - 1e-12 if is_before else seen > start + 1e-12:
                continue
            masses = self.weight(deposit, channel, everyone)
            if grain == "minute":
                now = start - 1e-9 if self.is_terminal(kind) else start
                kappa = density(start - deposit.time, *self.kernels[b])
                total += self.share(system, deposit, channel, masses, now) * kappa
                continue
            cuts = [start, *[m for m in self.moments(grain) if start < m < end], end]
            for left, right in itertools.pairwise(cuts):
                middle = 0.5 * (left + right)
                if self.at_risk(system, kind, middle):
                    share = self.share(system, deposit, channel, masses, middle)
                    total += share * self.integral(deposit, b, left, right)
        return total

    def compensator(self, kind, phi=average, marks=()):
        """{column: integral over everyone at risk}, times phi(system, t), which changes at marks alone."""
        grain, everyone = self.precision_of[kind], self.deposits()
        moments = sorted({*self.moments(grain), *marks})
        total = dict.fromkeys(self.columns(kind), 0.0)
        exposure = 0.0
        for start, end in itertools.pairwise(moments):
            middle = 0.5 * (start + end)
            for system in self.role:
                if not self.at_risk(system, kind, middle):
                    continue
                exposure += end - start
                for deposit in everyone:
                    if self.visible(deposit, grain) > start + 1e-9:
                        continue
                    for c, source, b in total:
                        if source == deposit.kind:
                            channel = self.channels[c]
                            masses = self.weight(deposit, channel, everyone)
                            share = self.share(system, deposit, channel, masses, middle) * phi(system, middle)
                            total[(c, source, b)] += share * self.integral(deposit, b, start, end)
        return total, exposure
