import json
from pathlib import Path

import pytest

from reverie.cli.main import parse_command
from reverie.cli.upscale import UpscaleCommand, split_model
from reverie.core.errors import UserError
from reverie.core.options import options_of
from reverie.inference.options import UpscaleOptions


def test_the_first_word_may_be_a_model(tmp_path: Path) -> None:
    images, run = tmp_path / "images", tmp_path / "run"
    images.mkdir()
    run.mkdir()
    (run / "options.json").write_text(json.dumps({}))
    assert split_model(["a.png"]) == ("photos-x4", ["a.png"])
    assert split_model(["a.PNG", "b.jpg"]) == ("photos-x4", ["a.PNG", "b.jpg"])
    assert split_model([str(images)]) == ("photos-x4", [str(images)])
    assert split_model(["a.png"], scale=1.5) == ("photos-x2", ["a.png"])
    assert split_model(["a.png"], scale=2.5) == ("photos-x4", ["a.png"])
    assert split_model([str(run), str(images)]) == (str(run), [str(images)])
    assert split_model(["user/name", "a.png"]) == ("user/name", ["a.png"])
    assert split_model(["x4.pth", "a.png", "b.png"]) == ("x4.pth", ["a.png", "b.png"])


@pytest.mark.parametrize("words", [[], ["photos-x4"], ["weights.pth"]])
def test_images_must_be_given(words: list[str]) -> None:
    with pytest.raises(UserError, match="say which images to upscale"):
        split_model(words)


def test_flags_become_options() -> None:
    command = parse_command(
        ["upscale", "m", "a.png", "--scale", "1.5", "--existing", "overwrite", "--out", "o"]
    )
    assert isinstance(command, UpscaleCommand)
    assert command.images == ("m", "a.png")
    assert command.out == Path("o")
    expected = UpscaleOptions(scale=1.5, existing="overwrite")
    assert options_of(UpscaleOptions, command) == expected
