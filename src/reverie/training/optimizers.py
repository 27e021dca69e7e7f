"""Optimizers by name, and those of users: a function of the parameters.

An optimizer's own learning rates are kept relative to `--learning-rate`, so that warm-up, decay and
schedule apply to every group of parameters.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from reverie.core.errors import UserError
from reverie.core.plugins import Registry, path_of
from reverie.core.signatures import takes
from reverie.methods import MethodOptions

MakeOptimizer = (
    Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer]
    | Callable[[Sequence[nn.Parameter], MethodOptions], torch.optim.Optimizer]
)
"""From parameters, or from parameters and the method's options, to an optimizer."""


def _adam(parameters: Sequence[nn.Parameter], options: MethodOptions) -> torch.optim.Optimizer:
    betas = (options.beta1, options.beta2)
    return torch.optim.Adam(parameters, options.learning_rate, betas, fused=_has_fused(parameters))


def _adamw(parameters: Sequence[nn.Parameter], options: MethodOptions) -> torch.optim.Optimizer:
    betas = (options.beta1, options.beta2)
    return torch.optim.AdamW(parameters, options.learning_rate, betas, fused=_has_fused(parameters))


def _sgd(parameters: Sequence[nn.Parameter], options: MethodOptions) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, options.learning_rate, momentum=options.beta1)


def _rmsprop(parameters: Sequence[nn.Parameter], options: MethodOptions) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(parameters, options.learning_rate, alpha=options.beta2)


def _has_fused(parameters: Sequence[nn.Parameter]) -> bool:
    return parameters[0].device.type in ("cpu", "cuda")


OPTIMIZERS: Registry[MakeOptimizer] = Registry(
    "optimizer",
    "reverie.optimizers",
    {"adam": _adam, "adamw": _adamw, "sgd": _sgd, "rmsprop": _rmsprop},
    lambda thing: (
        None
        if takes(thing, 1) or takes(thing, 2)
        else "it is no function of (parameters) or (parameters, options)"
    ),
)
"""Optimizers by name; `beta1` is the momentum of sgd, `beta2` the smoothing of rmsprop."""


def make_optimizer(
    name: str, parameters: Sequence[nn.Parameter], options: MethodOptions
) -> torch.optim.Optimizer:
    """The optimizer called `name`; each group gets a `relative_rate`.

    Raises:
        UserError: if there is none, or what was registered makes none.
    """
    make: Any = OPTIMIZERS.find(name)
    optimizer = make(parameters, options) if _takes_options(make) else make(parameters)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise UserError(
            f"the optimizer {name!r} must return a torch.optim.Optimizer, not a "
            f"{type(optimizer).__name__}."
        )
    base = options.learning_rate
    for group in optimizer.param_groups:
        group["relative_rate"] = group["lr"] / base if base else 1.0
    return optimizer


def _takes_options(make: Callable[..., Any]) -> bool:
    """Whether a function needs two arguments."""
    empty = inspect.Parameter.empty
    parameters = inspect.signature(make).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in kinds and one.default is empty for one in parameters) > 1


def name_in(registry: Registry[Any], part: object) -> str:
    """The name of a function in `registry`, where it is registered by its module and name.

    Raises:
        UserError: if it is neither a name nor a function.
    """
    if isinstance(part, str):
        return part
    if not callable(part):
        raise UserError(f"{registry.kind} must be a name or a function, not {part!r}.")
    name = path_of(getattr(part, "func", part))  # of functools.partial
    registry.register(name, part)
    return name


def check_registered(registry: Registry[Any], name: str) -> None:
    """Raise a UserError if there is no `name`, with what helps where it is a function's."""
    if name in registry or "." not in name:
        registry.find(name)
        return
    raise UserError(
        f"the {registry.kind} {name!r} is a function of Python that this process does not know: "
        f"train in Python with {registry.kind}= and that function."
    )


def check_optimizer(name: str) -> None:
    """Raise a UserError if there is no optimizer `name`, or it cannot step as the others do."""
    check_registered(OPTIMIZERS, name)
    parameter = nn.Parameter(torch.zeros(1, 1))
    optimizer = make_optimizer(name, [parameter], MethodOptions())
    parameter.grad = torch.zeros(1, 1)
    try:
        optimizer.step()
    except TypeError:
        raise UserError(
            f"the optimizer {name!r} needs a closure that computes the loss again, which a "
            "training does not give: use one that steps by gradients alone."
        ) from None
