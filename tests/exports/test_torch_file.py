"""Files of torch.export."""

import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import torch
from torch.testing import assert_close

import reverie
from reverie.core.onnx import METADATA_KEY
from reverie.exports.graphs import Graph
from reverie.exports.torch_file import program
from reverie.methods.onnx import OnnxFacts

ALONE = """
import sys
sys.modules["reverie"] = None
import torch
inputs = torch.load("inputs.pt")
extra = {"reverie": ""}
run = torch.export.load("m.pt2", extra_files=extra).module()
with torch.no_grad():
    torch.save([run(x) for x in inputs], "outputs.pt")
print(extra["reverie"])
"""


def test_it_runs_without_the_library(
    graph: Graph, facts: OnnxFacts, tmp_path: Path, environment: dict[str, str]
) -> None:
    content, run = program(graph, facts)
    (tmp_path / "m.pt2").write_bytes(content)
    with ZipFile(tmp_path / "m.pt2") as archive:
        text = b"".join(archive.read(name) for name in archive.namelist())
    assert str(Path(reverie.__file__).parent).encode() not in text
    sizes = ((1, 16, 16), (5, 7, 33))
    inputs = [graph.example(*size)[0] for size in sizes]
    torch.save(inputs, tmp_path / "inputs.pt")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert METADATA_KEY == "reverie"
    assert json.loads(done.stdout)["model"] == facts.model
    for x, made in zip(inputs, torch.load(tmp_path / "outputs.pt"), strict=True):
        with torch.no_grad():
            wanted = graph.network(x)
        assert_close(made, wanted, rtol=0, atol=1e-5)
        assert_close(run([x]), wanted, rtol=0, atol=1e-5)
