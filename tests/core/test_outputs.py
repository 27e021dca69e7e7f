"""Results have names of their own, whatever the inputs are called and wherever they go."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reverie.core import files
from reverie.core.errors import UserError
from reverie.core.image_file import ImageFile, read_image_file
from reverie.core.marks import RESULTS
from reverie.core.outputs import (
    OutputPlan,
    plan_outputs,
    refuse_folder_of,
    refuse_no_folder,
    refuse_replacing,
)

IMAGE = ImageFile(np.full((3, 4, 3), 9, np.uint8))
CLEAR = ImageFile(np.full((3, 4, 3), 9, np.uint8), np.full((3, 4), 9, np.uint8))


def draw(root: Path, *names: str) -> list[Path]:
    assert not any(os.path.isabs(name) for name in names)
    files = [root / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(IMAGE.colour).save(file, "PNG")
    return files


def names(plan: OutputPlan) -> dict[str, str]:
    return {o.source.name: str(o.target.relative_to(plan.folder)) for o in plan.outputs}


def test_formats_that_are_not_written_become_png(tmp_path: Path) -> None:
    draw(tmp_path / "in", "a.gif", "b.webp", "c.TGA", "d/e.jpg")
    plan = plan_outputs([tmp_path / "in"], tmp_path / "out")
    assert names(plan) == {
        "a.gif": "a.png", "b.webp": "b.webp", "c.TGA": "c.png", "e.jpg": "d/e.jpg",
    }  # fmt: skip
    assert not plan.marks_folder
    plan = plan_outputs([tmp_path / "in"], tmp_path / "out", ".jpg")
    assert set(names(plan).values()) == {"a.jpg", "b.jpg", "c.jpg", "d/e.jpg"}


def test_who_keeps_a_name_has_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(tmp_path / "in", "x.gif", "x.png", "x.avif", "x-2.png")
    assert names(plan_outputs([tmp_path / "in"], tmp_path / "out")) == {
        "x.avif": "x.avif.png", "x.gif": "x.gif.png", "x.png": "x.png", "x-2.png": "x-2.png",
    }  # fmt: skip
    said = " ".join(capsys.readouterr().err.split())
    assert (
        f"x.gif becomes {tmp_path / 'out' / 'x.gif.png'}: x.png is another image's result" in said
    )


def test_equal_names_from_two_folders(tmp_path: Path) -> None:
    one, two, three = draw(tmp_path, "1/x.png", "2/x.png", "2/x-2.png")
    plan = plan_outputs([one, two, three], tmp_path / "out")
    assert [o.target.name for o in plan.outputs] == ["x.png", "x-3.png", "x-2.png"]
    plan = plan_outputs([one, one, tmp_path / "1"], tmp_path / "out")
    assert [o.target.name for o in plan.outputs] == ["x.png"]


def test_names_that_differ_in_case_or_in_unicode_form(tmp_path: Path) -> None:
    """They are one file on a stick, on macOS and on Windows."""
    draw(tmp_path / "in", "x.PNG", "x.png", "é.png", "e\u0301.png")
    targets = [o.target.name for o in plan_outputs([tmp_path / "in"], tmp_path / "out").outputs]
    assert sorted(targets) == sorted(["x.PNG", "x-2.png", "e\u0301.png", "é-2.png"])


def test_a_result_is_no_folder_of_another(tmp_path: Path) -> None:
    draw(tmp_path / "in", "x.png/y.png", "x.gif")
    assert names(plan_outputs([tmp_path / "in"], tmp_path / "out")) == {
        "y.png": "x.png/y.png", "x.gif": "x.gif.png",
    }  # fmt: skip


def test_long_names_stay_short_enough(tmp_path: Path) -> None:
    long = "é" * 125
    draw(tmp_path, f"1/{long}.png", f"2/{long}.png", f"1/{long}.gif")
    plan = plan_outputs([tmp_path / "1", *draw(tmp_path, f"2/{long}.png")], tmp_path / "out")
    assert len({o.target for o in plan.outputs}) == 3
    for output in plan.outputs:
        plan.write(output, IMAGE)


def test_the_format_that_cannot_hold_a_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(tmp_path / "in", "x.jpg", "x.png", "y.webp")
    plan = plan_outputs([tmp_path / "in"], tmp_path / "out")
    by_name = {o.source.name: o for o in plan.outputs}
    assert plan.write(by_name["x.png"], IMAGE).name == "x.png"
    assert plan.write(by_name["x.jpg"], CLEAR).name == "x.jpg.png"
    assert "x.jpg cannot hold the result" in capsys.readouterr().err
    wide = ImageFile(np.zeros((1, 16384, 1), np.uint8))
    assert plan.write(by_name["y.webp"], wide).name == "y.png"
    assert plan.write(by_name["y.webp"], IMAGE).name == "y.webp"


NAMES = st.sampled_from(
    ["x.png", "x.PNG", "X.png", "x.gif", "x.jpg", "x.png.png", "x.gif.png", "x-2.png", "x-3.png",
     "x.tga", "x.webp", "\udcff.png", "\udcff.gif", "n" * 251 + ".gif", "n" * 251 + ".png"]
)  # fmt: skip
FOLDERS = st.sampled_from(["", "a", "A", "a/b", "x"])


@settings(max_examples=40, deadline=None)
@given(st.sets(st.tuples(FOLDERS, NAMES), min_size=1, max_size=9), st.booleans())
def test_no_two_results_share_a_name(
    tmp_path_factory: pytest.TempPathFactory, wanted: set[tuple[str, str]], clear: bool
) -> None:
    root = tmp_path_factory.mktemp("plan")
    draw(root / "in", *(str(Path(folder, name)) for folder, name in wanted))
    plan = plan_outputs([root / "in"], root / "out")
    assert [o.source for o in plan.outputs] == sorted(o.source for o in plan.outputs)
    written = [plan.write(o, CLEAR if clear else IMAGE) for o in plan.outputs]
    assert len({str(path).casefold() for path in written}) == len(written) == len(wanted)
    assert sorted(p for p in (root / "out").rglob("*") if p.is_file()) == sorted(written)
    assert plan_outputs([root / "in"], root / "out") == plan


def test_an_input_is_never_a_target(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    x, y = draw(folder, "x.png", "deep/y.png")
    (tmp_path / "link").symlink_to(folder)
    os.link(x, tmp_path / "x.png")
    for place, out in [
        (folder, folder), (folder, tmp_path / "link"), (folder, folder / "deep" / ".."),
    ]:  # fmt: skip
        with pytest.raises(UserError, match="is the folder of the images"):
            plan_outputs([place], out)
    for place, out in [
        (x, folder), (tmp_path / "link" / "x.png", folder), (x, tmp_path), (y, folder / "deep"),
    ]:  # fmt: skip
        with pytest.raises(UserError, match="would be replaced by a result: choose another --out"):
            plan_outputs([place], out)
    draw(tmp_path, "p/deep/x.png", "p/x.png")
    with pytest.raises(UserError, match=r"p/x\.png would be replaced"):
        plan_outputs([tmp_path / "p" / "deep", tmp_path / "p" / "x.png"], tmp_path / "p")


def test_what_lies_beside_an_input_is_not_replaced(tmp_path: Path) -> None:
    draw(tmp_path, "x.gif", "x.png")
    with pytest.raises(UserError, match=r"x\.png exists, beside the images"):
        plan_outputs([tmp_path / "x.gif"], tmp_path)
    (tmp_path / "x.png").unlink()
    assert names(plan_outputs([tmp_path / "x.gif"], tmp_path)) == {"x.gif": "x.png"}


def test_results_inside_the_input_are_marked(tmp_path: Path) -> None:
    draw(tmp_path / "in", "x.png", "deep/y.png")
    out = tmp_path / "in" / "deep" / "out"
    plan = plan_outputs([tmp_path / "in"], out)
    assert not out.exists()  # planning writes nothing
    for output in plan.outputs:
        plan.write(output, IMAGE)
    assert (out / RESULTS).exists()
    again = plan_outputs([tmp_path / "in"], out)
    assert again.outputs == plan.outputs
    assert plan_outputs([tmp_path / "in"], tmp_path / "other").outputs[0].source.name == "y.png"
    assert len(plan_outputs([out], tmp_path / "other").outputs) == 2  # named itself, it is data
    with pytest.raises(UserError, match="inside the folder of the images and holds images"):
        plan_outputs([tmp_path / "in"], tmp_path / "in" / "deep")


def test_a_folder_of_results_beside_single_files(tmp_path: Path) -> None:
    draw(tmp_path, "x.png", "mine/y.png")
    for out, marked in (("large", True), ("mine", False)):
        assert plan_outputs([tmp_path / "x.png"], tmp_path / out).marks_folder == marked


def test_what_cannot_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dead").symlink_to("nowhere")
    for name, reason in {
        "file": "this is a file, and --out is a folder",
        "file/deeper": "this is a file, and --out is a folder",
        "dead/deeper": "leads to nothing",
    }.items():
        with pytest.raises(UserError, match=reason):
            refuse_no_folder(tmp_path / name)
    refuse_no_folder(tmp_path / "new" / "and" / "deep")
    refuse_no_folder(Path("relative"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match="cannot be written to"):
        refuse_no_folder(tmp_path / "new")


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    draw(tmp_path, "in/deep/x.png", "out/deep/.y.png.0123abcd.part")
    old = tmp_path / "out" / "deep" / ".y.png.0123abcd.part"
    os.utime(old, (0, 0))
    plan = plan_outputs([tmp_path / "in"], tmp_path / "out")
    plan.write(plan.outputs[0], read_image_file(plan.outputs[0].source))
    assert not old.exists()


def test_single_files(tmp_path: Path) -> None:
    (x,) = draw(tmp_path, "x.png")
    (tmp_path / "link.png").symlink_to(x)
    os.link(x, tmp_path / "hard.png")
    for name in ("x.png", "link.png", "hard.png", "none/../x.png"):
        (tmp_path / "none").mkdir(exist_ok=True)
        with pytest.raises(UserError, match=r"x\.png would be replaced"):
            refuse_replacing([tmp_path / name], [x])
    refuse_replacing([tmp_path / "new.png"], [x, tmp_path / "missing.png"])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    draw(tmp_path / "in", "x.png")
    plan = plan_outputs([tmp_path / "in"], tmp_path / "out")
    target = plan.write(plan.outputs[0], CLEAR)
    before = target.read_bytes()

    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "fsync", full)
    with (
        pytest.raises(OSError, match=r"out/x\.png"),
        plan.failures.of(plan.outputs[0].source),
    ):
        plan.write(plan.outputs[0], IMAGE)
    assert target.read_bytes() == before
    assert os.listdir(tmp_path / "out") == ["x.png"]


def test_the_folder_of_an_input_is_no_folder_of_results(tmp_path: Path) -> None:
    draw(tmp_path, "in/x.png")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for out in (tmp_path / "in", tmp_path / "link", tmp_path / "in" / ".." / "in"):
        with pytest.raises(UserError, match=r"is the folder of x\.png: choose another --out"):
            refuse_folder_of(out, [tmp_path / "in" / "x.png"])
    refuse_folder_of(tmp_path / "new", [tmp_path / "in" / "x.png"])
