from pathlib import Path

import pytest

import reverie
from reverie.cli.dream import DreamCommand, LayersResult
from reverie.cli.main import parse_command
from reverie.core.errors import UserError
from reverie.core.options import options_of
from reverie.inference.options import DreamOptions


def test_flags_become_options() -> None:
    words = "dream a.png --steps 3 --layers block4a=2 head:7 --towards mean --octaves 1"
    command = parse_command(words.split())
    assert isinstance(command, DreamCommand)
    assert options_of(DreamOptions, command) == DreamOptions(
        steps=3, layers=("block4a=2", "head:7"), towards="mean", octaves=1
    )


@pytest.mark.parametrize("words", ["dream", "dream a.png b.png"])
def test_one_image_is_dreamt_of(words: str) -> None:
    with pytest.raises(UserError, match="name one image to dream of"):
        parse_command(words.split()).run()


def test_bounds_are_one_sentence() -> None:
    with pytest.raises(UserError, match="--octave-scale must be above 1"):
        parse_command(["dream", "a.png", "--octave-scale", "1"])


def test_layers_are_listed() -> None:
    result = DreamCommand(list_layers=True).run()
    assert isinstance(result, LayersResult)
    # EfficientNet-Lite0 at 224 pixels, by its definition.
    for name, words in (
        ("_conv_stem", "32 × 112×112"),
        ("_blocks.1", "24 × 56×56"),
        ("_bn1", "1280 × 7×7"),
    ):
        assert result.layers[name].startswith(words)
    assert result.layers["_conv_stem"].endswith("receptive field 3×3, depth 1")
    assert list(result.to_json()) == list(result.layers)
    assert len(result.summary().splitlines()) == len(result.layers)


def test_layers_of_a_model_are_described_by_what_they_see(tmp_path: Path) -> None:
    """A small conditional DCGAN's discriminator of 28 pixels knows no animals."""
    run = reverie.train(
        "cgan", out=tmp_path / "run", data="digits", steps=1, batch_size=4, width=4
    ).folder
    layers = DreamCommand(list_layers=True, backbone=str(run)).run().to_json()
    first = next(iter(layers.values()))
    assert first == "4 × 14×14       receptive field 4×4, depth 1"
    assert "receptive field 22×22, depth 3" in " ".join(map(str, layers.values()))
