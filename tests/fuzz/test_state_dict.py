"""Damaged and hostile files of weights of other code: .pth and .safetensors."""

import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from reverie.core.errors import UserError
from reverie.core.state_dict import read_tensors
from reverie.inference.load import import_weights
from reverie.methods.superres.networks import MSRResNet, RRDBNet, SRResNet, SRVGGNetCompact
from reverie.methods.superres.span import SPAN
from reverie.methods.translation.patchgan import PatchDiscriminator
from reverie.methods.translation.resnet_generator import ResNetGenerator
from reverie.methods.translation.unet_generator import UNetGenerator
from tests.fuzzing import assert_only_user_errors, damaged_bytes, named, rounds

NETWORKS: dict[str, Callable[[], torch.nn.Module]] = {
    "resnet": lambda: ResNetGenerator(1, 1, 2, 1, "instance", False, "transposed"),
    "unet": lambda: UNetGenerator(1, 1, 2, 3, "batch", True),
    "patch": lambda: PatchDiscriminator(1, 2, 1, "batch"),
    "srresnet": lambda: SRResNet(1, 2, 2, 1),
    "rrdb": lambda: RRDBNet(1, 2, 2, 1, 2),
    "compact": lambda: SRVGGNetCompact(1, 2, 2, 1),
    "msrresnet": lambda: MSRResNet(1, 2, 2, 1),
    "span": lambda: SPAN(1, 2, 2, 1),
}
X = torch.zeros(1)
STRANGE: tuple[Any, ...] = (
    {1: X}, {("a", 1): X}, {None: X}, {b"a": X}, {"a": {"b": X}}, {"params": {1: X}},
    {"params": {"params": {"a": X}}}, {"a": [X]}, [X], X, 1, None, "x", {}, {"a": None}, {1.5: X},
    {"a": torch.zeros(1, dtype=torch.complex64)}, {"a": torch.tensor([float("nan")])},
    {"a": torch.zeros(1).expand(10**6, 10**6)}, {"a": torch.empty(3, device="meta")},
    {"a": torch.zeros(3).to_sparse()}, {"module." * 3: X}, {"params": {}}, {"a" * 10**6: X},
    {"\ud800": X}, {"state_dict": [X]}, OrderedDict({0: X}), {"a": X, "b": 3},
)  # fmt: skip


def test_strange_contents(tmp_path: Path) -> None:
    for number, content in enumerate(STRANGE):
        torch.save(content, tmp_path / f"{number}.pth")
    files = sorted(tmp_path.iterdir())
    assert_only_user_errors(import_weights, files)
    for file in files:
        with pytest.raises(UserError, match=r"\.pth: "):
            import_weights(file)


@rounds(15, 1000)
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_files(tmp_path: Path, name: str, zipped: bool, count: int, seed: int) -> None:
    file = tmp_path / "x.pth"
    torch.save(NETWORKS[name]().state_dict(), file, _use_new_zipfile_serialization=zipped)
    contents = damaged_bytes(file.read_bytes(), count, seed)
    assert_only_user_errors(import_weights, named(file, contents))


SHAPES = (
    (), (0,), (1,), (2**16,), (0, 0, 0, 0), (1, 1, 1, 1), (2**16, 1, 1, 1), (1, 2**16, 1, 1),
    (3, 5, 7, 7), (1, 1, 4, 4), (0, 4, 3, 3), (1, 0, 3, 3), (2, 2, 2),
)  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_tensors_of_other_shapes(tmp_path: Path, name: str) -> None:
    """Sizes and numbers of layers are read from the shapes and names of the tensors."""
    state = NETWORKS[name]().state_dict()
    file = tmp_path / "x.pth"

    def read(change: dict[str, Any]) -> None:
        torch.save({n: t for n, t in (dict(state) | change).items() if t is not None}, file)
        import_weights(file)

    other = [n.replace(*pair) for n in state for pair in (("0", "1" * 9), ("1", "x"))]
    names = list(dict.fromkeys([*state, *other]))
    changes = [{n: torch.zeros(SHAPES[i % len(SHAPES)])} for i, n in enumerate(names)]
    changes += [{n: None} for n in state]
    first = next(iter(state))
    changes += [{first: torch.zeros(shape)} for shape in SHAPES]
    changes.append({f"body.{n}.x": X for n in range(5000)})
    changes.append({f"model.{n}.conv_block.1.weight": torch.zeros(1, 1, 1, 1) for n in range(5000)})
    assert_only_user_errors(read, changes, memory=2**29)


def test_a_compressed_archive_is_no_bomb(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2**27)}, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as source,
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.namelist():
            target.writestr(entry, source.read(entry))
    assert_only_user_errors(read_tensors, [tmp_path / "bomb.pth"], memory=2**28)
    with pytest.raises(UserError, match="cannot be read as plain weights"):
        read_tensors(tmp_path / "bomb.pth")


PICKLES = (
    b"", b".", b"N.", b"]" * 10**5 + b".", b"(" * 10**5, pickle.dumps(1), pickle.dumps({"a": 1}),
    b"cos\nsystem\n(S'true'\ntR.", b"\x80\x02c__builtin__\neval\n.", b"I" + b"9" * 10**5,
    b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\x1f\x8b\x08", b"ustar",
)  # fmt: skip


def test_pickles(tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    assert_only_user_errors(import_weights, named(file, PICKLES))


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pth")
    for name in ("pipe.pth", ".", "none.pth", "none.safetensors"):
        with pytest.raises(UserError, match=r"no file|no such file"):
            read_tensors(tmp_path / name)
