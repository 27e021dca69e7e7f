"""The same losses and weights, to the bit, as without gradient checkpointing; less memory."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import reverie
from reverie.core.errors import UserError
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.presets import recipe_for
from reverie.methods.translation.resnet_generator import ResidualBlock
from reverie.nn.dropout import Dropout, set_dropout_generator
from reverie.runs.model_folder import build_method
from reverie.runs.run import Run
from reverie.training.gradient_checkpointing import (
    check_gradient_checkpointing,
    enable_gradient_checkpointing,
)
from reverie.training.loop import update
from reverie.training.setup import make_accelerator
from reverie.training.state import TrainState

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "cyclegan": ("cyclegan", {"width": 4, "blocks": 2, "discriminator_width": 4}),
    "batch norm and dropout": (
        "pix2pix",
        {"network": "resnet", "norm": "batch", "width": 4, "blocks": 2, "discriminator_width": 4},
    ),
    "cut": ("cut", {"width": 4, "blocks": 2, "discriminator_width": 4}),
    "diffusion": ("diffusion", {"width": 16, "dropout": 0.3}),
    "mean flow": ("diffusion", {"width": 16, "objective": "flow", "few_steps": 0.5}),
    "srresnet": ("srresnet", {"network": "srresnet", "width": 8, "blocks": 2}),
    "msrresnet": ("srresnet", {"network": "msrresnet", "width": 8, "blocks": 2}),
    "rrdb": ("srresnet", {"network": "rrdb", "width": 8, "blocks": 1, "growth": 4}),
}


def trained(case: str, tmp_path: Path, precision: str, **training: Any) -> dict[str, Any]:
    """Losses and weights after two steps."""
    method, changes = CASES[case]
    recipe = recipe_for(method).with_options(
        **changes, batch_size=2, precision=precision, device="cpu", **training
    )
    spec = ImageSpec(3, 32)
    state = TrainState(
        build_method(recipe, spec),
        recipe.training,
        make_accelerator(recipe.training, Run(tmp_path)),
    )
    found: dict[str, Any] = {}
    for step in range(2):
        state.dropout.manual_seed(step)
        random = torch.Generator().manual_seed(step)
        a, b = (torch.rand(2, 3, 32, 32, generator=random) * 2 - 1 for _ in "ab")
        for phase in state.phases:
            rng = Rng(torch.Generator().manual_seed(step), step)
            (losses,) = update(state, phase, [Batch(a, domain_b=b)], [rng], 1e-3)
            found |= {f"{step} {name}": loss.item() for name, loss in losses.items()}
        found[f"{step} dropout"] = state.dropout.get_state().tolist()
    return found | {k: v.float().numpy().copy() for k, v in state.method.state_dict().items()}


@pytest.mark.parametrize(
    ("case", "precision"), [*((case, "fp32") for case in CASES), ("diffusion", "bf16")]
)
def test_losses_and_weights_are_those_without(case: str, precision: str, tmp_path: Path) -> None:
    plain = trained(case, tmp_path, precision)
    saving = trained(case, tmp_path, precision, gradient_checkpointing=True)
    assert plain.keys() == saving.keys()
    for name, value in plain.items():
        np.testing.assert_array_equal(saving[name], value, err_msg=name)


class Marked(nn.Module):
    """Counts its forward passes."""

    supports_gradient_checkpointing = True

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2), Dropout(0.5), nn.Tanh())
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.layers(x)


def test_activations_are_not_kept_and_norms_average_once() -> None:
    torch.manual_seed(0)
    plain = Marked()
    saving = copy.deepcopy(plain)
    enable_gradient_checkpointing(nn.Sequential(saving))
    x = torch.randn(3, 2, 8, 8)
    kept, states = [], []
    for block in (plain, saving):
        source = torch.Generator().manual_seed(1)
        set_dropout_generator(block, source)
        saved: list[int] = []  # hooks of a checkpoint go before these

        def count(tensor: Tensor, saved: list[int] = saved) -> Tensor:
            saved.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            y = block(x)
        kept.append(sum(saved))
        y.square().sum().backward()
        states.append(source.get_state())
    assert torch.equal(*states)  # the second forward pass draws from a copy
    assert kept[1] == x.numel()  # the input alone
    assert kept[0] > 2 * kept[1]
    assert [plain.calls, saving.calls] == [1, 2]
    for name, value in plain.state_dict().items():
        assert torch.equal(saving.state_dict()[name], value), name
    for mine, other in zip(saving.parameters(), plain.parameters(), strict=True):
        assert mine.grad is not None
        assert torch.equal(mine.grad, other.grad)


def test_nothing_is_repeated_without_a_gradient() -> None:
    block = Marked()
    enable_gradient_checkpointing(block)
    with torch.no_grad():
        block(torch.zeros(1, 2, 8, 8))
    assert block.calls == 1


def test_weights_keep_their_names() -> None:
    block = ResidualBlock(4, "batch", dropout=False)
    before = list(block.state_dict())
    enable_gradient_checkpointing(block)
    assert list(block.state_dict()) == before


def test_networks_without_blocks_are_refused() -> None:
    recipe = recipe_for("pix2pix").with_options(gradient_checkpointing=True, width=4)
    with pytest.raises(UserError, match="leave out --gradient-checkpointing"):
        check_gradient_checkpointing(recipe, build_method(recipe, ImageSpec(3, 32)))
    fine = recipe_for("cyclegan").with_options(gradient_checkpointing=True, width=4)
    check_gradient_checkpointing(fine, build_method(fine, ImageSpec(3, 32)))


def test_a_refused_training_leaves_no_folder(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(UserError, match="gan have no blocks"):
        reverie.train("gan", out=out, data="digits", steps=1, gradient_checkpointing=True)
    assert not list(out.rglob("options.json"))


@pytest.mark.slow
def test_a_run_goes_on_with_it(tmp_path: Path) -> None:
    options: dict[str, Any] = {"data": "digits", "width": 8, "dropout": 0.2, "batch_size": 4}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    reverie.train("diffusion", out=whole, steps=4, **options)
    reverie.train("diffusion", out=parts, steps=2, **options)
    reverie.train("diffusion", out=parts, resume=True, steps=4, gradient_checkpointing=True)
    assert [Run(folder).newest_checkpoint().step for folder in (whole, parts)] == [4, 4]  # type: ignore[union-attr]
    one, other = (Run(folder).newest_checkpoint().tensors for folder in (whole, parts))  # type: ignore[union-attr]
    assert all(torch.equal(one[name], other[name]) for name in one)
