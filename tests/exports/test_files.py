"""`reverie export`: the files of a model, and what is refused."""

import json
import sys
from pathlib import Path

import pytest

import reverie
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.core.onnx import METADATA_KEY, OnnxFile
from reverie.exports import files as module
from reverie.exports.files import ExportedFile, ExportResult, export_files, facts_of
from reverie.exports.graphs import graphs_of
from reverie.inference.model import Model
from reverie.inference.options import ExportOptions
from tests.exports.conftest import tiny
from tests.onnx_graphs import write_image_graph

Captured = pytest.CaptureFixture[str]


def test_files_are_named_and_described(tmp_path: Path) -> None:
    out = tmp_path / "new" / "faces.onnx"
    result = reverie.export(tiny("vae"), out=out, half=True, license="MIT")
    assert [(file.part, file.path) for file in result.files] == [
        ("generate", out),
        ("encode", out.with_name("faces-encode.onnx")),
    ]
    assert {path.name for path in out.parent.iterdir()} == {"faces.onnx", "faces-encode.onnx"}
    for file in result.files:
        assert file.size_bytes == file.path.stat().st_size
        facts = OnnxFile.read(file.path).facts
        assert facts is not None
        assert facts["part"] == file.part
        assert facts["license"] == "MIT"
        assert facts["pictures"]["image_size"] == 28
        assert 1e-8 < file.largest_difference < 1e-2
    assert json.dumps(result.to_json())
    assert len(result.summary().splitlines()) == 2


def test_summary() -> None:
    file = ExportedFile(Path("m.onnx"), "ab", 1_500_000, 2.5e-7, 131.4)
    line = "m.onnx: ab, 1.5 MB, differs from the model by at most 2.5e-07 of the range (131 dB)"
    assert file.summary() == line
    assert ExportResult([file, file]).summary() == f"{line}\n{line}"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An ONNX file that stands there before; exporting to it takes no time, and computes x."""
    path = write_image_graph(tmp_path / "m.onnx", scale=4)
    content = path.read_bytes()
    file = OnnxFile(Path("memory"), content)

    def made(*_: object) -> tuple[bytes, object]:
        import torch

        return content + b"", lambda inputs: torch.from_numpy(file.run([inputs[0].numpy()]))

    monkeypatch.setattr(module, "_onnx", made)
    path.write_bytes(b"what was there before")
    return path


def test_a_file_that_differs_is_not_written(drawn: Path, upscaler: Model) -> None:
    with pytest.raises(
        UserError, match=r"it would differ from the model by .*: please report this"
    ):
        export_files(upscaler, drawn, ExportOptions())
    assert drawn.read_bytes() == b"what was there before"
    assert list(drawn.parent.iterdir()) == [drawn]


def test_an_existing_file_is_replaced(drawn: Path, upscaler: Model) -> None:
    (file,) = export_files(upscaler, drawn, ExportOptions(half=True)).files
    assert file.largest_difference > module.TOLERANCE  # which a compressed file may
    assert reverie.load(drawn).method.scale == 4
    assert list(drawn.parent.iterdir()) == [drawn]


def test_an_interrupted_export_leaves_what_was_there(
    drawn: Path, upscaler: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_files(upscaler, drawn, ExportOptions(half=True))
    assert drawn.read_bytes() == b"what was there before"
    assert list(drawn.parent.iterdir()) == [drawn]


def test_facts(upscaler: Model) -> None:
    facts = facts_of(upscaler, next(graphs_of(upscaler)), "CC0")
    assert (facts.model, facts.method, facts.part) == ("srresnet", "srresnet", "upscale")
    assert (facts.scale, facts.multiple, facts.channel_order) == (4, 1, "RGB")
    assert facts.receptive_radius == upscaler.method.upscaler.receptive_radius  # type: ignore[attr-defined]
    assert METADATA_KEY == "reverie"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("digits --out m.png", "m.png: the name of a file of --to onnx ends in .onnx"),
        ("digits --out m", "m: the name of a file of --to onnx ends in .onnx"),
        ("digits --to torch --out m.onnx", "the name of a file of --to torch ends in .pt2"),
        ("digits --out folder.onnx", "folder.onnx is a folder: name the file to write"),
        ("digits --out m.onnx --images .", "--images is for --quantize int8"),
        ("digits --to torch --half --out m.pt2", "--half and --quantize are for --to onnx"),
        ("digits --compile --out m.onnx", "--compile is for --to torch"),
        ("digits --data faces --out m.onnx", "does not both encode and generate images"),
        ("digits --to torch --quantize int8 --out m.pt2", "are for --to onnx"),
        ("digits --direction ba --out m.onnx", "digits has no direction ba: leave --direction out"),
        ("digits --to tensorrt --out m.onnx", "tensorrt"),
        ("digits --quantize int4 --out m.onnx", "int4"),
        ("digits", "--out must be given"),
        ("nowhere --out m.onnx", "no run or model folder of that name"),
        ("other.onnx --out m.onnx", "other.onnx is an exported file already"),
        ("rubbish.onnx --out m.onnx", "ONNX Runtime cannot run this file"),
        ("photos-x4 --out m.onnx --quantize int8 --images none", "there are no images in this"),
        ("digits --out m.onnx --quantize int8 --images none", "digits takes no images"),
    ],
)
def test_bad_requests_get_one_sentence(
    words: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "rubbish.onnx").write_bytes(b"rubbish")
    write_image_graph(tmp_path / "other.onnx")
    before = sorted(tmp_path.iterdir())
    assert main(["export", *words.split()]) == 2
    err = capsys.readouterr().err.strip()
    assert message in err
    assert err.count("\n") == 0
    assert sorted(tmp_path.iterdir()) == before


def test_where_nothing_can_be_written_is_said_at_once(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(module, "_onnx", None)  # which would take long
    assert main(["export", "digits", "--out", str(tmp_path / "file" / "m.onnx")]) != 0
    err = capsys.readouterr().err
    assert "m.onnx" in err or "file" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_missing_packages_are_named(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["export", "digits", "--out", str(tmp_path / "m.onnx")]) == 2
    assert f"need the package {package}: pip install 'reverie[onnx]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
