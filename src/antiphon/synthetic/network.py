"""A network of organisations of any size, with its truth beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from antiphon.errors import SpecificationError
from antiphon.synthetic.clock import Clock
from antiphon.synthetic.folder import new_folder, write_settings, write_tables
from antiphon.synthetic.maple_plan import SHIFTS
from antiphon.synthetic.network_people import People, settle
from antiphon.synthetic.network_plan import NETWORK
from antiphon.synthetic.network_process import Events, NetworkProcess
from antiphon.synthetic.truth import Truth, write_truth

if TYPE_CHECKING:
    from antiphon.synthetic.network_people import Places

SETTINGS = """\
[agency]
name = "Network"
timezone = "{timezone}"
window = ["{start}", "{end}"]
precision = "minute"

[kinds.absence_unscheduled]
precision = "day"

[model]
half_lives = ["8h", "3d"]

[privacy]
marking = "Invented records - this network does not exist"
data = "public"
"""
REPORTING_DAYS = 0.1


def write_network(
    folder: str | Path, *, n_organisations: int = 20, seed: int = 1, days: int = 365, rate: float = 1.0
) -> Path:
    """Write a network of organisations as one agency folder, and its truth as ``FOLDER.truth.json``.

    Each organisation has 2 to 4 units of 8 to 16 client and 6 to 12 staff places, held by people one after the other;
    no rotas. Eight kinds, twelve couplings, the same everywhere; endemic levels differ between organisations.
    An organisation has about 135 systems and 850 events a year: ``n_organisations=750, rate=1.55`` gives 100,000
    systems and a million events.

    Parameters
    ----------
    folder : made if it does not exist; an invented agency that is there already is replaced.
    n_organisations : number of organisations, at least 1.
    seed : the same seed and sizes write the same bytes.
    days : length of the window, at least 1.
    rate : factor on all endemic rates.

    Returns
    -------
    folder : where the tables are.
    """
    if n_organisations < 1 or days < 1 or rate <= 0:
        raise SpecificationError("A network needs at least 1 organisation, 1 day and a rate above 0.")
    folder = new_folder(folder)
    start = date.fromisoformat(NETWORK.window[0])
    window = (start.isoformat(), (start + timedelta(days=days)).isoformat())
    random = np.random.default_rng(seed)
    clock = Clock(window, NETWORK.timezone, SHIFTS)
    people = settle(n_organisations, clock.days, random)
    process = NetworkProcess(NETWORK, clock, people, rate, random)
    events = process.run()
    write_settings(folder, SETTINGS.format(timezone=NETWORK.timezone, start=window[0], end=window[1]))
    write_tables(folder, _tables(clock, people, events, random))
    write_truth(_as_drawn(NETWORK, window, rate), process.drawn, folder, seed)
    return folder


def _as_drawn(truth: Truth, window: tuple[str, str], rate: float) -> Truth:
    """Return the truth with the window and the rates that were used."""
    endemic = tuple(replace(entry, per_day=entry.per_day * rate) for entry in truth.endemic)
    return replace(truth, window=window, endemic=endemic)


def _tables(clock: Clock, people: People, events: Events, random: np.random.Generator) -> dict[str, pl.DataFrame]:
    return {
        "events": _events(clock, events, random),
        "systems": _systems(people),
        "memberships": _memberships(clock, people),
        "ties": _ties(clock, people),
    }


def _names(prefix: str, codes: np.ndarray) -> pl.Series:
    return prefix + pl.Series(codes + 1).cast(pl.String).str.zfill(6)


PREFIX = {"client": "c", "staff": "s", "unit": "u", "organisation": "o"}


def _events(clock: Clock, events: Events, random: np.random.Generator) -> pl.DataFrame:
    events = events.take(np.lexsort((events.kind, events.system, events.stamp)))
    prefix = pl.Series([PREFIX[entry.role] for entry in NETWORK.endemic])
    kinds = pl.Series([entry.kind for entry in NETWORK.endemic])
    names = prefix.gather(events.kind) + pl.Series(events.system + 1).cast(pl.String).str.zfill(6)
    known = pl.Series(events.incident >= 0)
    reported = np.where(events.is_day, np.inf, events.stamp + random.exponential(REPORTING_DAYS, len(events)))
    return pl.DataFrame(
        {
            "time": clock.local(events.stamp),
            "system": names,
            "kind": kinds.gather(events.kind),
            "incident": _names("i", events.incident),
            "reported": clock.local(reported),
            "precision": pl.Series(events.is_day),
        }
    ).with_columns(
        pl.when(known).then("incident"),
        pl.when("precision").then(pl.lit("day")).otherwise(pl.lit("minute")).alias("precision"),
    )


def _systems(people: People) -> pl.DataFrame:
    sizes = {
        "organisation": people.n_organisations,
        "unit": len(people.organisation),
        "client": len(people.clients.start),
        "staff": len(people.staff.start),
    }
    parts = []
    for role, n in sizes.items():
        level = "person" if role in {"client", "staff"} else role
        names = _names(PREFIX[role], np.arange(n))
        parts.append(pl.DataFrame({"system": names}).with_columns(level=pl.lit(level), role=pl.lit(role)))
    return pl.concat(parts)


def _memberships(clock: Clock, people: People) -> pl.DataFrame:
    n_units = len(people.organisation)
    parts = [
        pl.DataFrame(
            {
                "member": _names("u", np.arange(n_units)),
                "group": _names("o", people.organisation),
                "start": clock.local(np.full(n_units, -3650.0)),
                "end": clock.local(np.full(n_units, np.inf)),
            }
        )
    ]
    for role in ("client", "staff"):
        places = people.of(role)
        parts.append(
            pl.DataFrame(
                {
                    "member": _names(PREFIX[role], np.arange(len(places.start))),
                    "group": _names("u", places.person_unit),
                    "start": clock.local(places.start),
                    "end": clock.local(_open(places.end, clock)),
                }
            )
        )
    return pl.concat(parts)


def _open(end: np.ndarray, clock: Clock) -> np.ndarray:
    return np.where(end >= clock.days, np.inf, end)


def _ties(clock: Clock, people: People) -> pl.DataFrame:
    """Return who looks after whom: a worker has every n-th client place of the unit, n the unit's staff places."""
    client_place = np.arange(len(people.clients.unit))
    unit = people.clients.unit
    keeper = people.staff.first[unit] + (client_place - people.clients.first[unit]) % people.staff.n[unit]
    clients = _stays(people.clients).with_columns(keeper=pl.Series(keeper).gather(people.clients.place))
    pairs = clients.join(
        _stays(people.staff), left_on="keeper", right_on="place", suffix="_staff", maintain_order="left"
    )
    pairs = pairs.with_columns(
        start=pl.max_horizontal("start", "start_staff"), end=pl.min_horizontal("end", "end_staff")
    ).filter((pl.col("start") < pl.col("end")) & (pl.col("end") > 0) & (pl.col("start") < clock.days))
    return pl.DataFrame(
        {
            "source": _names("s", pairs["person_staff"].to_numpy()),
            "target": _names("c", pairs["person"].to_numpy()),
            "relation": pl.repeat("caseload", pairs.height, eager=True),
            "start": clock.local(pairs["start"].to_numpy()),
            "end": clock.local(_open(pairs["end"].to_numpy(), clock)),
        }
    )


def _stays(places: Places) -> pl.DataFrame:
    person = np.arange(len(places.start))
    return pl.DataFrame({"person": person, "place": places.place, "start": places.start, "end": places.end})
