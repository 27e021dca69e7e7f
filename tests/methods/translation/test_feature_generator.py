from pathlib import Path

import pytest
import torch

import reverie
from reverie.core.errors import UserError
from reverie.core.image_io import convert_channels
from reverie.methods.translation.feature_generator import FeatureGenerator
from reverie.nn.backbones.efficientnet import efficientnet, efficientnet_preprocess

TINY = {
    "network": "features",
    "norm": "group",
    "width": 8,
    "discriminator_width": 4,
    "image_size": 32,
    "steps": 4,
    "sample_every": 10_000,
}


@pytest.fixture
def photos_to_colour(photos) -> str:
    return str(photos(6, "colours", (32, 32)))


@pytest.mark.parametrize(("inputs", "size"), [(1, (16, 24)), (3, (33, 47)), (3, (64, 64))])
def test_sizes_and_range(inputs: int, size: tuple[int, int]) -> None:
    network = FeatureGenerator(inputs, inputs, 8)
    made = network(torch.rand(2, inputs, *size) * 2 - 1)
    assert made.shape == (2, inputs, *size)
    assert made.abs().max() <= 1


def test_the_encoder_is_the_pretrained_network_and_stays_so() -> None:
    """Its features are those of the whole network; nothing of it is trained or normalized anew."""
    network = FeatureGenerator(3, 3, 8).train()
    assert not any(name.startswith("encoder") for name, _ in network.named_parameters())
    x = torch.rand(2, 3, 64, 64) * 2 - 1
    whole = efficientnet(0).maps(efficientnet_preprocess(x))
    for mine, theirs in zip(network._features(x), whole, strict=True):
        size = theirs.square().mean((1, 2, 3), keepdim=True).sqrt()
        torch.testing.assert_close(mine, theirs / size, rtol=1e-4, atol=1e-4)
    before = {name: value.clone() for name, value in network.encoder.state_dict().items()}
    network(x).sum().backward()
    torch.optim.SGD(network.parameters(), 1.0).step()
    after = network.encoder.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_the_gradient_goes_back_to_the_image() -> None:
    """As in CycleGAN, where the image was itself generated."""
    network = FeatureGenerator(3, 3, 8)
    x = torch.zeros(1, 3, 32, 32, requires_grad=True)
    network(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_luma_is_kept() -> None:
    network = FeatureGenerator(3, 3, 8, keeps_luma=True)
    x = (torch.rand(1, 1, 40, 40) - 0.5).expand(-1, 3, -1, -1)
    torch.testing.assert_close(convert_channels(network(x), 1), x[:, :1], rtol=0, atol=1e-5)


def test_a_model_needs_no_package_of_weights_and_a_training_does(
    tmp_path: Path, photos_to_colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's file has the features too; without them nothing would be learned."""
    how = {"data": photos_to_colour, "pair_by": "grey", "keeps_luma": True, **TINY}
    run = reverie.train("pix2pix", out=tmp_path / "run", **how)
    x = torch.rand(1, 3, 40, 56) * 2 - 1
    made = reverie.load(run.folder).translate(x)

    def missing(lite: int) -> None:
        raise UserError("the features of EfficientNet-Lite0 need its weights")

    place = "reverie.methods.translation.feature_generator.efficientnet"
    monkeypatch.setattr(place, missing)
    assert torch.equal(reverie.load(run.folder).translate(x), made)
    with pytest.raises(UserError, match="need its weights"):
        reverie.train("pix2pix", out=tmp_path / "other", **how)
    assert not list(tmp_path.glob("other/*.json"))


@pytest.mark.parametrize("method", ["pix2pix", "cyclegan"])
def test_a_resumed_run_ends_in_the_same_weights(
    tmp_path: Path, photos_to_colour: str, method: str
) -> None:
    how = {"data": photos_to_colour, "pair_by": "edges", **TINY}
    whole = reverie.train(method, out=tmp_path / "whole", **how)
    part = reverie.train(method, out=tmp_path / "part", **how | {"steps": 2})
    part = reverie.train(method, out=part.folder, resume=True, steps=4)
    one, other = (reverie.load(run.folder).method.state_dict() for run in (whole, part))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_cut_has_no_use_for_it(tmp_path: Path, photos_to_colour: str) -> None:
    with pytest.raises(UserError, match="--network"):
        reverie.train("cut", out=tmp_path / "run", data=photos_to_colour, pair_by="grey", **TINY)


@pytest.mark.slow
def test_exported_it_translates_alike(tmp_path: Path, photos_to_colour: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    run = reverie.train(
        "pix2pix", out=tmp_path / "run", data=photos_to_colour, pair_by="grey", **TINY
    )
    file = reverie.export(run.folder, out=tmp_path / "model.onnx").files[0]
    session = onnxruntime.InferenceSession(file.path, providers=["CPUExecutionProvider"])
    x = torch.rand(1, 3, 64, 96) * 2 - 1  # multiples of 32, as its metadata says
    made = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
    own = reverie.load(run.folder).translate(x)
    torch.testing.assert_close(torch.from_numpy(made), own, rtol=0, atol=2e-2)
