import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from reverie.core.image_io import convert_channels
from reverie.inference.tiling import run_tiled, tiles
from reverie.methods.translation.resnet_generator import ResNetGenerator
from reverie.methods.translation.unet_generator import UNetGenerator


@given(
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    side=st.integers(1, 60),
    overlap=st.integers(0, 40),
)
def test_cores_cover_a_picture_once(height: int, width: int, side: int, overlap: int) -> None:
    count = torch.zeros(4 * height, 4 * width)
    for tile in tiles(4 * height, 4 * width, side, overlap, 4):
        to_weight_dtype = count[tile.core_top : tile.core_bottom, tile.core_left : tile.core_right]
        to_weight_dtype += 1
        whole = torch.arange(count.numel()).view_as(count)
        assert torch.equal(
            tile.core_of(tile.of(whole)),
            whole[tile.core_top : tile.core_bottom, tile.core_left : tile.core_right],
        )
        assert all(edge % 4 == 0 for edge in vars(tile).values())
    assert (count == 1).all()


def generator(norm: str, resampling: str = "transposed", joins: bool = False) -> nn.Module:
    torch.manual_seed(0)
    network = ResNetGenerator(3, 3, 4, 2, norm, False, resampling, joins)  # type: ignore[arg-type]
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0, 0.15)
    return network.eval()


@pytest.mark.parametrize("norm", ["instance", "group", "batch", "none"])
@pytest.mark.parametrize("resampling", ["transposed", "nearest", "antialiased"])
@pytest.mark.parametrize("joins", [False, True])
def test_tiles_give_what_the_whole_gives(norm: str, resampling: str, joins: bool) -> None:
    network = generator(norm, resampling, joins)
    picture = torch.rand(1, 3, 101, 150) * 2 - 1
    whole, tiled = run_tiled(network, picture, None), run_tiled(network, picture, 48)
    assert whole.shape == picture.shape
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-4)
    # and the norms are as they were
    torch.testing.assert_close(run_tiled(network, picture, None), whole, rtol=0, atol=0)


def test_tiles_keep_the_luma() -> None:
    network = generator("group")
    network.keeps_luma = True
    picture = (torch.rand(1, 1, 101, 150) - 0.5).expand(-1, 3, -1, -1)
    whole, tiled = run_tiled(network, picture, None), run_tiled(network, picture, 48)
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-4)
    torch.testing.assert_close(convert_channels(tiled, 1), picture[:, :1], rtol=0, atol=1e-5)


def test_too_little_overlap_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    network = generator("none")
    monkeypatch.setattr(ResNetGenerator, "receptive_radius", 8)
    picture = torch.rand(1, 3, 96, 96) * 2 - 1
    difference = run_tiled(network, picture, 48) - run_tiled(network, picture, None)
    assert difference.abs().max() > 1e-3


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (37, 61)])
def test_any_size_comes_back(shape: tuple[int, int]) -> None:
    picture = torch.rand(1, 3, *shape)
    assert run_tiled(generator("instance"), picture, None).shape == picture.shape
    unet = UNetGenerator(3, 3, 4, 5).eval()
    assert run_tiled(unet, picture, None).shape == picture.shape
    assert run_tiled(unet, picture, 32).shape == picture.shape  # which sees the whole anyway
