import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from reverie.nn import winograd
from reverie.training import convolutions
from reverie.training.convolutions import ConvolutionForms, cache_file, fastest, geometry_of


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(3, 32, 7, padding=3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=1, bias=False),
        nn.ConvTranspose2d(64, 32, 3, 2, 1, 1),
        nn.Conv2d(32, 3, 7, padding=3),
    )
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def gradients(model: nn.Module) -> list[Tensor]:
    x = torch.randn(2, 3, 18, 14, generator=torch.Generator().manual_seed(1)).requires_grad_()
    loss = model(x).square().mean()
    return [loss, *torch.autograd.grad(loss, [x, *model.parameters()])]


@pytest.fixture
def all_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolutions, "LEAST_OPERATIONS", 0)


def other(makers: Any, part: slice) -> str:
    """In place of a measurement: always another form than the usual one."""
    return [*makers][-1]


@pytest.mark.usefixtures("all_measured")
def test_losses_and_gradients_are_those_of_the_usual_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolutions, "fastest", other)
    model, forms = network(), ConvolutionForms()
    expected, names = gradients(model), set(model.state_dict())
    forms.install(model)
    for ours, theirs in zip(gradients(model), expected, strict=True):
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()
    assert {"winograd", "blocks", "products", "usual"} == set(forms.chosen.values())
    assert set(model.state_dict()) == names


@pytest.mark.usefixtures("all_measured")
def test_contiguous_weights_have_a_form_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is chosen for a number of images, since it computes many of them more slowly."""
    monkeypatch.setattr(convolutions, "fastest", other)
    torch.manual_seed(0)
    up = nn.ConvTranspose2d(64, 32, 4, 2, 1)
    model = nn.Sequential(nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(), up)
    forms = ConvolutionForms()

    def made(images: int) -> list[Tensor]:
        x = torch.randn(images, 32, 6, 10, generator=torch.Generator().manual_seed(1))
        loss = model(x.requires_grad_()).square().mean()
        return [loss, *torch.autograd.grad(loss, [x, *model.parameters()])]

    expected = made(2)
    forms.install(model)
    for ours, theirs in zip(made(2), expected, strict=True):
        assert ours.stride() == theirs.stride()
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()
    assert set(forms.chosen.values()) == {"columns"}
    assert all(name.endswith("contiguous, images 2") for name in forms.chosen)
    made(20)
    assert {forms.chosen[name] for name in forms.chosen if name.endswith("20")} == {"usual"}


@pytest.mark.usefixtures("all_measured")
def test_gradients_can_be_differentiated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of a gradient penalty, R1, is that of the usual forms."""

    def penalty(model: nn.Module) -> list[Tensor]:
        x = torch.randn(2, 3, 18, 14, generator=torch.Generator().manual_seed(1)).requires_grad_()
        (slope,) = torch.autograd.grad(model(x).square().sum(), x, create_graph=True)
        return list(torch.autograd.grad(slope.square().sum(), [*model.parameters()]))

    monkeypatch.setattr(convolutions, "fastest", other)
    model = network()
    expected = penalty(model)
    ConvolutionForms().install(model)
    for ours, theirs in zip(penalty(model), expected, strict=True):
        assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()


@pytest.mark.usefixtures("all_measured")
@pytest.mark.parametrize("inputs", [3, 32])
def test_outputs_can_be_changed_in_place(inputs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolutions, "fastest", other)
    model = nn.Sequential(nn.Conv2d(inputs, 32, 3, padding=1), nn.ReLU(inplace=True), nn.Tanh())
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randn(1, inputs, 8, 8)
    expected = torch.autograd.grad(model(x).sum(), [*model.parameters()])
    ConvolutionForms().install(model)
    made = torch.autograd.grad(model(x).sum(), [*model.parameters()])
    for ours, theirs in zip(made, expected, strict=True):
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


@pytest.mark.usefixtures("all_measured")
def test_layers_keep_their_arguments() -> None:
    up = nn.ConvTranspose2d(4, 4, 3, 2, 1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    ConvolutionForms().install(up)
    assert up(torch.zeros(1, 4, 8, 8), output_size=[16, 16]).shape == (1, 4, 16, 16)
    assert up(input=torch.zeros(1, 4, 8, 8)).shape == (1, 4, 15, 15)


@pytest.mark.usefixtures("all_measured")
def test_precision_of_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolutions, "fastest", other)
    model = network()
    with torch.autocast("cpu", torch.bfloat16):
        expected = gradients(model)
        ConvolutionForms().install(model)
        made = gradients(model)
    for ours, theirs in zip(made, expected, strict=True):
        assert ours.dtype == theirs.dtype
        assert (ours - theirs).norm() <= 0.05 * theirs.norm()


@pytest.mark.usefixtures("all_measured")
def test_what_was_measured_is_kept_for_the_next_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolutions, "fastest", other)
    first = ConvolutionForms()
    model = network()
    first.install(model)
    expected = gradients(model)
    first.keep()
    assert json.loads(cache_file().read_text()) == first.chosen

    def refuse(makers: Any, part: slice) -> str:
        raise AssertionError("measured again")

    monkeypatch.setattr(convolutions, "fastest", refuse)
    again, model = ConvolutionForms(), network()
    again.install(model)
    assert all(torch.equal(a, b) for a, b in zip(gradients(model), expected, strict=True))
    assert again.chosen == first.chosen
    resumed, model = ConvolutionForms(), network()
    resumed.resume(first.chosen)
    cache_file().unlink()
    resumed.install(model)
    assert all(torch.equal(a, b) for a, b in zip(gradients(model), expected, strict=True))


def test_forms_that_were_rewritten_are_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache_file()
    assert cache_file() == before
    source = inspect.getsource(winograd)
    rewritten = {winograd: source + "# rewritten"}
    monkeypatch.setattr(convolutions.inspect, "getsource", lambda m: rewritten.get(m, ""))
    after = cache_file()
    monkeypatch.setattr(convolutions.inspect, "getsource", lambda m: "")
    assert len({before, after, cache_file()}) == 3


@pytest.mark.usefixtures("all_measured")
def test_runs_of_older_versions_go_on_as_they_were() -> None:
    model, forms = network(), ConvolutionForms()
    expected = gradients(model)
    forms.resume(None)
    forms.install(model)
    for ours, theirs in zip(gradients(model), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    assert forms.chosen == {}


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "\x00"])
def test_a_damaged_cache_is_as_none(content: str, tmp_path: Path) -> None:
    file = tmp_path / "forms.json"
    file.write_text(content)
    assert convolutions._read(file) == {}


def test_a_form_that_is_unknown_here_is_the_usual_one() -> None:
    forms = ConvolutionForms()
    forms.resume({"sum": "of tomorrow"})
    makers = {"usual": lambda part: torch.ones(1), "other": lambda part: torch.zeros(1)}
    made = forms.compute("sum", makers, 1)
    assert made == 1


def test_the_fastest_is_taken_and_the_usual_one_unless_it_is_clearly_slower() -> None:
    small, large = torch.randn(16, 16), torch.randn(400, 400)
    slow, fast = (lambda part: large @ large @ large), (lambda part: small @ small)
    assert fastest({"usual": slow, "other": fast}, slice(1)) == "other"
    assert fastest({"usual": fast, "other": slow}, slice(1)) == "usual"


@pytest.mark.parametrize(
    ("usual", "other", "chosen", "rounds"),
    [
        (10.0, 2.0, "other", 1),
        (2.0, 10.0, "usual", 1),
        (10.0, 8.5, "other", convolutions.ROUNDS),
        (10.0, 9.5, "usual", convolutions.ROUNDS),
        (0.0, 0.0, "usual", convolutions.ROUNDS),  # shorter than a tick of the clock
    ],
)
def test_timing_ends_when_the_result_is_clear(
    usual: float, other: float, chosen: str, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, calls = [0.0], [0]

    def taking(milliseconds: float) -> Tensor:
        seconds[0] += milliseconds / 1000
        calls[0] += 1
        return torch.zeros(1)

    for clock in ("thread_time", "perf_counter"):
        monkeypatch.setattr(convolutions.time, clock, lambda: seconds[0])
    makers = {"usual": lambda part: taking(usual), "other": lambda part: taking(other)}
    assert fastest(makers, slice(1)) == chosen
    assert calls == [2 * (1 + rounds)]


def test_small_convolutions_are_left_alone() -> None:
    model, forms = network(), ConvolutionForms()
    forms.install(model)
    gradients(model)
    assert forms.chosen == {}


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, 3, groups=2),
        nn.Conv2d(4, 4, 3, dilation=2),
        nn.Conv2d(4, 4, (3, 5)),
        nn.Conv2d(4, 4, 3, padding="same"),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(4, 4, 1),
        nn.Linear(3, 3),
    ],
)
def test_layers_without_other_forms(layer: nn.Module) -> None:
    assert geometry_of(layer.to(memory_format=torch.channels_last)) is None  # type: ignore[call-overload]


@pytest.mark.usefixtures("all_measured")
def test_a_measurement_takes_a_part_of_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = []

    def record(makers: Any, part: slice) -> str:
        parts.append(part.stop)
        return "usual"

    monkeypatch.setattr(convolutions, "fastest", record)
    monkeypatch.setattr(convolutions, "ENOUGH_OPERATIONS", 3 * 2 * 10 * 10 * 32 * 32 * 9)
    model = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    ConvolutionForms().install(model)
    model(torch.randn(8, 32, 10, 10)).sum().backward()
    assert parts == [3, 3]
