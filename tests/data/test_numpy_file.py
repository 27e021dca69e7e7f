import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.data import find_source
from tests.fuzzing import assert_only_user_errors, damaged_bytes, named, rounds

X = np.random.default_rng(0).integers(0, 256, (6, 8, 8), np.uint8)
Y = np.arange(6) % 2


@pytest.mark.parametrize(
    "arrays",
    [
        {"arr_0": X, "arr_1": Y},
        {"images": X, "labels": Y},
        {"x": X[..., None], "y": Y[:, None]},
        {"X": X / 255, "Y": Y},
        {"samples": X, "label": Y, "other": np.zeros(3)},
        {"faces": X},
        {"arr_0": X, "arr_1": X},
    ],
)
def test_keys(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez_compressed(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    source = find_source(str(tmp_path / "a.npz"))
    assert source.pixels is not None
    assert (source.pixels[..., 0] == X).all()
    labelled = any(array is Y or array.shape == (6, 1) for array in arrays.values())
    assert (source.labels is not None) == labelled
    assert source.split == "all"


@pytest.mark.parametrize("form", ["x_{}", "{}_images"])
def test_splits(tmp_path: Path, form: str) -> None:
    labels = {"x_{}": "y_{}", "{}_images": "{}_labels"}[form]
    parts = {"train": slice(0, 4), "test": slice(4, 6)}
    arrays = {form.format(k): X[v] for k, v in parts.items()}
    arrays |= {labels.format(k): Y[v] for k, v in parts.items()}
    np.savez(tmp_path / "mnist.npz", **arrays)  # type: ignore[arg-type]
    for split, part in (parts | {"all": slice(0, 6)}).items():
        source = find_source(str(tmp_path / "mnist.npz"), split)
        assert source.pixels is not None
        assert (source.pixels[..., 0] == X[part]).all()
        assert (source.labels == Y[part]).all()
        assert source.split == split
    del arrays[form.format("test")]
    np.savez(tmp_path / "mnist.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="its splits are train"):
        find_source(str(tmp_path / "mnist.npz"), "test")


@pytest.mark.parametrize(
    ("images", "labels"), [("x.npy", "y.npy"), ("my-images.npy", "my-labels.npy")]
)
def test_labels_beside_an_array(tmp_path: Path, images: str, labels: str) -> None:
    np.save(tmp_path / images, X)
    assert find_source(str(tmp_path / images)).labels is None
    np.save(tmp_path / labels, Y)
    assert (find_source(str(tmp_path / images)).labels == Y).all()


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npy_of_header(text: str) -> bytes:
    line = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npz", b"rubbish", "cannot be read"),
        ("a.npy", b"rubbish", "no file of NumPy's, or a damaged one"),
        ("a.npy", b"", "cannot be read|no file of NumPy's"),
        ("a.npy", pickle.dumps({"a": 1}), "no file of NumPy's"),
        ("a.npy", b"\x93NUMPYrubbish", "cannot be read|no file of NumPy's"),
        ("a.npy", npy(np.array([{}], object)), "holds Python objects, which are not read"),
        ("a.npz", npz(images=np.array([{}], object)), "holds Python objects"),
        ("a.npz", npz(images=X)[:-40], "cannot be read"),
        ("a.npz", npz(a=X, b=X), r"none of its arrays \(a, b\) is called as images are"),
        ("a.npz", npz(images=X, labels=Y[:2]), "2 labels for 6 images"),
        ("a.npz", npz(images=X.astype(np.float32)), "its values go from 0 to 255"),
        ("a.npz", npz(x=np.array(["a"])), "not of <U1"),
        (
            "a.npy",
            npy_of_header("{'descr': '|u1', 'fortran_order': False, 'shape': (9, 999, 999), }"),
            "no file of NumPy's",
        ),
    ],
)
def test_what_is_no_usable_file(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        find_source(str(tmp_path / name))


def test_a_header_that_promises_too_much(tmp_path: Path) -> None:
    huge = npy_of_header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999, 9999, 999), }")
    (tmp_path / "a.npy").write_bytes(huge)
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as file:
        file.writestr("images.npy", huge)
    places = [str(tmp_path / "a.npy"), str(tmp_path / "b.npz")]

    def read(place: str) -> None:
        with pytest.raises(UserError, match=r"cannot be read|no file of NumPy's"):
            find_source(place)

    assert_only_user_errors(read, places)


@rounds(100, 2_000)
@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_fuzzed_files(tmp_path: Path, name: str, count: int, seed: int) -> None:
    whole = npz(images=X, labels=Y) if name == "a.npz" else npy(X)

    def read(path: Path) -> None:
        source = find_source(str(path))
        assert source.read(0, None).size > 0

    inputs = named(tmp_path / name, damaged_bytes(whole, count, seed))
    assert_only_user_errors(read, inputs)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "a.npz", X / 255, Y)
    words = ["train", "cgan", "--data", str(tmp_path / "a.npz"), "--image-size", "16"]
    assert main([*words, "--steps", "1", "--width", "4", "--out", str(tmp_path / "run")]) == 0
    assert "array of float64 in [0, 1]: the images are kept in 8 bits" in capsys.readouterr().err
    assert main(["data", "check", str(tmp_path / "a.npz")]) == 0
    assert "8×8" in capsys.readouterr().out
