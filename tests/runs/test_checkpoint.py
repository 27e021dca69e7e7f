import hashlib
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from reverie.core.errors import UserError
from reverie.runs import run as run_module
from reverie.runs.checkpoint import Checkpoint
from reverie.runs.run import Run


def checkpoint(step: int) -> Checkpoint:
    tensors = {"method.weight": torch.full((2, 3), float(step)), "count": torch.tensor(step)}
    return Checkpoint(step, tensors, {"seconds": step / 2, "scaler": None})


def same(one: Checkpoint | None, other: Checkpoint) -> bool:
    assert one is not None
    tensors = one.tensors.keys() == other.tensors.keys() and all(
        torch.equal(one.tensors[k], other.tensors[k]) for k in one.tensors
    )
    return tensors and (one.step, one.facts) == (other.step, other.facts)


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.newest_checkpoint() is None
    run.save_checkpoint(checkpoint(7), keep=3)
    assert same(run.newest_checkpoint(), checkpoint(7))
    run.save_checkpoint(checkpoint(12), keep=3)
    assert same(run.newest_checkpoint(), checkpoint(12))


def test_other_programs_can_read_it(tmp_path: Path) -> None:
    Run(tmp_path).save_checkpoint(checkpoint(7), keep=1)
    (file,) = (tmp_path / "checkpoints").glob("*.safetensors")
    assert torch.equal(load_file(file)["method.weight"], torch.full((2, 3), 7.0))
    digest, name = file.with_suffix(".sha256").read_text().split()
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()  # as `sha256sum -c` checks
    assert name == file.name


@settings(max_examples=25)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4, unique=True), st.integers(1, 3))
def test_the_newest_are_kept(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], keep: int
) -> None:
    run = Run(tmp_path_factory.mktemp("run"))
    for step in sorted(steps):
        run.save_checkpoint(checkpoint(step), keep)
    newest = sorted(steps)[-keep:]
    names = sorted(path.name for path in run.checkpoints.iterdir())
    stems = [f"step-{step:09d}" for step in newest]
    assert names == sorted(f"{s}.{end}" for s in stems for end in ("safetensors", "sha256"))
    assert same(run.newest_checkpoint(), checkpoint(newest[-1]))


@settings(max_examples=40)
@given(st.data())
def test_any_damage_is_detected(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    run = Run(tmp_path_factory.mktemp("run"))
    run.save_checkpoint(checkpoint(1), keep=2)
    run.save_checkpoint(checkpoint(2), keep=2)
    file = run.checkpoints / "step-000000002.safetensors"
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    file.write_bytes(bytes(content))
    assert same(run.newest_checkpoint(), checkpoint(1))


@pytest.mark.parametrize("digest", [None, b"", b"\xff\xfe", b"0" * 64])
def test_a_lost_digest_counts_as_damage(
    tmp_path: Path, digest: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path)
    run.save_checkpoint(checkpoint(1), keep=2)
    run.save_checkpoint(checkpoint(2), keep=2)
    file = run.checkpoints / "step-000000002.sha256"
    file.unlink()
    if digest is not None:
        file.write_bytes(digest)
    assert same(run.newest_checkpoint(), checkpoint(1))
    assert "step-000000002.safetensors is damaged; using the previous" in capsys.readouterr().err


def test_a_full_disk_leaves_the_previous_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path)
    run.save_checkpoint(checkpoint(1), keep=1)

    def full(path: Path, content: bytes | str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_module, "write_atomic", full)
    with pytest.raises(UserError, match=r"step 2 could not be written \(No space left"):
        run.save_checkpoint(checkpoint(2), keep=1)
    assert same(run.newest_checkpoint(), checkpoint(1))


def test_facts_are_json(tmp_path: Path) -> None:
    made = Checkpoint(3, {"a": torch.zeros(1)}, {"seconds": 1.5, "scaler": {"steps": [1, 2]}})
    run = Run(tmp_path)
    run.save_checkpoint(made, keep=1)
    read = run.newest_checkpoint()
    assert read is not None
    assert json.loads(json.dumps(read.facts)) == made.facts
