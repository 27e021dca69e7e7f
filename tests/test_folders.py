"""What holds for every verb and every folder: no input changes, what is counted is what is there,
one bad file stops nothing, and a second call changes nothing."""

import hashlib
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import reverie
from reverie import images
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.core.marks import RESULTS, is_marked
from reverie.core.result import Result
from reverie.data import DataOptions, ImageSpec
from reverie.data.dataset import open_dataset
from reverie.inference.model import Model
from reverie.inference.options import SampleOptions
from reverie.inference.sample import sample_files
from reverie.methods.presets import recipe_for
from reverie.runs.model_folder import build_method, save_model

SPECS = {
    "srresnet": (ImageSpec(3, 32), {"network": "compact", "width": 2, "blocks": 1}),
    "cyclegan": (ImageSpec(3, 32), {"width": 2, "discriminator_width": 2, "blocks": 0}),
    "vae": (ImageSpec(1, 8), {"hidden": (4,), "latent_size": 2}),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    for name, (spec, options) in SPECS.items():
        method = build_method(recipe_for(name).with_options(**options), spec)
        save_model(root / name, name, method, "a card")
    return {name: root / name for name in SPECS}


Verb = Callable[[list[Path], Path], Result]


@pytest.fixture(scope="module")
def verbs(models: dict[str, Path]) -> dict[str, Verb]:
    upscaler, translator = (reverie.load(models[name]) for name in ("srresnet", "cyclegan"))
    return {
        "translate": lambda places, out: reverie.translate(translator, places, out=out),
        "upscale": lambda places, out: reverie.upscale(places, out=out, model=upscaler),
    }


@contextmanager
def no_waiting(seconds: int) -> Iterator[None]:
    """A pipe that is opened would wait for ever."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)


def encoded(format: str, mode: str) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(PIXELS)
    if mode == "I;16":
        image = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    image.save(buffer, format)
    return buffer.getvalue()


GOOD = {
    "png": encoded("PNG", "RGB"),
    "clear": encoded("PNG", "RGBA"),
    "deep": encoded("PNG", "I;16"),
    "jpg": encoded("JPEG", "L"),
    "cmyk": encoded("TIFF", "CMYK"),
    "tif": encoded("TIFF", "RGB"),
    "gif": encoded("GIF", "P"),
    "webp": encoded("WEBP", "RGB"),
}
"""Contents by kind; a file's format is not asked of its name."""


BAD = {
    "empty": b"",
    "text": b"no image",
    "half": GOOD["png"][:60],
    "damaged avif": encoded("AVIF", "RGB").replace(b"iloc", b"iloX"),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
}


UNOPENED = ("pipe", "dead link", "loop")


NAMES = (
    "x.png", "x.PNG", "x.gif", "x.jpg", "x.webp", "x.tif", "x.png.png", "x-2.png", "grid.png",
    "before-after.png", "index.html.png", "[bold]x[/].png", "\\[red].png", "<img onerror=a>.png",
    "\udcff.png", "é.png", "e\u0301.png", "a\nb.png", "n" * 246 + ".png", "m" * 251 + ".gif",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    folder: str
    name: str
    kind: str

    def make(self, root: Path) -> None:
        file = root / self.folder / self.name
        file.parent.mkdir(parents=True, exist_ok=True)
        if self.kind == "pipe":
            os.mkfifo(file)
        elif self.kind in ("dead link", "loop"):
            file.symlink_to("nowhere" if self.kind == "dead link" else file)
        elif self.kind == "sheet":
            images.save_sheet(torch.zeros(2, 1, 3, 3), file.with_suffix(".png"))
        else:
            file.write_bytes((GOOD | BAD)[self.kind])


ENTRIES = st.lists(
    st.builds(
        Entry,
        st.sampled_from(("", "", "a", "A", "a/b", "folder.png")),
        st.sampled_from(NAMES),
        st.sampled_from((*GOOD, *GOOD, *BAD, *UNOPENED)),
    ),
    min_size=1,
    max_size=7,
    unique_by=lambda entry: (entry.folder, entry.name),
)


def snapshot(root: Path, leave_out: Path | None = None) -> dict[str, str]:
    """What is at every path below a folder, except for folders."""
    found = {}
    for path in sorted(root.rglob("*")):
        left_out = leave_out is not None and leave_out in (path, *path.parents)
        if not left_out and (path.is_symlink() or not path.is_dir()):
            kind = f"link to {os.readlink(path)}" if path.is_symlink() else "other"
            if path.is_file():
                kind = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(root))] = kind
    return found


def results_in(out: Path) -> list[Path]:
    files = (p for p in out.rglob("*") if p.is_file() and p.name != RESULTS)
    return sorted(p for p in files if not is_marked(p))


def code_and_result(call: Callable[[], Result]) -> tuple[int, Result | None]:
    try:
        result = call()
    except UserError:
        return 2, None
    return result.exit_code, result


OUTS = ("out", "in/out", "in/a/deep/out", "linked/out")


def check_a_folder(verb: Verb, root: Path, entries: list[Entry], out: Path) -> None:
    places = [root / "in"]
    (root / "in").mkdir()
    (root / "linked").symlink_to(root / "in")
    for entry in entries:
        entry.make(root / "in")
    before = snapshot(root / "in")
    good = sum(entry.kind in GOOD for entry in entries)
    with no_waiting(20):
        code, result = code_and_result(lambda: verb(places, out))
    inside = out.resolve()
    assert snapshot((root / "in").resolve(), inside) == before
    written = results_in(out) if out.exists() else []
    assert len(written) == good
    if result is None:
        assert (code, good) == (2, 0)
        return
    assert code == (0 if good == len(entries) else 1)
    assert sorted(result.files) == written
    assert result.to_json()["count"] == good
    assert len(result.failed) == len(entries) - good
    for path in written:
        images.size_of(path)
    after = snapshot(out)
    with no_waiting(20):
        code, again = code_and_result(lambda: verb(places, out))
    assert again is not None
    assert snapshot(out) == after
    assert len(again.failed) == len(entries) - good
    assert sorted([*again.files, *getattr(again, "skipped", ())]) == written
    assert snapshot((root / "in").resolve(), inside) == before


FEW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MANY = settings(FEW, max_examples=600)


@pytest.mark.parametrize("verb", ["translate", "upscale"])
@FEW
@given(ENTRIES, st.sampled_from(OUTS))
def test_any_folder(verbs, tmp_path_factory, verb, entries, out) -> None:
    root = tmp_path_factory.mktemp("folder")
    check_a_folder(verbs[verb], root, entries, root / out)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["translate", "upscale"])
@MANY
@given(ENTRIES, st.sampled_from(OUTS))
def test_any_folder_often(verbs, tmp_path_factory, verb, entries, out) -> None:
    root = tmp_path_factory.mktemp("folder")
    check_a_folder(verbs[verb], root, entries, root / out)


@pytest.mark.parametrize("verb", ["translate", "upscale"])
def test_a_folder_of_everything(verbs: dict[str, Verb], verb: str, tmp_path: Path, capsys) -> None:
    kinds = (*GOOD, *BAD, *UNOPENED)
    entries = [Entry("", name, "png") for name in NAMES]
    entries += [Entry("kinds", f"{kind}.png", kind) for kind in kinds]
    check_a_folder(verbs[verb], tmp_path, entries, tmp_path / "out")
    said = capsys.readouterr().err.splitlines()
    for kind in (*BAD, *UNOPENED):  # in each of two calls
        assert sum(f"left out: {tmp_path}/in/kinds/{kind}.png: " in line for line in said) == 2


@pytest.mark.parametrize("verb", ["translate", "upscale"])
@pytest.mark.parametrize("out", ["in", "in/a/..", "linked", "hard/../in"])
def test_results_into_the_folder_itself_are_refused(
    verbs: dict[str, Verb], verb: str, out: str, tmp_path: Path
) -> None:
    for entry in (Entry("", "x.png", "png"), Entry("a", "y.gif", "gif")):
        entry.make(tmp_path / "in")
    (tmp_path / "linked").symlink_to(tmp_path / "in")
    (tmp_path / "hard").mkdir()
    before = snapshot(tmp_path)
    with pytest.raises(UserError, match="choose another --out"):
        verbs[verb]([tmp_path / "in"], tmp_path / out)
    assert snapshot(tmp_path) == before


@settings(FEW, max_examples=6)
@given(
    count=st.integers(1, 5),
    seed=st.integers(0, 3),
    mine=st.sets(st.sampled_from(["grid.png", "000002.png", "z.png"])),
)
def test_samples_are_counted_without_their_sheet(models, tmp_path_factory, count, seed, mine):
    """`evaluate` counts what was sampled and what the user put there, whatever it is called."""
    model, out = reverie.load(models["vae"]), tmp_path_factory.mktemp("samples")
    for name in mine - {"000002.png"}:
        (out / name).write_bytes(GOOD["jpg"])
    result = sample_files(model, out, SampleOptions(count=count, seed=seed))
    assert len(open_dataset(DataOptions(data=str(out)))) == count + len(mine - {"000002.png"})
    for name in mine - {"000002.png"}:
        assert (out / name).read_bytes() == GOOD["jpg"]
    after = snapshot(out)
    again = sample_files(model, out, SampleOptions(count=count, seed=seed))
    assert (again, snapshot(out)) == (result, after)


def test_evaluate_counts_the_samples(
    models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "g")
    assert main(["sample", str(models["vae"]), "-n", "20", "--out", out]) == 0
    assert main(["evaluate", out, "--data", out, "--features", "digits"]) == 0
    assert "[digits, 20, all]" in capsys.readouterr().out
    (tmp_path / "g" / "bad.png").write_bytes(b"")
    os.mkfifo(tmp_path / "g" / "pipe.png")
    with no_waiting(60):
        assert main(["evaluate", out, "--data", out, "--features", "digits"]) == 1
    said = capsys.readouterr()
    assert "[digits, 20, all]" in said.out
    assert said.err.count("left out: ") == 2


def test_the_samples_of_a_run_are_no_data(tmp_path: Path) -> None:
    run = reverie.train(
        "vae", out=tmp_path / "run", data="digits", hidden=(4,), steps=2, sample_every=1
    ).folder
    with pytest.raises(UserError, match=r"no images in this folder.*sheet made by reverie"):
        open_dataset(DataOptions(data=str(run)))
    Entry("", "mine.png", "png").make(tmp_path)
    assert len(open_dataset(DataOptions(data=str(tmp_path)))) == 1


def test_inputs_of_single_files_stay(models: dict[str, Path], tmp_path: Path) -> None:
    """reconstruct, interpolate, edit, sample and dream refuse to write to what they read."""
    vae, x = models["vae"], tmp_path / "x.png"
    for name in ("x.png", "00001.png", "000000.png"):
        (tmp_path / name).write_bytes(GOOD["jpg"])
    (tmp_path / "same.png").symlink_to(x)
    before = snapshot(tmp_path)
    calls: list[Callable[[], object]] = [
        lambda: reverie.reconstruct(vae, tmp_path, out=x),
        lambda: reverie.reconstruct(vae, x, out=tmp_path / "same.png"),
        lambda: reverie.interpolate(vae, out=x, images=(x, tmp_path / "00001.png")),
        lambda: reverie.interpolate(vae, out=tmp_path, images=(x, tmp_path / "00001.png")),
        lambda: reverie.edit(vae, out=x, image=x, add=("Smiling",)),
        lambda: sample_files(loaded(vae), x, SampleOptions(init=x)),
        lambda: sample_files(loaded(vae), tmp_path, SampleOptions(init=tmp_path / "000000.png")),
        lambda: reverie.dream(x, out=x, backbone=str(vae)),
        lambda: reverie.dream(x, out=tmp_path / "d.png", like=x, backbone=str(vae)),
    ]
    for call in calls:
        with pytest.raises(UserError):
            call()
        assert snapshot(tmp_path) == before
    for call in calls[:-3]:
        with pytest.raises(UserError, match="would be replaced by a result"):
            call()


def loaded(place: Path) -> Model:
    return reverie.load(place)


def test_a_bad_file_is_left_out_of_reconstructions(
    models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, kind in (("a.png", "png"), ("b.png", "empty"), ("\udcff.png", "jpg")):
        Entry("", name, kind).make(tmp_path / "in")
    args = ["reconstruct", str(models["vae"]), str(tmp_path / "in"), "--json"]
    for _ in range(2):  # the sheet of the first call is no input of the second
        out = ["--out", str(tmp_path / "in" / "sheet.png"), "--overwrite"]
        assert main([*args, *out]) == 1
        said = capsys.readouterr()
        assert said.err.count("left out: ") == 1
        assert '"a.png": ' in said.out
        assert "sheet.png: " not in said.out.replace("in/sheet.png", "")
    (tmp_path / "in" / "a.png").unlink()
    (tmp_path / "in" / "\udcff.png").unlink()
    assert main([*args, "--out", str(tmp_path / "sheet.png")]) == 2


def test_comparisons_replace_no_report(models: dict[str, Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        reverie.train("vae", out=tmp_path / name, data="digits", hidden=(4,), steps=1)
    runs = [tmp_path / "a", tmp_path / "b"]
    before = snapshot(tmp_path)
    for out in ("a/options.json", "a/report.html", "b/model/config.json"):
        with pytest.raises(UserError):
            reverie.compare(runs, tmp_path / out)
    for out in ("options.json", "model/config.json"):
        with pytest.raises(UserError, match="would be replaced"):
            reverie.evaluate(tmp_path / "a", data="digits", out=tmp_path / "a" / out)
    assert snapshot(tmp_path) == before
