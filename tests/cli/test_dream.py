import pytest

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
        ("_conv_stem", "32 × 112²"),
        ("_blocks.1", "24 × 56²"),
        ("_bn1", "1280 × 7²"),
    ):
        assert result.layers[name].startswith(words)
    assert list(result.to_json()) == list(result.layers)
    assert len(result.summary().splitlines()) == len(result.layers)
