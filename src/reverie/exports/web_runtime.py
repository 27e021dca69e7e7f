"""ONNX Runtime for browsers: the npm package onnxruntime-web, downloaded once."""

import tempfile
from pathlib import Path

from reverie.core.files import cache_home, write_atomic
from reverie.data.archive import Package, download_npm, read_members

RUNTIME = Package(
    "onnxruntime-web",
    "1.30.0",
    "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71",
)
MEMBERS = {
    "ort.mjs": "package/dist/ort.wasm.bundle.min.mjs",
    "ort.wasm": "package/dist/ort-wasm-simd-threaded.wasm",
}
"""Files of a page, and what they are called in the package."""
WEBGPU_MEMBERS = {
    "ort.mjs": "package/dist/ort.webgpu.bundle.min.mjs",
    "ort.wasm": "package/dist/ort-wasm-simd-threaded.asyncify.wasm",
}
"""The same with WebGPU, which doubles the size."""

LICENCE = """ONNX Runtime Web (ort.mjs, ort.wasm)

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def runtime_files(*, webgpu: bool = False) -> dict[str, bytes]:
    """The runtime's files by their names in a page; from the cache, or from npm.

    Args:
        webgpu: whether it also computes on graphics processors.

    Raises:
        UserError: if npm is not installed, or the package cannot be downloaded.
    """
    members = WEBGPU_MEMBERS if webgpu else MEMBERS
    kept = cache_home() / "runtimes" / f"{RUNTIME.name}-{RUNTIME.version}"
    kept = kept / "webgpu" if webgpu else kept
    if not all((kept / name).is_file() for name in members):
        with tempfile.TemporaryDirectory() as folder:
            (archive,) = download_npm(
                (RUNTIME,), Path(folder), "the files of ONNX Runtime for browsers", "36 MB"
            )
            found = {}
            for member in members.values():
                with open(archive, "rb") as file:
                    found |= dict(read_members(file, member, ""))
        kept.mkdir(parents=True, exist_ok=True)
        for name, member in members.items():
            write_atomic(kept / name, found[member])
    return {name: (kept / name).read_bytes() for name in members}
