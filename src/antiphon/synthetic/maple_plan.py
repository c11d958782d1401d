"""Maple House on paper: its units, people and rotas, what happens there by itself, and what echoes what.

Rates are set so that the records come out near published ones (``domain.md`` section 2): about 18 acts of aggression
per 1,000 client-days, 6 of them physical; 53 % of them met with coercion in the same incident; 55 / 37 / 8 % of what
happens with clients in the evening, by day and at night; 30 % of the staff leave in a year.
"""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.synthetic.truth import Coupling, Endemic, Response, Truth

SHIFTS = ("07:00", "15:00", "23:00")
ORGANISATION = "maple-house"
ENVIRONMENT = "outside"

HOURS = 8.0
DAYS = 72.0

CLIENT_SHIFTS = (1.116, 1.644, 0.24)
OFFICE_SHIFTS = (2.4, 0.55, 0.05)
EVEN_SHIFTS = (1.0, 1.0, 1.0)
CLIENT_WEEK = (1.0, 0.95, 0.95, 1.0, 1.1, 1.05, 0.95)
STAFF_WEEK = (1.1, 0.9, 0.9, 0.9, 1.0, 1.1, 1.1)
OFFICE_WEEK = (1.32, 1.32, 1.32, 1.32, 1.32, 0.2, 0.2)
EVEN_WEEK = (1.0,) * 7
FRONT_LOADED = (2.5, 1.4, 1.0)
SETTLING = (0.35, 0.5, 1.0)
ALIKE = (1.0, 1.0, 1.0)
DEBRIEFING_EFFECT = -0.25


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: its places, and how many staff each shift needs at least."""

    name: str
    places: int
    needed: tuple[int, int, int]


UNITS = (
    Unit("unit-1", 8, (3, 3, 2)),
    Unit("unit-2", 9, (3, 3, 2)),
    Unit("unit-3", 12, (4, 4, 2)),
    Unit("unit-4", 31, (8, 8, 4)),
)


def _client(kind: str, per_thousand: float, variance: float, *, practice: float = 0.0) -> Endemic:
    return Endemic(
        kind,
        "client",
        per_thousand / 1000,
        shift=CLIENT_SHIFTS,
        weekday=CLIENT_WEEK,
        since_admission=FRONT_LOADED,
        practice_effect=practice,
        frailty_variance=variance,
    )


def _group(kind: str, role: str, per_year: float, *, precision: str = "day", office: bool = True) -> Endemic:
    return Endemic(
        kind,
        role,
        per_year / 365,
        precision="day" if precision == "day" else "minute",
        while_="member",
        shift=OFFICE_SHIFTS if office else CLIENT_SHIFTS,
        weekday=OFFICE_WEEK if office else EVEN_WEEK,
    )


ENDEMIC = (
    _client("aggression_verbal", 5.0, 2.0, practice=DEBRIEFING_EFFECT),
    _client("aggression_property", 2.6, 2.0, practice=DEBRIEFING_EFFECT),
    _client("aggression_physical", 3.9, 2.0, practice=DEBRIEFING_EFFECT),
    _client("self_harm", 3.2, 2.0),
    _client("elopement", 2.6, 1.5),
    _client("refusal", 6.5, 1.5),
    _client("restraint", 0.9, 2.0),
    _client("medication_as_needed", 1.6, 1.5),
    _client("seclusion", 0.3, 2.0),
    Endemic(
        "discharge",
        "client",
        0.0052,
        while_="member",
        terminal=True,
        shift=OFFICE_SHIFTS,
        weekday=OFFICE_WEEK,
        since_admission=SETTLING,
    ),
    Endemic("absence_unscheduled", "staff", 0.05, precision="shift", weekday=STAFF_WEEK, frailty_variance=0.6),
    Endemic("staff_injury", "staff", 0.0025, shift=EVEN_SHIFTS, frailty_variance=0.4),
    Endemic("resignation", "staff", 0.23 / 365, precision="day", while_="member", terminal=True, weekday=OFFICE_WEEK),
    Endemic("dismissal", "staff", 0.03 / 365, precision="day", while_="member", terminal=True, weekday=OFFICE_WEEK),
    _group("over_capacity", "unit", 13.0, office=False),
    _group("lock_down", "unit", 2.0, precision="minute", office=False),
    _group("debrief", "unit", 4.0, precision="minute"),
    _group("policy_change", "organisation", 9.0),
    _group("licensing_finding", "organisation", 4.0),
    _group("audit", "environment", 7.0),
    _group("budget_cut", "environment", 3.0),
)

COUPLINGS = (
    Coupling("self", "aggression_verbal", "aggression_physical", 0.12, HOURS),
    Coupling("self", "aggression_physical", "aggression_physical", 0.15, HOURS),
    Coupling("self", "self_harm", "self_harm", 0.20, DAYS),
    Coupling("self", "staff_injury", "absence_unscheduled", 0.90, DAYS),
    Coupling("self", "staff_injury", "resignation", 0.10, DAYS),
    Coupling("peers:unit:client>client", "aggression_physical", "aggression_verbal", 0.25, HOURS),
    Coupling("peers:unit:client>client", "restraint", "aggression_verbal", 0.22, HOURS),
    Coupling("peers:unit:client>client", "discharge", "self_harm", 0.25, HOURS),
    Coupling("peers:unit:client>staff", "aggression_physical", "absence_unscheduled", 0.40, DAYS),
    Coupling("peers:unit:staff>client", "absence_unscheduled", "refusal", 0.18, DAYS),
    Coupling("group:unit:unit>client", "over_capacity", "aggression_property", 0.70, DAYS),
    Coupling("members:unit:client>unit", "aggression_physical", "lock_down", 0.10, HOURS),
    Coupling("members:unit:client>unit", "restraint", "debrief", 0.35, HOURS),
    Coupling("members:organisation:staff>organisation", "staff_injury", "policy_change", 0.35, DAYS),
    Coupling("group:organisation:organisation>staff", "policy_change", "absence_unscheduled", 2.00, DAYS),
    Coupling("group:environment:environment>organisation", "budget_cut", "policy_change", 0.80, DAYS),
    Coupling("group:environment:environment>organisation", "audit", "policy_change", 0.60, DAYS),
    Coupling("tie:caseload:staff>client", "absence_unscheduled", "self_harm", 0.10, DAYS),
)

AGGRESSION = ("aggression_verbal", "aggression_property", "aggression_physical")
COERCION_SHARE = 0.53
# What a coercive answer consists of: shares of the answers, and the kinds.
COERCION = (
    (0.40, ("restraint",)),
    (0.20, ("seclusion",)),
    (0.25, ("medication_as_needed",)),
    (0.15, ("restraint", "medication_as_needed")),
)
INJURY_SHARE = 0.15


def _responses() -> tuple[Response, ...]:
    shares: dict[str, float] = {}
    for share, kinds in COERCION:
        for kind in kinds:
            shares[kind] = shares.get(kind, 0.0) + share
    coercive = [
        Response(first, second, round(COERCION_SHARE * share, 6))
        for first in AGGRESSION
        for second, share in shares.items()
    ]
    return (*coercive, Response("aggression_physical", "staff_injury", INJURY_SHARE, "staff present"))


MAPLE_HOUSE = Truth(
    agency="Maple House",
    timezone="America/New_York",
    window=("2024-01-01", "2026-01-01"),
    endemic=ENDEMIC,
    couplings=COUPLINGS,
    responses=_responses(),
    coercion_share=COERCION_SHARE,
    shared_shape={"client": 0.3, "staff": 0.6},
    practices=(
        {
            "practice": "debriefing",
            "group": ORGANISATION,
            "start": "2025-01-01",
            "end_of_ramp": "2025-10-01",
            "effect": f"endemic aggression x exp({DEBRIEFING_EFFECT} dose)",
        },
        {
            "practice": "community_meetings",
            "group": "unit-3, unit-4",
            "start": "2024-01-01, 2024-09-02",
            "end_of_ramp": None,
            "effect": "none",
        },
    ),
    notes=(
        "All units are alike: no unit frailty.",
        "Presence of staff is the rota as worked or called in sick: an unscheduled absence lies in a rostered shift.",
        "Staff are at work about a fifth of the time, so about a fifth of what self channels send to absences lands.",
        "Frailty does not change the length of a stay.",
        "An injury inside an incident falls on any of the staff then on the unit alike.",
        "Scores of the monthly pulse follow the unit's acts of aggression in the month; they cause nothing.",
    ),
)
