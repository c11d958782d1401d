"""The grammar of channels, ``HOW:WHERE:FROM>TO``, and the channels that an agency's records suggest."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np

from antiphon.design.design import Channel, How
from antiphon.errors import SpecificationError
from antiphon.framework.vocabulary import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from antiphon.design.roster import Roster, Ties

EXAMPLES = '"self", "peers:unit:client>staff", "members:unit:staff>unit", "group:unit:unit>client", "tie:caseload:staff>client"'


def parse_channel(text: str) -> Channel:
    """Read a channel as it stands in ``agency.toml``.

    Raises
    ------
    SpecificationError
        Where the text does not follow the grammar.
    """
    if text.strip() == "self":
        return Channel("self", "", "", "")
    parts = [part.strip() for part in text.replace(">", ":").split(":")]
    if len(parts) != 4 or text.count(">") != 1 or not all(parts) or parts[0] not in get_args(How):
        message = f'The channel "{text}" cannot be read. Write HOW:WHERE:FROM>TO, such as {EXAMPLES}.'
        raise SpecificationError(message)
    how, where, source, target = parts
    return Channel(how, where, source, target)  # pyright: ignore[reportArgumentType]


def check_channels(
    channels: Sequence[Channel], levels: tuple[str, ...], roles: Mapping[str, str], relations: set[str]
) -> None:
    """Refuse channels that name levels, relations or roles that do not exist, or that cannot be travelled.

    Roles come with their levels.
    """
    if len(set(channels)) < len(channels):
        raise SpecificationError("Each channel can be named once.")
    for channel in channels:
        if channel.how == "self":
            continue
        if channel.how == "tie":
            _known("relation", channel.where, relations, channel)
        else:
            _known("level", channel.where, set(levels[:-1]), channel)
        for role in (channel.from_role, channel.to_role):
            _known("role", role, set(roles), channel)
        own = {"members": channel.to_role, "group": channel.from_role}.get(channel.how)
        if own is not None and roles[own] != channel.where:
            side = "ends" if channel.how == "members" else "starts"
            raise SpecificationError(
                f'The channel "{channel.name}" {side} at the group itself: write the level "{channel.where}" there.'
            )


def counted(channel: Channel, roster: Roster) -> Channel:
    """Return a channel between the roles that people count under here."""
    return Channel(channel.how, channel.where, roster.counts_as(channel.from_role), roster.counts_as(channel.to_role))


def _known(what: str, name: str, names: set[str], channel: Channel) -> None:
    known = sorted(names)
    if name not in known:
        guess = nearest(name, known)
        hint = f' Did you mean "{guess}"?' if guess else ""
        allowed = ", ".join(known) or "none"
        raise SpecificationError(f'The channel "{channel.name}" names the {what} "{name}".{hint} There are: {allowed}.')


def default_channels(roster: Roster, roles: Sequence[str]) -> tuple[Channel, ...]:
    """Return the channels that the records suggest.

    Parameters
    ----------
    roster
        Who is where.
    roles
        Roles (and levels) that have events of their own.

    Notes
    -----
    Own past; peers in units, for each ordered pair of roles that meet there; up and down between every group with
    events and those in it; ties in both directions where both ends have events.
    """
    level_of = dict(zip(roster.role.tolist(), roster.level.tolist(), strict=True))
    groups = [(level, role) for level in roster.levels[:-1] for role in roles if level_of.get(role) == level]
    people = [role for role in roles if level_of.get(role) == roster.levels[-1]]
    found = [Channel("self", "", "", "")]
    meeting = meeting_level(roster)
    if meeting:
        inside = {role: _groups_of(roster, role, meeting) for role in people}
        found += [
            Channel("peers", meeting, one, other) for one in people for other in people if inside[one] & inside[other]
        ]
    below = [
        (level, own, role)
        for level, own in groups
        for role in roles
        if role != own and (roster.role[list(_groups_of(roster, role, level))] == own).any()
    ]
    found += [Channel("members", level, role, own) for level, own, role in below]
    found += [Channel("group", level, own, role) for level, own, role in below]
    for relation, ties in roster.ties.items():
        found += _tie_channels(relation, ties, roster, roles)
    return tuple(found)


def meeting_level(roster: Roster) -> str:
    """Return the level at which people meet: units, or else the innermost level of groups in use; "" for none."""
    used = set(roster.level[np.unique(roster.present.group[roster.is_person[roster.present.owner]])].tolist())
    if roster.unit in used:
        return roster.unit
    inner = [level for level in roster.levels[:-1] if level in used]
    return inner[-1] if inner else ""


def _groups_of(roster: Roster, role: str, level: str) -> set[int]:
    here = (roster.role[roster.present.owner] == role) & (roster.level[roster.present.group] == level)
    return set(np.unique(roster.present.group[here]).tolist())


def _tie_channels(relation: str, ties: Ties, roster: Roster, roles: Sequence[str]) -> list[Channel]:
    pairs = sorted(set(zip(roster.role[ties.source].tolist(), roster.role[ties.target].tolist(), strict=True)))
    found = []
    for source, target in pairs:
        if source in roles and target in roles:
            found.append(Channel("tie", relation, source, target))
            if source != target:
                found.append(Channel("tie", relation, target, source))
    return list(dict.fromkeys(found))
