"""What covariates make of the endemic rate, and of what reaches someone, taken from a design as it was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from antiphon.design.steps import make_steps

if TYPE_CHECKING:
    from antiphon.design.design import Design
    from antiphon.design.steps import Steps
    from antiphon.model.parameters import Model


def circumstances_of(design: Design, model: Model) -> dict[int, Steps]:
    """Return the log factor that covariates make for each kind that has any, system by system, as step functions.

    Parameters
    ----------
    design, model
        A design, and a model with the covariates of that design.

    Returns
    -------
    dict
        {kind: log factor from a time on}; 0 before a system is first there, and the last value where it is not.

    Notes
    -----
    Covariates are as they were recorded, also those that count events (doses): simulated events do not change them.
    """
    role_of = {kind: role for role in design.roles for kind in role.kinds}
    found = {}
    for target in model.targets:
        if target.endemic.covariates.any():
            segments = role_of[target.kind].segments
            effect = segments.covariates @ target.endemic.covariates
            found[target.kind] = make_steps(segments.system, segments.start, effect, design.n_systems, before=0.0)
    return found


def receptivity_of(design: Design, model: Model) -> dict[int, Steps]:
    """Return the log receptivity for each kind that has any, system by system, as step functions.

    Parameters
    ----------
    design, model
        A design, and a model with the receptivity of that design.

    Returns
    -------
    dict
        {kind: log of what everything that reaches a system is multiplied by, from a time on}; with values of covariates as
        the estimator rounds them, and 0 where a system is not at risk.
    """
    found = {}
    for target in design.targets:
        delta = next((one.receptivity for one in model.targets if one.kind == target.kind), None)
        if target.heard is not None and delta is not None and delta.any():
            segments, heard = design.roles[target.role].segments, target.heard
            by_level = np.append(heard.levels @ delta[heard.covariates], 0.0)
            effect = by_level[heard.segment_level]
            found[target.kind] = make_steps(segments.system, segments.start, effect, design.n_systems, before=0.0)
    return found
