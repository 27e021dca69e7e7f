"""ONNX files at run time: what is no such file, and what ONNX Runtime says."""

import copy
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.core.onnx import METADATA_KEY, OnnxFile, need_onnx
from tests.onnx_graphs import write_image_graph


@pytest.mark.parametrize(
    ("package", "writing"), [("onnxruntime", False), ("onnx", True), ("onnxscript", True)]
)
def test_missing_packages_are_named(
    package: str, writing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    message = rf"^ONNX files need the package {package}: pip install 'reverie\[onnx\]'\.$"
    with pytest.raises(UserError, match=message):
        need_onnx(writing=writing)


def test_running_needs_no_package_for_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    need_onnx(writing=False)


def test_a_graph_runs(tmp_path: Path) -> None:
    file = OnnxFile.read(write_image_graph(tmp_path / "m.onnx", scale=2))
    x = np.random.default_rng(0).uniform(-2, 2, (1, 3, 5, 7)).astype(np.float32)
    wanted = x.clip(-1, 1).repeat(2, axis=2).repeat(2, axis=3)
    np.testing.assert_array_equal(file.run([x]), wanted)
    assert copy.deepcopy(file) is file
    assert file.facts is None


def test_threads_are_those_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_image_graph(tmp_path / "m.onnx")
    for value, threads in (("3", 3), ("", 0), ("many", 0)):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        options = OnnxFile.read(path).session.get_session_options()
        assert options.intra_op_num_threads == threads


def test_weights_in_a_file_of_their_own_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    model = onnx.load(write_image_graph(tmp_path / "m.onnx"))
    weights = np.arange(1200, dtype=np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    model.graph.node.append(onnx.helper.make_node("Identity", ["w"], ["z"]))
    info = onnx.helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, [1200])
    model.graph.output.append(info)
    onnx.save(model, folder / "m.onnx", save_as_external_data=True, location="m.data")
    assert (folder / "m.data").stat().st_size == weights.nbytes
    monkeypatch.chdir(tmp_path)
    assert OnnxFile.read(Path("elsewhere/m.onnx")).facts is None


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_rubbish_is_refused(content: bytes) -> None:
    with pytest.raises(UserError, match=r"^m\.onnx: ONNX Runtime cannot run this file \(.+\)\.$"):
        _ = OnnxFile(Path("m.onnx"), content or b"\0").session


def test_a_truncated_file_is_refused_or_runs(tmp_path: Path) -> None:
    whole = write_image_graph(tmp_path / "m.onnx").read_bytes()
    refused = 0
    for length in range(1, len(whole), 5):
        try:
            OnnxFile(Path("m.onnx"), whole[:length]).run([np.zeros((1, 3, 4, 4), np.float32)])
        except UserError:
            refused += 1
    assert refused > 0.9 * len(whole) / 5


def test_an_empty_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").touch()
    for path in (tmp_path / "m.onnx", tmp_path / "none.onnx"):
        with pytest.raises(UserError, match="cannot run this file"):
            OnnxFile.read(path)


@pytest.mark.parametrize("entry", ["", "{", "[]", "3", '{"a":' * 10_000])
def test_damaged_metadata_is_refused(entry: str, tmp_path: Path) -> None:
    path = write_image_graph(tmp_path / "m.onnx")
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {METADATA_KEY: entry})
    onnx.save(model, path)
    with pytest.raises(UserError, match="the file's own description is damaged: export it again"):
        _ = OnnxFile.read(path).facts


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    file = OnnxFile.read(write_image_graph(tmp_path / "m.onnx", size=(24, "width")))
    assert file.run([np.zeros((1, 3, 24, 9), np.float32)]).shape == (1, 3, 24, 9)
    with pytest.raises(
        UserError, match=r"takes images of 40 x 24 pixels only, not of 40 x 32: resize them\.$"
    ):
        file.run([np.zeros((1, 3, 32, 40), np.float32)])
    with pytest.raises(UserError, match=r"ONNX Runtime failed \(.*\)\.$"):
        file.run([np.zeros((1, 2, 24, 40), np.float32)])
