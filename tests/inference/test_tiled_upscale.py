"""Tiles that enlarge: what comes out is what the whole picture would give, and nothing is lost."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.inference.tiled_upscale import TiledUpscaler
from reverie.inference.tiling import Tile
from reverie.methods.superres.families import build_upscaler
from reverie.methods.superres.networks import Upscaler, UpscalerConfig
from tests.methods.superres.test_networks import lively


def enlarge(tiled_upscaler: TiledUpscaler, picture: Tensor) -> Tensor:
    """The whole result, every place of which must come once."""
    scale, (height, width) = tiled_upscaler.network.scale, picture.shape[-2:]
    made = torch.zeros(1, picture.shape[1], height * scale, width * scale)
    times = torch.zeros(height, width)
    for part in tiled_upscaler.parts(height, width, lambda tile: tile.of(picture)):
        t = part.tile
        times[t.core_top : t.core_bottom, t.core_left : t.core_right] += 1
        rows = slice(t.core_top * scale, t.core_bottom * scale)
        made[..., rows, t.core_left * scale : t.core_right * scale] = part.image
    assert (times == 1).all()
    return made


@pytest.mark.parametrize("family", ["srresnet", "compact", "msrresnet", "rrdb", "span"])
@pytest.mark.parametrize("scale", [2, 4])
def test_tiles_equal_the_whole(family: Any, scale: int) -> None:
    network = lively(build_upscaler(family, UpscalerConfig(3, scale, 4, 1, growth=4)))
    assert isinstance(network, Upscaler)
    picture = torch.rand(1, 3, 70, 90) * 2 - 1
    with torch.no_grad():
        whole = network(picture)
    tiled = enlarge(TiledUpscaler(network, torch.float32, side=24), picture)
    assert (tiled - whole).abs().max() <= 1e-5 * whole.abs().max()


@pytest.mark.parametrize("side", [None, 24])
def test_whole_images_are_those_of_the_tiles_within_range(side: int | None) -> None:
    network = lively(build_upscaler("srresnet", UpscalerConfig(3, 2, 4, 1)))
    assert isinstance(network, Upscaler)
    picture = torch.rand(1, 3, 40, 50) * 2 - 1
    tiled_upscaler = TiledUpscaler(network, torch.float32, side=side)
    whole = tiled_upscaler.whole(40, 50, lambda tile: tile.of(picture))
    assert torch.equal(whole, enlarge(tiled_upscaler, picture).clamp(-1, 1))
    assert whole.is_contiguous()
    assert not whole.is_inference()  # it may be changed in place


def test_srresnet_of_the_paper_needs_forty_pixels() -> None:
    network = build_upscaler("srresnet", UpscalerConfig(3, 4, 4, 16))
    network.eval()
    picture = torch.rand(1, 3, 40, 130) * 2 - 1
    with torch.no_grad():
        whole = network(picture)
    tiled_upscaler = TiledUpscaler(network, torch.float32, side=32)
    reference = TiledUpscaler(network, torch.float32, side=200)
    assert (enlarge(tiled_upscaler, picture) - whole).abs().max() < 1e-6
    assert (enlarge(tiled_upscaler, picture) - enlarge(reference, picture)).abs().max() < 1e-6


@given(st.integers(1, 60), st.integers(1, 60), st.integers(16, 70))
@settings(max_examples=20, deadline=None)
def test_any_size(height: int, width: int, side: int) -> None:
    network = lively(build_upscaler("compact", UpscalerConfig(1, 2, 2, 1)))
    assert isinstance(network, Upscaler)
    made = enlarge(TiledUpscaler(network, torch.float32, side), torch.rand(1, 1, height, width))
    assert torch.isfinite(made).all()


class Forgetful(nn.Module):
    """A network for which memory runs out beyond so many pixels."""

    def __init__(self, network: nn.Module, most: int) -> None:
        super().__init__()
        self.network, self.most, self.refused = network, most, 0

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] * x.shape[-2] > self.most:
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return self.network(x)


def test_out_of_memory_halves_the_tile_and_loses_nothing() -> None:
    """A known defect elsewhere: the tile before it, or black, in its place."""
    network = lively(build_upscaler("compact", UpscalerConfig(3, 2, 4, 1)))
    assert isinstance(network, Upscaler)
    picture = torch.rand(1, 3, 150, 170) * 2 - 1
    tiled_upscaler = TiledUpscaler(network, torch.float32, side=96)
    tiled_upscaler._fused = Forgetful(tiled_upscaler._fused, 40 * 40)  # type: ignore[assignment]
    with torch.no_grad():
        whole = network(picture)
    assert (enlarge(tiled_upscaler, picture) - whole).abs().max() <= 1e-5 * whole.abs().max()
    assert tiled_upscaler._fused.refused == 2  # 96 and 48; then 24 does, for all that is left
    tiled_upscaler._fused.most = 10
    with pytest.raises(UserError, match="not even a tile"):
        enlarge(tiled_upscaler, picture)


def test_other_errors_are_not_taken_for_it() -> None:
    network = build_upscaler("compact", UpscalerConfig(3, 2, 4, 1))
    with pytest.raises(RuntimeError, match="channels"):
        enlarge(TiledUpscaler(network, torch.float32, 32), torch.rand(1, 2, 20, 20))


def test_what_bfloat16_cannot_hold_is_done_in_float32() -> None:
    """Black or broken pictures are a known defect elsewhere."""
    network = lively(build_upscaler("compact", UpscalerConfig(3, 2, 4, 1)))
    assert isinstance(network, Upscaler)
    picture = torch.rand(1, 3, 20, 20)
    tiled_upscaler = TiledUpscaler(network, torch.bfloat16)
    quick = tiled_upscaler._fused
    with torch.no_grad():
        next(quick.parameters()).fill_(float("inf"))
    made = enlarge(tiled_upscaler, picture)
    with torch.no_grad():
        assert (made - network(picture)).abs().max() < 1e-5
        next(network.parameters()).fill_(float("nan"))
    with pytest.raises(UserError, match="not finite"):
        enlarge(TiledUpscaler(network, torch.float32), picture)


def test_drift_of_colours_is_seen() -> None:
    network = build_upscaler("compact", UpscalerConfig(3, 2, 4, 1))
    picture = torch.zeros(1, 3, 30, 30)
    tiled_upscaler = TiledUpscaler(network, torch.float32)
    enlarge(tiled_upscaler, picture)
    assert tiled_upscaler.drift < 0.02
    last = network.body[-1]  # type: ignore[index]
    with torch.no_grad():
        last.bias.add_(0.2)
    tiled_upscaler = TiledUpscaler(network, torch.float32)
    enlarge(tiled_upscaler, picture)
    assert tiled_upscaler.drift == pytest.approx(0.4, abs=0.02)


def test_memory_decides_the_side(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_upscaler("srresnet", UpscalerConfig(3, 4, 64, 16))
    sides = []
    for free in (8e8, 4e9, 1e12):
        free_memory = "reverie.inference.tiled_upscale._free_memory"
        monkeypatch.setattr(free_memory, lambda network, free=free: free)
        sides.append(TiledUpscaler(network, torch.float32)._fitting_side(5000, 5000))
    assert 16 <= sides[0] < sides[1] < sides[2]
    assert sides[2] < 700
    with pytest.raises(UserError, match="16 pixels a side"):
        TiledUpscaler(network, torch.float32, 8)


def test_a_network_that_sees_too_far_is_nearly_the_whole(capsys: pytest.CaptureFixture) -> None:
    """RRDBNet of full depth: 64 of its 350 pixels, and it says so."""
    torch.manual_seed(0)
    network = build_upscaler("rrdb", UpscalerConfig(3, 2, 8, 23, growth=4)).eval()
    picture = torch.rand(1, 3, 40, 400) * 2 - 1
    tiled_upscaler = TiledUpscaler(network, torch.float32, side=128)
    made = enlarge(tiled_upscaler, picture)
    assert (
        "tiles overlap by 64 pixels, less than this network's receptive" in capsys.readouterr().err
    )
    with torch.no_grad():
        whole = network(picture)
    assert (made - whole).abs().max() < 0.01 * whole.std()


def test_a_tile_knows_its_core() -> None:
    tile = Tile(0, 30, 10, 40, 0, 20, 20, 30)
    assert tile.core_of(torch.zeros(1, 3, 60, 60)).shape == (1, 3, 40, 20)
