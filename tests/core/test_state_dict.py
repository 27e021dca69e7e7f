import pickle
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from reverie.core.errors import UserError
from reverie.core.state_dict import read_tensors, without_memory

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3)}


class Trap:
    """A pickle that leaves a mark when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.mark,))


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_both_kinds_of_file(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "a.safetensors")
    torch.save(TENSORS, tmp_path / "a.pth")
    torch.save(OrderedDict(TENSORS), tmp_path / "b.pt", _use_new_zipfile_serialization=False)
    for name in ("a.safetensors", "a.pth", "b.pt"):
        assert same(read_tensors(tmp_path / name), TENSORS)


@pytest.mark.parametrize("key", ["params_ema", "params", "state_dict"])
def test_weights_under_a_key(tmp_path: Path, key: str) -> None:
    torch.save({"epoch": 3, key: TENSORS}, tmp_path / "a.pth")
    assert same(read_tensors(tmp_path / "a.pth"), TENSORS)


def test_averaged_weights_go_first(tmp_path: Path) -> None:
    torch.save({"params": {"x": torch.zeros(1)}, "params_ema": TENSORS}, tmp_path / "a.pth")
    assert same(read_tensors(tmp_path / "a.pth"), TENSORS)


def test_the_prefix_of_data_parallel_is_removed(tmp_path: Path) -> None:
    wrapped = torch.nn.DataParallel(torch.nn.Linear(2, 3))
    torch.save(wrapped.state_dict(), tmp_path / "a.pth")
    assert read_tensors(tmp_path / "a.pth").keys() == {"weight", "bias"}


def test_the_prefix_is_removed_in_safetensors_too(tmp_path: Path) -> None:
    save_file({f"module.{k}": v for k, v in TENSORS.items()}, tmp_path / "a.safetensors")
    assert same(read_tensors(tmp_path / "a.safetensors"), TENSORS)


def test_pickled_code_is_not_executed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    torch.save({"a": Trap(mark)}, tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Trap(mark)))
    for name in ("a.pth", "b.pth"):
        with pytest.raises(UserError, match="pickled code is not executed"):
            read_tensors(tmp_path / name)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "a list, not a state dict"),
        ({"epoch": 3, "model": {"a": torch.zeros(1)}}, "a dictionary of epoch, model, not a"),
        (torch.zeros(2), "a Tensor, not a state dict"),
    ],
)
def test_other_contents_are_refused(tmp_path: Path, content: object, words: str) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(UserError, match=words):
        read_tensors(tmp_path / "a.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_missing_file(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        read_tensors(tmp_path / f"none{suffix}")


@given(content=st.binary(max_size=40))
def test_no_bytes_pass_for_safetensors(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("files") / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match="this is not a safetensors file"):
        read_tensors(path)


@pytest.mark.parametrize("content", [b"hello", b"<html>", b'{"a": 1}', b"\xff\xd8\xff\xe0"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as plain weights"):
        read_tensors(tmp_path / "a.pth")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pth").touch()
    with pytest.raises(UserError):
        read_tensors(tmp_path / "a.pth")


@pytest.mark.parametrize("content", [b"Repository not found", b"README", b"a,b\n1,2\n"])
def test_some_texts_are_refused_too(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(UserError):
        read_tensors(tmp_path / "a.pth")


def test_building_without_memory_skips_initialization() -> None:
    class Filled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.linear = nn.Embedding(3, 4), nn.Linear(4, 5)
            nn.init.kaiming_normal_(self.linear.weight)
            nn.init.orthogonal_(self.linear.weight)
            self.direct = nn.Parameter(torch.empty(2).normal_())

    network = without_memory(Filled)
    assert all(tensor.is_meta for tensor in network.parameters())
    assert [list(t.shape) for t in network.parameters()] == [[2], [3, 4], [5, 4], [5]]
    torch.manual_seed(0)
    here = Filled()  # outside all is as before
    assert here.direct.abs().sum() > 0
    with pytest.raises(UserError, match="no network can be built like this"):
        without_memory(lambda: nn.Linear(-1, 2))


def test_building_without_memory_imports_no_compiler() -> None:
    code = """if True:
        import sys
        from torch import nn
        from reverie.core.state_dict import without_memory
        without_memory(lambda: nn.Embedding(3, 4))
        sys.exit("torch._dynamo" in sys.modules)"""
    subprocess.run([sys.executable, "-c", code], check=True)
