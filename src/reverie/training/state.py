"""The state of a training: networks, optimizers, EMA weights, and their checkpoint."""

import copy
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.methods import Method
from reverie.methods.recipe import TrainOptions
from reverie.nn.dropout import set_dropout_generator
from reverie.runs.checkpoint import Checkpoint
from reverie.runs.model_folder import channels_last
from reverie.training.convolutions import ConvolutionForms
from reverie.training.gradient_checkpointing import enable_gradient_checkpointing
from reverie.training.optimizers import make_optimizer

Losses = dict[str, Tensor]
"""Losses and their terms by name: `generator`, `discriminator/real`."""


@dataclass
class Counters:
    """How far a training is: steps done, seconds spent, and whether it is finished.

    `events` has the seconds at which it last logged, sampled and saved.
    """

    step: int = 0
    seconds: float = 0.0
    finished: bool = False
    events: dict[str, float] = field(default_factory=dict)


class TrainState:
    """A method with its phases, optimizers and EMA weights."""

    def __init__(self, method: Method, options: TrainOptions, accelerator: Accelerator) -> None:
        channels_last(method.to(accelerator.device)).train()
        self.method = method
        self.options = options
        self.accelerator = accelerator
        self.phases = method.phases()
        self.averaged = _copy_for_inference(method, averages=options.ema_decay > 0)
        self.forms = ConvolutionForms() if tunes(options, accelerator) else None
        if self.forms:
            self.forms.install(method)
        self.dropout = torch.Generator(accelerator.device)
        set_dropout_generator(method, self.dropout)
        if options.gradient_checkpointing:
            enable_gradient_checkpointing(method)
        self.parameters: dict[tuple[nn.Module, ...], list[nn.Parameter]] = {}
        self.optimisers: dict[tuple[nn.Module, ...], Any] = {}
        for phase in self.phases:
            if phase.networks not in self.optimisers:
                parameters = [p for network in phase.networks for p in network.parameters()]
                self.parameters[phase.networks] = parameters
                optimizer = make_optimizer(options.optimizer, parameters, method.options)
                if accelerator.scaler:  # else the wrapper takes half a millisecond a step
                    optimizer = accelerator.prepare_optimizer(optimizer)
                self.optimisers[phase.networks] = optimizer
        method.requires_grad_(False)
        self.averaged.requires_grad_(False)
        pairs = [
            (self.averaged.get_submodule(name), method.get_submodule(name))
            for name in method.averaged
        ]
        self._averages: list[Tensor] = [p for slow, _ in pairs for p in slow.parameters()]
        self._present: list[Tensor] = [p for _, fast in pairs for p in fast.parameters()]
        self._buffers = [
            both
            for slow, fast in pairs
            for both in zip(slow.buffers(), fast.buffers(), strict=True)
        ]

    @torch.no_grad()
    def average(self, step: int) -> None:
        """Update the EMA weights; the decay is at most (1 + step) / (10 + step)."""
        if self.options.ema_decay == 0:
            return  # `finished_method` uses the current weights
        decay = min(self.options.ema_decay, (1 + step) / (10 + step))
        if self._averages:  # a method may average nothing that has parameters
            torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                self._averages, self._present, 1 - decay
            )
        for kept, now in self._buffers:
            if kept.is_floating_point():
                kept.lerp_(now, 1 - decay)
            else:
                kept.copy_(now)

    @torch.no_grad()
    def finished_method(self) -> Method:
        """Method for inference: EMA weights of networks in `method.averaged`, else current ones."""
        present = self.method.state_dict()
        for key, tensor in self.averaged.state_dict().items():
            if self.options.ema_decay == 0 or key.split(".", 1)[0] not in self.method.averaged:
                tensor.copy_(present[key])
        return self.averaged

    def learning_rate_now(self) -> float:
        """Learning rate of the last update."""
        return next(iter(self.optimisers.values())).param_groups[0]["lr"]

    def checkpoint(self, counters: Counters, facts: dict[str, Any]) -> Checkpoint:
        """Checkpoint with weights, EMA weights, optimizer state, and what `facts` says besides.

        Raises:
            UserError: if a tensor is not finite.
        """
        tensors = {f"method.{k}": v for k, v in self.method.state_dict().items()}
        if self.options.ema_decay:
            tensors |= {
                f"averaged.{k}": v
                for k, v in self.averaged.state_dict().items()
                if k.split(".", 1)[0] in self.method.averaged
            }
        scalars: dict[str, Any] = {}
        for number, optimiser in enumerate(self.optimisers.values()):
            for index, slots in optimiser.state_dict()["state"].items():
                named = {f"optimiser.{number}.{index}.{k}": v for k, v in slots.items()}
                tensors |= {k: v for k, v in named.items() if isinstance(v, Tensor)}
                scalars |= {k: v for k, v in named.items() if not isinstance(v, Tensor)}
        broken = [k for k, v in tensors.items() if not torch.isfinite(v).all()]
        if broken:
            raise UserError(
                f"{broken[0]} is no longer finite at step {counters.step}, so no checkpoint is "
                "written; what was saved before is unchanged. Start a new run with a smaller "
                "--learning-rate."
            )
        tensors = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        scaler = self.accelerator.scaler
        own = {
            "seconds": counters.seconds,
            "events": counters.events,
            "learning_rate": self.learning_rate_now(),
            "scaler": scaler.state_dict() if scaler else None,
        }
        if self.forms:
            self.forms.keep()
            own["convolutions"] = dict(self.forms.chosen)
        if scalars:  # of other optimizers than Adam
            own["optimizer_scalars"] = _plain_scalars(scalars, self.options.optimizer)
        return Checkpoint(counters.step, tensors, facts | own)

    def restore(self, checkpoint: Checkpoint) -> Counters:
        """Load weights and optimizer state of `checkpoint`; returns its progress."""

        def under(prefix: str) -> dict[str, Tensor]:
            start = len(prefix)
            return {k[start:]: v for k, v in checkpoint.tensors.items() if k.startswith(prefix)}

        if self.forms:  # older versions had the usual forms alone
            self.forms.resume(checkpoint.facts.get("convolutions"))
        self.method.load_state_dict(under("method."))
        self.averaged.load_state_dict(under("method.") | under("averaged."))
        scalars = checkpoint.facts.get("optimizer_scalars", {})
        for number, optimiser in enumerate(self.optimisers.values()):
            parameters = [p for group in optimiser.param_groups for p in group["params"]]
            slots: dict[int, dict[str, Tensor]] = defaultdict(dict)
            for key, value in under(f"optimiser.{number}.").items():
                index, name = key.split(".")
                # Fused Adam iterates in memory order: its state needs the weights' memory format.
                like = parameters[int(index)]
                like = like if value.shape == like.shape else value
                slots[int(index)][name] = torch.empty_like(like, device=like.device).copy_(value)
            for key, value in scalars.items():
                _, owner, index, name = key.split(".")
                if owner == str(number):
                    slots[int(index)][name] = value
            groups_now = optimiser.state_dict()["param_groups"]
            optimiser.load_state_dict({"state": dict(slots), "param_groups": groups_now})
            for group in optimiser.param_groups:
                group["lr"] = checkpoint.facts.get("learning_rate", group["lr"])
        if self.accelerator.scaler and checkpoint.facts["scaler"]:
            self.accelerator.scaler.load_state_dict(checkpoint.facts["scaler"])
        facts = checkpoint.facts
        return Counters(checkpoint.step, facts["seconds"], events=facts.get("events", {}))


def _copy_for_inference(method: Method, *, averages: bool) -> Method:
    """A copy in eval mode, in which only networks with EMA weights have tensors of their own."""
    networks = [method.get_submodule(name) for name in method.averaged] if averages else []
    own = {id(t) for network in networks for t in (*network.parameters(), *network.buffers())}
    every = (*method.parameters(), *method.buffers())
    shared = {id(tensor): tensor for tensor in every if id(tensor) not in own}
    return copy.deepcopy(method, shared).eval()


def tunes(options: TrainOptions, accelerator: Accelerator) -> bool:
    """Whether the forms of convolutions are chosen by measurement.

    Several processes would have to agree on them.
    """
    return options.autotune and accelerator.device.type == "cpu" and accelerator.num_processes == 1


def _plain_scalars(scalars: dict[str, Any], optimizer: str) -> dict[str, Any]:
    """What an optimizer keeps beside tensors, if a checkpoint can hold it.

    Raises:
        UserError: if it cannot.
    """
    for key, value in scalars.items():
        if value is not None and not isinstance(value, bool | int | float | str):
            raise UserError(
                f"the optimizer {optimizer} keeps a {type(value).__name__} in its state "
                f"({key.rsplit('.', 1)[-1]}), which a checkpoint cannot hold: use tensors and "
                "numbers."
            )
    return scalars
