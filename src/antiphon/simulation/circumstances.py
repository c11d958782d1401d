"""What covariates make of the endemic rate, taken from a design as it was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
