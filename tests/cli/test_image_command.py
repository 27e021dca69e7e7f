from pathlib import Path

import pytest

from reverie.cli.dream import DreamCommand
from reverie.cli.image_command import ImageCommand
from reverie.cli.latent import EditCommand, InterpolateCommand, ReconstructCommand
from reverie.cli.sample import SampleCommand
from reverie.core.errors import UserError


def test_a_name_that_is_taken_gets_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "a.txt").touch()
    for name in ("dream.png", "dream-2.png", "edited.png", "walk.gif", "side-by-side.png"):
        (tmp_path / name).touch()

    def out_of(kind: type[ImageCommand], *words: str) -> str:
        command = kind.parse("reverie x", words)
        assert isinstance(command, ImageCommand)
        return str(command.out)

    assert out_of(SampleCommand, "digits") == "samples-2"
    assert out_of(SampleCommand, "digits", "--out", "samples") == "samples"
    assert out_of(SampleCommand, "digits", "--overwrite") == "samples"
    assert out_of(DreamCommand, "a.png") == "dream-3.png"
    assert out_of(EditCommand, "model", "a") == "edited-2.png"
    assert out_of(InterpolateCommand, "model") == "walk-2.gif"
    assert out_of(ReconstructCommand, "model", "a.png") == "side-by-side-2.png"


def test_what_is_named_is_not_replaced_unasked(tmp_path: Path) -> None:
    file, folder = tmp_path / "a.png", tmp_path / "frames"
    file.touch()
    folder.mkdir()
    InterpolateCommand(model="m", out=folder).refuse_replacing()  # it is empty
    (folder / "000.png").touch()
    for out in (file, folder):
        with pytest.raises(UserError, match=f"{out.name} exists: choose another --out, or add"):
            InterpolateCommand(model="m", out=out).refuse_replacing()
        InterpolateCommand(model="m", out=out, overwrite=True).refuse_replacing()
    SampleCommand(model="m", out=folder).refuse_replacing([folder / "001.png"])
