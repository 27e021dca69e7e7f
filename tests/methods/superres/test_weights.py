"""Networks of the package spandrel: a stand-in of it everywhere, the real one where it is."""

import copy
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

import reverie
from reverie.core.errors import UserError
from reverie.inference.tiled_upscale import TiledUpscaler
from reverie.methods.superres.weights import SpandrelNetwork, load_with_spandrel


class Doubling(nn.Module):
    """What a network elsewhere may look like: an activation in place would spoil its shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.act_first = nn.Sequential(nn.PReLU(), nn.Conv2d(3, 3, 3, 1, 1), nn.BatchNorm2d(3))

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x + 0.1 * self.act_first(x), scale_factor=2, mode="nearest")


class Descriptor:
    """spandrel's, as far as it is used."""

    def __init__(self, model: nn.Module, tensors: dict[str, Tensor]) -> None:
        self.model, self.scale = model, 2
        self.input_channels = self.output_channels = 3
        self.architecture = types.SimpleNamespace(name="Doubling")
        self.size_requirements = types.SimpleNamespace(multiple_of=4)
        self.supports_bfloat16 = True
        model.load_state_dict(tensors)

    def eval(self) -> "Descriptor":
        self.model.eval()
        return self

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> Tensor:
        assert x.dtype == torch.float32, "few hold bfloat16 whole"
        assert x.shape[-1] % 4 == x.shape[-2] % 4 == 0
        return self.model(x).clamp(0, 1)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[type], None]:
    """Call it with what a descriptor is, and `import spandrel` gives that."""

    class UnsupportedModelError(Exception):
        pass

    class Loader:
        def load_from_state_dict(self, tensors: dict[str, Tensor]) -> Any:
            if "act_first.1.weight" not in tensors:
                raise UnsupportedModelError
            return Descriptor(Doubling(), tensors)

    def install(descriptor: type) -> None:
        module: Any = types.ModuleType("spandrel")
        module.ModelLoader, module.UnsupportedModelError = Loader, UnsupportedModelError
        module.ImageModelDescriptor = descriptor
        monkeypatch.setitem(sys.modules, "spandrel", module)

    return install


def _saved(folder: Path) -> tuple[Path, Doubling]:
    torch.manual_seed(0)
    network = Doubling().eval()
    path = folder / "doubling.pth"
    torch.save({"params": network.state_dict()}, path)
    return path, network


def test_a_network_from_elsewhere_enlarges_as_it_does_there(
    stand_in: Callable[[type], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(Descriptor)
    path, theirs = _saved(tmp_path)
    model = reverie.load(path)
    picture = torch.rand(1, 3, 37, 50) * 2 - 1
    padded = F.pad(picture, (0, 2, 0, 3), mode="replicate")
    with torch.no_grad():
        expected = theirs(padded * 0.5 + 0.5).clamp(0, 1)[..., :74, :100] * 2 - 1
    assert torch.allclose(model.upscale(picture, precision="bf16"), expected, atol=1e-6)
    assert "overlap" not in capsys.readouterr().err
    Image.new("RGB", (30, 20), "orange").save(tmp_path / "a.png")
    reverie.upscale(tmp_path / "a.png", out=tmp_path / "large", model=path)
    with Image.open(tmp_path / "large" / "a.png") as large:
        assert large.size == (60, 40)


def test_a_copy_of_it_is_whole(stand_in: Callable[[type], None], tmp_path: Path) -> None:
    """The descriptor in a copy runs the copy's weights."""
    stand_in(Descriptor)
    path, _ = _saved(tmp_path)
    network = reverie.import_weights(path)
    assert isinstance(network, SpandrelNetwork)
    other = copy.deepcopy(network)
    for weight in other.parameters():
        weight.zero_()
    x = torch.rand(1, 3, 8, 8)
    assert not torch.equal(other(x), network(x))


def test_what_it_cannot_be(
    stand_in: Callable[[type], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = _saved(tmp_path)
    stand_in(int)  # a descriptor of another kind: for inpainting
    with pytest.raises(UserError, match="this is a Doubling, which does not upscale"):
        reverie.load(path)
    stand_in(Descriptor)
    unknown = tmp_path / "unknown.pth"
    torch.save({"a": torch.zeros(3)}, unknown)
    with pytest.raises(UserError, match="packages spandrel and torchvision, forty more"):
        reverie.load(unknown)
    monkeypatch.setitem(sys.modules, "spandrel", None)  # as if it were not installed
    assert load_with_spandrel({"a": torch.zeros(3)}, "it") is None
    with pytest.raises(UserError, match="packages spandrel and torchvision, forty more"):
        reverie.load(path)


def test_tiles_of_it_overlap_and_say_so(
    stand_in: Callable[[type], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(Descriptor)
    path, _ = _saved(tmp_path)
    network = reverie.import_weights(path)
    picture = torch.rand(1, 3, 200, 80) * 2 - 1
    tiled_upscaler = TiledUpscaler(network, torch.float32, side=64)  # type: ignore[arg-type]
    made = torch.zeros(1, 3, 400, 160)
    for part in tiled_upscaler.parts(200, 80, lambda tile: tile.of(picture)):
        t = part.tile
        made[..., 2 * t.core_top : 2 * t.core_bottom, 2 * t.core_left : 2 * t.core_right] = (
            part.image
        )
    assert torch.allclose(made, network(picture), atol=1e-6)
    assert "overlap by 64 pixels, less than this network's receptive" in capsys.readouterr().err


def test_a_network_of_the_real_package(tmp_path: Path) -> None:
    """SPAN, of random weights, where spandrel can be imported."""
    if "torchvision" not in sys.modules and not torch.cuda.is_available():
        for operator in ("nms", "qnms"):  # a torchvision whose compiled part does not fit torch
            if not hasattr(torch.ops.torchvision, operator):
                arguments = "(Tensor a, Tensor b, float c) -> Tensor"
                torch.library.define(f"torchvision::{operator}", arguments)
    pytest.importorskip("spandrel", reason="spandrel is not installed", exc_type=ImportError)
    from spandrel.architectures.SPAN import SPAN  # type: ignore[import-not-found]

    torch.manual_seed(0)
    theirs = SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2).eval()
    path = tmp_path / "span.pth"
    torch.save({"params_ema": theirs.state_dict()}, path)
    picture = torch.rand(1, 3, 40, 24) * 2 - 1
    made = reverie.load(path).upscale(picture, precision="fp32")
    with torch.no_grad():
        expected = theirs(picture * 0.5 + 0.5).clamp(0, 1) * 2 - 1
    assert torch.allclose(made, expected, atol=1e-5)
    assert torch.allclose(reverie.import_weights(path)(picture), expected, atol=1e-5)
