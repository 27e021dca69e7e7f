"""Files of the original code: what its networks are, written out here, gives the same pictures."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import reverie
from reverie.core.errors import UserError
from reverie.methods.translation.pretrained import PretrainedTranslator
from reverie.runs.model_folder import load_model, save_model
from tests.reference import textbook

REFERENCE = Path(__file__).parents[2] / "reference"


GENERATORS = {
    f"resnet-{blocks}-{norm}{'-dropout' if dropout else ''}": functools.partial(
        textbook.resnet, 4, blocks, norm, dropout
    )
    for blocks in (6, 9)
    for norm in ("instance", "batch")
    for dropout in (False, True)
} | {
    f"unet-{2**levels}-{norm}": functools.partial(textbook.unet, 4, levels, norm, True)
    for levels in (6, 7, 8)
    for norm in ("instance", "batch")
}
DISCRIMINATORS = {
    f"layers-{n}-{norm}": functools.partial(textbook.patch, 4, n, norm)
    for n in (1, 2, 3, 4)
    for norm in ("instance", "batch")
} | {f"pixel-{norm}": functools.partial(textbook.pixel, 4, norm) for norm in ("instance", "batch")}


def filled(network: nn.Module) -> nn.Module:
    """Weights, and batch statistics as if it had been trained."""
    torch.manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0, 0.1)
            if layer.bias is not None:
                nn.init.normal_(layer.bias, 0, 0.3)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1, 0.2)
            nn.init.normal_(layer.bias, 0, 0.2)
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.mark.parametrize("name", [*GENERATORS, *DISCRIMINATORS])
def test_it_gives_what_the_original_gives(name: str, tmp_path: Path) -> None:
    original = filled({**GENERATORS, **DISCRIMINATORS}[name]())
    path = tmp_path / "latest_net_G_A.pth"
    torch.save(original.state_dict(), path)
    network = reverie.import_weights(path)
    side = 256 if name.startswith("unet-256") else 128
    x = torch.rand(1, 3, side, side) * 2 - 1
    with torch.no_grad():
        want, got = original(x.clone()), network(x)
    assert not network.training
    torch.testing.assert_close(got, want, rtol=0, atol=1e-4 * float(want.max() - want.min()))
    if name in GENERATORS:
        model = reverie.load(path)
        torch.testing.assert_close(
            model.translate(x), want, rtol=0, atol=1e-4 * float(want.max() - want.min())
        )


def test_files_of_several_gpus_and_of_old_versions(tmp_path: Path) -> None:
    """A prefix on every name; running statistics that instance norms no longer have."""
    original = filled(textbook.resnet(4, 6, "instance", False))
    state = {f"module.{k}": v for k, v in original.state_dict().items()}
    for name in ("model.2", "model.10.conv_block.2"):
        state[f"module.{name}.running_mean"] = torch.ones(4)
        state[f"module.{name}.running_var"] = torch.ones(4)
        state[f"module.{name}.num_batches_tracked"] = torch.tensor(3)
    torch.save(state, tmp_path / "old.pth")
    # In float64: two orders of the same sums differ by what a processor rounds, and in float32
    # that is 1e-5 after 23 normalised layers.
    x = torch.rand(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        got = reverie.import_weights(tmp_path / "old.pth").double()(x)
        torch.testing.assert_close(got, original.double()(x), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["cyclegan_resnet6_G", "patchgan_instance_D"])
def test_files_that_the_original_wrote(name: str) -> None:
    kind = name[-1]
    facts = json.loads((REFERENCE / f"{name}.json").read_text())
    network = reverie.import_weights(REFERENCE / f"{name.removesuffix(f'_{kind}')}_net_{kind}.pth")
    pair = np.load(REFERENCE / f"{name}.npz")
    with torch.no_grad():
        got = network(torch.from_numpy(pair["x"])).numpy()
    assert np.abs(got - pair["y"]).max() < 1e-4 * np.ptp(pair["y"])
    assert facts["input_nc"] == 3


def test_saved_on_as_our_own_format(tmp_path: Path) -> None:
    model = reverie.load(REFERENCE / "cyclegan_resnet6_net_G.pth")
    save_model(tmp_path / "model", "translator", model.method, "a card")
    name, method = load_model(tmp_path / "model")
    assert isinstance(method, PretrainedTranslator)
    assert name == "translator"
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(reverie.load(tmp_path / "model").translate(x), model.translate(x))


def test_what_is_not_understood_is_said(tmp_path: Path) -> None:
    def refused(content: object, message: str) -> None:
        torch.save(content, tmp_path / "x.pth")
        with pytest.raises(UserError, match=message):
            reverie.import_weights(tmp_path / "x.pth")

    refused(nn.Linear(2, 2).state_dict(), "looks like a network of 0 convolutions and 6 parameters")
    refused({"epoch": 3, "model": {}}, "holds a dictionary of epoch, model")
    refused(torch.zeros(2), "holds a Tensor")
    state = dict(textbook.resnet(4, 6, "instance", False).state_dict())
    refused({k: v for k, v in state.items() if k != "model.4.weight"}, "model.4.weight")
    (tmp_path / "x.pth").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match="cannot be read as plain weights"):
        reverie.import_weights(tmp_path / "x.pth")
    with pytest.raises(UserError, match="this is resnet_6blocks, not resnet_9blocks"):
        reverie.import_weights(REFERENCE / "cyclegan_resnet6_net_G.pth", "resnet_9blocks")
    with pytest.raises(UserError, match="which is a discriminator"):
        reverie.load(REFERENCE / "patchgan_instance_net_D.pth")


class Harmful:
    def __reduce__(self):
        return (Path("/tmp/reverie-was-run").touch, ())


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"a": Harmful()}, tmp_path / "x.pth")
    with pytest.raises(UserError, match="pickled code is not executed"):
        reverie.import_weights(tmp_path / "x.pth")
    assert not Path("/tmp/reverie-was-run").exists()
