"""Networks that enlarge: the papers' sizes, tiles, and files from elsewhere."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

import reverie
from reverie.core.errors import UserError
from reverie.methods.superres.families import build_upscaler
from reverie.methods.superres.networks import (
    SCALES,
    RRDBNet,
    Upscaler,
    UpscalerConfig,
    fuse_upscaler,
)
from reverie.methods.superres.weights import build_from_state_dict

FAMILIES = ["srresnet", "rrdb", "compact", "msrresnet", "span"]


def lively(network: nn.Module) -> nn.Module:
    """Weights with which every layer counts, and norms with statistics of their own."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.2 + 0.01)
                if tensor.ndim == 4:
                    tensor.sub_(0.1)
    return network.eval()


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_papers_sizes() -> None:
    assert count(build_upscaler("srresnet", UpscalerConfig(3, 4, 64, 16))) == 1_547_350
    assert count(build_upscaler("rrdb", UpscalerConfig(3, 4, 64, 23))) == 16_697_987
    assert count(build_upscaler("compact", UpscalerConfig(3, 4, 64, 32))) == 1_213_296
    assert build_upscaler("srresnet", UpscalerConfig(3, 4, 64, 16)).receptive_radius == 40


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scale", SCALES)
def test_sizes_and_reach(family: Any, scale: int) -> None:
    """What lies beyond the reach changes nothing, what lies within it does."""
    if (family, scale) == ("rrdb", 3):
        with pytest.raises(UserError, match="2, 4 or 8"):
            build_upscaler(family, UpscalerConfig(3, scale, 4, 1))
        return
    network = lively(build_upscaler(family, UpscalerConfig(3, scale, 4, 1, growth=4)))
    x = torch.rand(1, 3, 32, 64)
    with torch.no_grad():
        before = network(x)
        assert before.shape == (1, 3, 32 * scale, 64 * scale)
        x[:, :, :, 40:] = -1
        changed = (network(x) - before).abs().sum((0, 1, 2)) > 0
    first = int(changed.nonzero()[0]) / scale
    assert 40 - network.receptive_radius <= first < 40
    assert torch.isfinite(before).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_quick_copy_gives_the_same(family: Any) -> None:
    network = lively(build_upscaler(family, UpscalerConfig(3, 4, 8, 2)))
    x = torch.rand(1, 3, 12, 16) * 2 - 1
    with torch.no_grad():
        expected = network(x)
        spread = float(expected.std())
        assert (fuse_upscaler(network, torch.float32)(x) - expected).abs().max() < 1e-4 * spread
        low = fuse_upscaler(network, torch.bfloat16)(x)
    assert low.dtype == torch.float32
    assert (low - expected).abs().max() < 0.2 * spread


def first_names(network: RRDBNet) -> dict[str, Tensor]:
    """RRDBNet's weights as ESRGAN's first release named them."""
    ups = len(network.steps)
    after = {f"conv_up{n + 1}": 3 * (n + 1) for n in range(ups)}
    after |= {"conv_first": 0, "conv_hr": 3 * ups + 2, "conv_last": 3 * ups + 4}
    named = {}
    for name, tensor in network.state_dict().items():
        parts = name.split(".")
        if parts[0] == "body":
            _, number, block, conv, what = parts
            named[f"model.1.sub.{number}.{block.upper()}.{conv}.0.{what}"] = tensor
        elif parts[0] == "conv_body":
            named[f"model.1.sub.{network.blocks}.{parts[1]}"] = tensor
        else:
            named[f"model.{after[parts[0]]}.{parts[1]}"] = tensor
    return named


def second_names(network: Upscaler) -> dict[str, Tensor]:
    """As the second release named them."""
    pairs = [("conv_body", "trunk_conv"), ("body.", "RRDB_trunk."), (".rdb", ".RDB")]
    pairs += [("conv_up", "upconv"), ("conv_hr", "HRconv")]
    named = {}
    for name, tensor in network.state_dict().items():
        for ours, theirs in pairs:
            name = name.replace(ours, theirs)
        named[name] = tensor
    return named


def test_old_names_of_rrdb_are_read(tmp_path: Path) -> None:
    for scale in (2, 4, 8):
        network = lively(RRDBNet(3, scale, 8, 2, 4))
        assert isinstance(network, RRDBNet)
        x = torch.rand(1, 3, 8, 8)
        files = {"new": network.state_dict(), "second": second_names(network)}
        if scale > 2:
            files["first"] = first_names(network)
        for name, tensors in files.items():
            path = tmp_path / f"{name}-{scale}.pth"
            torch.save({"params_ema": tensors, "params": {}}, path)
            read = reverie.import_weights(path)
            assert isinstance(read, RRDBNet)
            assert (read.scale, read.width, read.blocks, read.growth) == (scale, 8, 2, 4)
            with torch.no_grad():
                assert torch.equal(read(x), network(x)), name


@pytest.mark.parametrize("family", ["srresnet", "compact", "msrresnet", "span"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_families_are_recognised(family: Any, scale: int, tmp_path: Path) -> None:
    network = lively(build_upscaler(family, UpscalerConfig(3, scale, 8, 3)))
    torch.save({"state_dict": network.state_dict()}, tmp_path / "it.pth")
    save_file(network.state_dict(), tmp_path / "it.safetensors")
    x = torch.rand(1, 3, 8, 8)
    for name in ("it.pth", "it.safetensors"):
        read = reverie.import_weights(tmp_path / name)
        with torch.no_grad():
            assert torch.equal(read(x), network(x))
    model = reverie.load(tmp_path / "it.pth")
    assert model.upscale(torch.rand(2, 3, 5, 6)).shape == (2, 3, 5 * scale, 6 * scale)


def test_names_of_another_srresnet() -> None:
    """The layers are the paper's; a bias before a norm, as some have, is folded into it."""
    network = build_upscaler("srresnet", UpscalerConfig(3, 4, 8, 2))
    named = {}
    for name, tensor in lively(network).state_dict().items():
        parts = name.split(".")
        if parts[0] == "body":
            name = f"trunk.{parts[1]}.rcb.{parts[3]}.{parts[4]}"
        elif parts[0] == "up":
            step, layer = divmod(int(parts[1]), 3)
            name = f"upsampling.{step}.upsample_block.{layer}.{parts[2]}"
        else:
            name = {"first": "conv1", "after": "conv2", "last": "conv3"}[parts[0]]
            name = ".".join([name, *parts[1:]])
        named[name] = tensor
    named["trunk.0.rcb.0.bias"] = torch.full((8,), 0.3)
    mean = named["trunk.0.rcb.1.running_mean"]
    named["trunk.0.rcb.1.running_mean"] = mean + 0.3
    read = build_from_state_dict(named, "it")
    x = torch.rand(1, 3, 8, 8)
    assert read is not None
    with torch.no_grad():
        torch.testing.assert_close(read(x), network(x))


def test_compact_is_what_its_file_says() -> None:
    """Written anew from the architecture that its weights are published for, in [0, 1]."""
    network = lively(build_upscaler("compact", UpscalerConfig(3, 4, 8, 2)))
    weights = network.state_dict()
    x = torch.rand(1, 3, 6, 7)
    out = x
    for layer in range(0, 7, 2):
        weight, bias = weights[f"body.{layer}.weight"], weights[f"body.{layer}.bias"]
        out = F.conv2d(out, weight, bias, padding=1)
        if layer < 6:
            out = F.prelu(out, weights[f"body.{layer + 1}.weight"])
    out = F.pixel_shuffle(out, 4) + x.repeat_interleave(4, 2).repeat_interleave(4, 3)
    with torch.no_grad():
        torch.testing.assert_close(network(x * 2 - 1), out * 2 - 1, rtol=1e-4, atol=1e-5)


def test_foreign_and_broken_files_are_refused(tmp_path: Path) -> None:
    network = build_upscaler("compact", UpscalerConfig(3, 4, 8, 2))
    tensors = dict(network.state_dict())
    tensors["body.2.weight"] = tensors["body.2.weight"][:4]
    torch.save(tensors, tmp_path / "cut.pth")
    with pytest.raises(
        UserError, match=r"looks like a SRVGGNetCompact of 8 channels.*body.2.weight"
    ):
        reverie.load(tmp_path / "cut.pth")
    torch.save({"some.weight": torch.zeros(3, 3, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="looks like a network of 1 convolutions"):
        reverie.load(tmp_path / "other.pth")
    (tmp_path / "no.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match="not a safetensors file"):
        reverie.load(tmp_path / "no.safetensors")
