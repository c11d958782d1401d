"""One exact pass for all target kinds that share readers, grain of time and spells of risk, in threads over components."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from antiphon.kernels import relational as loops
from antiphon.kernels.spells import counting_order

if TYPE_CHECKING:
    from antiphon.design.delays import Kernels
    from antiphon.design.events import Events
    from antiphon.design.pools import Wiring
    from antiphon.design.spells import Spells

N_CHUNKS = 32
"""Fixed, so that sums do not depend on the number of threads."""


@dataclass(frozen=True, slots=True, repr=False)
class Readings:
    """What a class of readers reads: rows by system and time, for minute time or over cells.

    Attributes
    ----------
    system : (rows,) codes; ``start``, ``end``: moment or cell, days.
    is_terminal : whether the rows are read before anything else that happens at the same time.
    kinds : (rows,) target kinds of the row as bits.
    cells : edges of the cells; empty for minute time.
    at_risk : spells of risk, the same for all kinds of the class.
    """

    system: np.ndarray
    start: np.ndarray
    end: np.ndarray
    is_terminal: bool
    kinds: np.ndarray
    cells: np.ndarray
    at_risk: Spells


@dataclass(frozen=True, slots=True, repr=False)
class Reading:
    """What a pass found.

    Attributes
    ----------
    features : (rows, columns); columns by channel, source kind and kernel.
    compensator : (blocks, columns).
    pairs : (columns / kernels,) readers at risk at each deposit, summed by mass.
    meetings : {(position of the wiring, source kind position, bit of the target kind): pools in which both occurred}.
    """

    features: np.ndarray
    compensator: np.ndarray
    pairs: np.ndarray
    meetings: dict[tuple[int, int, int], int]


@dataclass(frozen=True, slots=True, repr=False)
class _Layout:
    """Pools of several channels put side by side, by component; systems and seats renumbered likewise."""

    n_components: int
    component_of_pool: np.ndarray
    component_of_system: np.ndarray
    local_system: np.ndarray
    first_pool: np.ndarray
    first_seat: np.ndarray
    pool_rank: np.ndarray
    seat_rank: np.ndarray
    seat_pool: np.ndarray
    seat_system: np.ndarray


def read_all(
    wirings: list[Wiring], readings: Readings, events: Events, kernels: Kernels, block_edges: np.ndarray
) -> Reading:
    """Run the pass of one class of readers.

    Parameters
    ----------
    wirings
        Channels to the class's role.
    readings
        What is to be read.
    events
        All events.
    kernels
        How echoes are spread over time.
    block_edges
        (blocks + 1,) days.
    """
    n_stages, n_blocks = int(kernels.orders.sum()), block_edges.size - 1
    n_sources = np.asarray([len(w.sources) for w in wirings], np.int64)
    n_groups = int(n_sources.sum())
    features = np.zeros((readings.system.size, n_groups * kernels.orders.size))
    if not wirings:
        return Reading(features, np.zeros((n_blocks, 0)), np.zeros(0), {})
    layout = _lay_out(wirings, readings.at_risk.n_owners)
    state = _allocate(wirings, n_sources, layout, kernels.orders, is_coarse=readings.cells.size > 0)
    changes = _change_stream(wirings, readings, layout)
    sound = _sound(readings, events)
    load, chosen = _by_component(wirings, sound, layout)
    rows = _rows_by_component(readings, layout)
    clock = loops.Clock(kernels.rates, kernels.orders, block_edges, readings.cells)
    sounded = np.zeros(state.sums.size // n_stages, bool)
    read = np.zeros(state.pools.shape[0], np.int64)
    bounds = _chunks(changes.begins + load + rows[1])

    def run(chunk: int) -> loops.Results:
        sums = (
            np.zeros((n_blocks, n_groups * n_stages)),
            np.zeros((n_blocks, n_groups * n_stages)),
            np.zeros(n_groups),
        )
        results = loops.Results(features, *sums, sounded, read)
        # made chunk by chunk: all at once they would be the largest thing in memory
        span = (int(bounds[chunk]), int(bounds[chunk + 1]))
        deposits = _deposit_stream(wirings, chosen, span, sound, layout)
        reads = _read_stream(readings, rows, span, layout)
        loops.run_components(*span, changes, deposits, reads, clock, state, results)
        return results

    with ThreadPoolExecutor(min(os.cpu_count() or 1, bounds.size - 1)) as threads:
        found = list(threads.map(run, range(bounds.size - 1)))
    gained = sum((part.gained for part in found), np.zeros((n_blocks, n_groups * n_stages)))
    carried = sum((part.carried for part in found), np.zeros((n_blocks, n_groups * n_stages)))
    pairs = sum((part.pairs for part in found), np.zeros(n_groups))
    meetings = _meetings(wirings, layout, state.pools[:, loops.OFFSET] // n_stages, sounded, read)
    return Reading(features, _compensate(gained, carried, kernels, block_edges), pairs, meetings)


def _compensate(gained: np.ndarray, carried: np.ndarray, kernels: Kernels, edges: np.ndarray) -> np.ndarray:
    """Add to each block what comes in it of the mass that waits from the blocks before."""
    n_blocks, n_stages = edges.size - 1, int(kernels.orders.sum())
    gained, carried = (part.reshape(n_blocks, -1, n_stages) for part in (gained, carried))
    total = np.add.reduceat(gained, np.cumsum(kernels.orders) - kernels.orders, axis=2)
    standing = np.zeros(carried.shape[1:])
    for block, length in enumerate(np.diff(edges)):
        passed, come = kernels.after(float(length))
        total[block] += standing @ come
        standing = standing @ passed + carried[block]
    return total.reshape(n_blocks, -1)


def _lay_out(wirings: list[Wiring], n_systems: int) -> _Layout:
    n_pools = np.asarray([w.pool.size for w in wirings])
    n_seats = np.asarray([w.seat_system.size for w in wirings])
    first_pool = np.concatenate([[0], np.cumsum(n_pools)])
    first_seat = np.concatenate([[0], np.cumsum(n_seats)])
    pool = np.concatenate([w.seat_pool + first_pool[i] for i, w in enumerate(wirings)])
    system = np.concatenate([w.seat_system for w in wirings])
    n = n_systems + int(first_pool[-1])
    graph = coo_array((np.ones(pool.size, np.int8), (system, n_systems + pool)), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    used, component_of_pool = np.unique(label[n_systems:], return_inverse=True)
    number = np.full(int(label.max()) + 1, -1)
    number[used] = np.arange(used.size)
    component_of_system = number[label[:n_systems]].astype(np.int32)
    component_of_pool = component_of_pool.astype(np.int32)
    by_component, _ = counting_order(component_of_pool, used.size)
    pool_rank = np.empty(by_component.size, np.int64)
    pool_rank[by_component] = np.arange(by_component.size)
    order = np.argsort(component_of_system, kind="stable")
    local = np.empty(n_systems, np.int64)
    local[order] = np.arange(n_systems)
    seat_order, _ = counting_order(local[system], n_systems)
    seat_rank = np.empty(seat_order.size, np.int64)
    seat_rank[seat_order] = np.arange(seat_order.size)
    return _Layout(
        used.size, component_of_pool, component_of_system, local, first_pool, first_seat, pool_rank, seat_rank,
        pool_rank[pool][seat_order], local[system][seat_order],
    )  # fmt: skip


def _allocate(
    wirings: list[Wiring], n_sources: np.ndarray, layout: _Layout, orders: np.ndarray, *, is_coarse: bool
) -> loops.State:
    """Lay out the sums: pools of one component side by side, so that they stay in cache."""
    n_pools, n_seats, n_systems = layout.pool_rank.size, layout.seat_pool.size, layout.local_system.size
    wiring_of = np.empty(n_pools, np.int64)
    wiring_of[layout.pool_rank] = np.repeat(np.arange(len(wirings)), np.diff(layout.first_pool))
    is_same = np.asarray([w.is_same_role for w in wirings])[wiring_of]
    n_stages, columns = int(orders.sum()), n_sources * orders.size
    width = n_sources[wiring_of] * n_stages
    size = np.where(is_same, 3 * width, width)
    pools = np.zeros((n_pools, 8), np.int64)
    pools[:, loops.OFFSET] = np.cumsum(size) - size
    pools[:, loops.COLUMN] = (np.cumsum(columns) - columns)[wiring_of]
    pools[:, loops.WIDTH] = width
    pools[:, loops.IS_SAME] = is_same
    pools[:, loops.STATE] = ((np.cumsum(n_sources) - n_sources) * n_stages)[wiring_of]
    own_width = np.where(is_same, width, 0)[layout.seat_pool]
    own = np.where(own_width > 0, np.cumsum(own_width) - own_width, -1)
    n_sums = int(size.sum())
    return loops.State(
        pools=pools,
        levels=np.zeros((n_pools, loops.SHARE + n_stages)),
        sums=np.zeros(n_sums),
        read=np.zeros(n_sums if is_coarse else 0),
        seats=np.column_stack([layout.seat_pool, layout.seat_system, own]),
        uses=np.zeros((n_seats, 2)),
        own=np.zeros(int(own_width.sum())),
        begins=np.searchsorted(layout.seat_system, np.arange(n_systems + 1)),
        is_at_risk=np.zeros(n_systems, bool),
        open_row=np.full(n_systems, -1),
    )


def _change_stream(wirings: list[Wiring], readings: Readings, layout: _Layout) -> loops.Changes:
    seat = np.concatenate([layout.seat_rank[w.change_seat + layout.first_seat[i]] for i, w in enumerate(wirings)])
    risk = readings.at_risk
    concerned = layout.component_of_system[risk.owner] >= 0
    owner, start, end = risk.owner[concerned], risk.start[concerned], risk.end[concerned]
    system = layout.local_system[np.concatenate([owner, owner])]
    time = np.concatenate([*(w.change_time for w in wirings), start, end])
    value = np.concatenate([*(w.change_weight for w in wirings), np.ones(start.size), np.zeros(end.size)])
    is_risk = np.arange(time.size) >= seat.size
    component_of_seat = np.empty(layout.seat_pool.size, np.int64)
    component_of_seat[layout.seat_rank] = np.concatenate(
        [layout.component_of_pool[w.seat_pool + layout.first_pool[i]] for i, w in enumerate(wirings)]
    )
    component = np.concatenate(
        [component_of_seat[seat], layout.component_of_system[owner], layout.component_of_system[owner]]
    )
    index = np.concatenate([seat, system])
    # ends of risk come before beginnings, so that spells that touch leave it on
    order = np.lexsort((value > 0.0, time, component))
    begins = np.searchsorted(component[order], np.arange(layout.n_components + 1))
    return loops.Changes(begins, time[order], is_risk[order], index[order], value[order])


@dataclass(frozen=True, slots=True, repr=False)
class _Sound:
    """When events may first be heard.

    Attributes
    ----------
    heard : (events,) days; ``order`` : (events,) order of the action among those of the same time.
    rank : (events,) place among all events by time and order.
    age : (events,) days waited until then; empty in minute time, where nothing waits.
    is_heard : (events,) bool, whether that is within the window.
    """

    heard: np.ndarray
    order: np.ndarray
    rank: np.ndarray
    age: np.ndarray
    is_heard: np.ndarray


def _sound(readings: Readings, events: Events) -> _Sound:
    """Put events in order: in minute time when they are made, over cells when a cell may first hear them."""
    heard = events.sounds_from
    if readings.cells.size:
        exactly = np.searchsorted(readings.cells, heard, side="left")
        after = np.searchsorted(readings.cells, heard, side="right")
        heard = np.append(readings.cells, np.inf)[np.where(events.is_coarse, exactly, after)]
        order = np.full(heard.size, loops.COARSE, np.int8)
    else:
        order = np.where(events.is_coarse, np.int8(loops.COARSE), np.int8(loops.FINE))
    rank = np.arange(heard.size, dtype=np.int32)
    if events.is_coarse.any() or readings.cells.size:
        rank[np.lexsort((order, heard))] = np.arange(heard.size, dtype=np.int32)
    is_heard = heard < (readings.cells[-1] if readings.cells.size else np.inf)
    age = heard - events.sounds_from if readings.cells.size else np.zeros(0)
    return _Sound(heard, order, rank, age, is_heard)


def _by_component(
    wirings: list[Wiring], sound: _Sound, layout: _Layout
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Return the deposits before each component, and per wiring its deposits by component and where each begins."""
    load = np.zeros(layout.n_components + 1, np.int64)
    chosen = []
    for i, wiring in enumerate(wirings):
        component = layout.component_of_pool[wiring.event_pool + np.int32(layout.first_pool[i])]
        component = np.where(sound.is_heard[wiring.event], component, layout.n_components)
        order, begins = counting_order(component, layout.n_components + 1)
        load += begins[:-1]
        chosen.append((order[: begins[-2]], begins[:-1]))
    return load, chosen


def _deposit_stream(
    wirings: list[Wiring], chosen: list[tuple[np.ndarray, np.ndarray]], span: tuple[int, int], sound: _Sound,
    layout: _Layout,
) -> loops.Deposits:  # fmt: skip
    """Put the deposits of a run of components in order."""
    first, last = span
    mine = [order[begins[first] : begins[last]] for order, begins in chosen]
    event = np.concatenate([w.event[k] for w, k in zip(wirings, mine, strict=True)])
    pool = np.concatenate(
        [w.event_pool[k] + layout.first_pool[i] for i, (w, k) in enumerate(zip(wirings, mine, strict=True))]
    )
    seat = np.concatenate(
        [
            np.where(w.event_seat[k] >= 0, w.event_seat[k] + layout.first_seat[i], -1)
            for i, (w, k) in enumerate(zip(wirings, mine, strict=True))
        ]
    )
    kind = np.concatenate([w.source[k] for w, k in zip(wirings, mine, strict=True)])
    mass = np.concatenate([w.mass[k] for w, k in zip(wirings, mine, strict=True)])
    component = layout.component_of_pool[pool]
    kept = np.lexsort((sound.rank[event], component))
    begins = np.zeros(layout.n_components + 1, np.int64)
    begins[first : last + 1] = np.searchsorted(component[kept], np.arange(first, last + 1))
    event, seat = event[kept], seat[kept]
    return loops.Deposits(
        begins, sound.heard[event], sound.order[event], layout.pool_rank[pool[kept]].astype(np.int32), kind[kept], mass[kept],
        np.where(seat >= 0, layout.seat_rank[seat], -1).astype(np.int32), sound.age[event] if sound.age.size else sound.age,
    )  # fmt: skip


def _rows_by_component(readings: Readings, layout: _Layout) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows by component, and where each component begins; rows of systems that read nothing are left out."""
    component = layout.component_of_system[readings.system]
    component[component < 0] = layout.n_components
    order, begins = counting_order(component, layout.n_components + 1)
    return order[: begins[-2]], begins[:-1]


def _read_stream(
    readings: Readings, rows: tuple[np.ndarray, np.ndarray], span: tuple[int, int], layout: _Layout
) -> loops.Reads:
    """Put the readings of a run of components in order."""
    (order, begins), (first, last) = rows, span
    row = order[begins[first] : begins[last]]
    action = np.full(row.size, loops.TERMINAL if readings.is_terminal else loops.READ, np.int8)
    time = readings.start[row]
    if readings.cells.size:
        action = np.repeat(np.asarray([loops.READ, loops.CLOSE], np.int8), row.size)
        time = np.concatenate([time, readings.end[row]])
        row = np.concatenate([row, row])
    component = layout.component_of_system[readings.system[row]]
    by_time = np.lexsort((action, time, component))
    row = row[by_time]
    starts = np.zeros(layout.n_components + 1, np.int64)
    starts[first : last + 1] = np.searchsorted(component[by_time], np.arange(first, last + 1))
    system = layout.local_system[readings.system[row]]
    return loops.Reads(starts, time[by_time], action[by_time], system, row, readings.kinds[row])


def _chunks(load: np.ndarray) -> np.ndarray:
    """Cut the components into at most a fixed number of runs of about the same work."""
    wanted = np.linspace(0, load[-1], N_CHUNKS + 1)[1:-1]
    return np.unique(np.concatenate([[0], np.searchsorted(load, wanted), [load.size - 1]]))


def _meetings(
    wirings: list[Wiring], layout: _Layout, first_sound: np.ndarray, sounded: np.ndarray, read: np.ndarray
) -> dict[tuple[int, int, int], int]:
    """Count the pools in which a source kind sounded and a target kind was read."""
    found = {}
    bits = [bit for bit in range(63) if np.any(read & (1 << bit))]
    for i, wiring in enumerate(wirings):
        rank = layout.pool_rank[layout.first_pool[i] : layout.first_pool[i + 1]]
        for position in range(len(wiring.sources)):
            has_source = sounded[first_sound[rank] + position]
            for bit in bits:
                n = int(np.count_nonzero(has_source & ((read[rank] & (1 << bit)) != 0)))
                if n:
                    found[i, position, bit] = n
    return found
