"""Web pages that run a model in the browser: a folder for a web server, or a single file."""

import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.files import readable_bytes, write_atomic
from reverie.core.result import Json, Result, plain
from reverie.exports.edits import attribute_directions_of
from reverie.exports.files import ExportedFile, exported, facts_of, graphs_to_export
from reverie.exports.graphs import Graph
from reverie.exports.quantized import files_of
from reverie.exports.web_runtime import LICENCE, runtime_files
from reverie.inference.latent.edit import encode_images
from reverie.inference.latent.files import attributes_for
from reverie.inference.model import Model
from reverie.inference.options import ExportOptions
from reverie.runs.environment import versions

PAGE = Path(__file__).parent / "page"
SLIDERS = 12
"""Sliders of a page of latents, at most."""
EXAMPLES = 24
"""Latents of images with which such a page begins, where it has images."""
SHOWN = 6
"""Images that a page of images offers, at most."""
SHOWN_SIDE = 256
"""Of such an image, in pixels, unless the model is for larger ones."""
KINDS = {
    "sample": "Images from noise: each seed gives another one.",
    "images": "Drop or choose an image, and compare the result with it.",
    "latent": "Draw or choose an image, and edit it with the sliders.",
}
FOLDER_HINT = (
    "Loading the model … If this stays, the page was opened from a disk, from which browsers load "
    "no scripts: put the folder on a web server, or export the model with --single-file."
)
POLICY = (
    "default-src 'none'; script-src {scripts} blob: 'wasm-unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src blob: data:; media-src blob:; worker-src blob: 'self'; connect-src {connect}"
)


@dataclass(frozen=True)
class PageResult(Result):
    """A web page, and how its model's files differ from the model."""

    page: Path
    size_bytes: int
    files: list[ExportedFile] = field(default_factory=list)

    def to_json(self) -> dict[str, Json]:
        files = [plain(asdict(file)) for file in self.files]
        return {"page": str(self.page), "size_bytes": self.size_bytes, "files": files}

    def summary(self) -> str:
        worst = max(file.largest_difference for file in self.files)
        return (
            f"{self.page}: {readable_bytes(self.size_bytes)} in all, differs from the model by at "
            f"most {worst:.1e} of the range"
        )


def export_page(model: Model, out: Path, options: ExportOptions) -> PageResult:
    """Write a page that runs the model in the browser.

    Args:
        model: any model.
        out: with `options.single_file` a file that browsers open from the disk; else a folder for
            a web server.
        options: see `ExportOptions`.

    Raises:
        UserError: if a package is missing, the model cannot be exported, or `out` has other files.
    """
    _check_place(out, options)
    as_onnx = replace(options, to="onnx", single_file=False, webgpu=False, data=None, examples=None)
    graphs = graphs_to_export(model, as_onnx)
    examples = _examples(model, graphs, options.examples)
    runtime = runtime_files(webgpu=options.webgpu)
    names = [Path(f"{graph.name}.onnx") for graph in graphs]
    models, files = {}, []
    for content, file in exported(model, graphs, names, as_onnx):
        models[file.path.name] = content
        files.append(file)
    assets = {**models, **runtime}
    facts = {"examples": examples} | _facts(model, graphs, options)
    if options.single_file:
        content = _page(model, facts, assets).encode()
        write_atomic(out, content)
        return PageResult(out, len(content), files)
    content = _page(model, facts, {}).encode()
    parts = assets | {"app.js": _script(str(facts["kind"])), "ort-LICENCE.txt": LICENCE.encode()}
    out.mkdir(parents=True, exist_ok=True)
    for name, written in parts.items():
        write_atomic(out / name, written)
    write_atomic(out / "index.html", content)
    size = len(content) + sum(len(written) for written in parts.values())
    return PageResult(out / "index.html", size, files)


def _check_place(out: Path, options: ExportOptions) -> None:
    if options.single_file:
        if out.suffix.lower() not in (".html", ".htm"):
            raise UserError(f"{out}: a page in a single file is named .html.")
        if out.is_dir():
            raise UserError(f"{out}: this is a folder: name a file.")
        return
    if out.is_file() or out.suffix.lower() in (".html", ".htm"):
        raise UserError(f"{out}: a page is a folder: name one, or add --single-file.")
    if out.is_dir() and any(out.iterdir()) and not (out / "ort.wasm").is_file():
        raise UserError(f"{out}: this folder has other files: name a new one.")


def _facts(model: Model, graphs: Sequence[Graph], options: ExportOptions) -> dict[str, Json]:
    """What the page's script needs to know."""
    names = {graph.name for graph in graphs}
    if {"generate", "encode"} <= names:
        kind = "latent"
    elif names & {"generate", "denoise"}:
        kind = "sample"
    elif names & {"ab", "ba", "upscale"}:
        kind = "images"
    else:
        raise UserError(f"{model.name} has nothing that a page could show.")
    facts: dict[str, Json] = {
        "title": Path(model.name).name,
        "kind": kind,
        "size": list(model.method.spec.size.shape),
        "webgpu": options.webgpu,
        "parts": {graph.name: _part(model, graph, options) for graph in graphs},
    }
    return facts | (_latent_facts(model, graphs, options) if kind == "latent" else {})


def _examples(model: Model, graphs: Sequence[Graph], folder: Path | None) -> list[Json]:
    """Images of a folder, reduced, as addresses that hold them.

    Raises:
        UserError: if the model takes no images, or there is none.
    """
    if folder is None:
        return []
    if not graphs[0].resizes:
        raise UserError(
            f"{model.name} neither translates nor upscales images: leave --examples out."
        )
    side = max(SHOWN_SIDE, *model.method.spec.size.shape)
    made = []
    for file in files_of(folder)[:SHOWN]:
        image = Image.fromarray(image_io.with_channels(image_io.read(file), 3))
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        buffer = BytesIO()
        image.save(buffer, "WEBP", lossless=True)
        made.append("data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode())
    return made


def _part(model: Model, graph: Graph, options: ExportOptions) -> dict[str, Json]:
    facts = plain(asdict(facts_of(model, graph, options.license)))
    shape = [side for side in graph.inputs[0].shape if isinstance(side, int)]
    return {"file": f"{graph.name}.onnx", "facts": facts, "latents": shape}


def _latent_facts(model: Model, graphs: Sequence[Graph], options: ExportOptions) -> dict[str, Json]:
    """Sliders, and the colours with which people draw: those of the borders and their opposite."""
    generate = next(graph for graph in graphs if graph.name == "generate")
    latents, *_ = generate.example(64)
    with torch.inference_mode():
        images = generate.network(latents)
    dark = float(images[..., (0, -1), :].median()) < 0
    colours = {"background": "black" if dark else "white", "ink": "white" if dark else "black"}
    try:
        attributes = attributes_for(model.name, options.data)
    except UserError as reason:
        if options.data is not None:
            raise
        progress.say(f"the sliders are plain latents, not attributes: {reason}")
        return colours | {"sliders": _strongest(generate, latents, images), "examples": []}
    found = attribute_directions_of(model, options.data).values()
    examples = encode_images(model, attributes, range(min(EXAMPLES, len(attributes))))
    best = sorted(found, key=lambda one: one.accuracy)[-SLIDERS:]
    named = sorted(best, key=lambda one: one.name)
    sliders = [{"name": one.name, "direction": one.vector.tolist()} for one in named]
    return colours | {"sliders": sliders, "examples": examples.tolist()}


def _strongest(graph: Graph, latents: Tensor, images: Tensor) -> list[Json]:
    """The latents that change images most, as sliders."""
    size = latents.shape[1]
    changes = []
    with torch.inference_mode():
        for number in range(size):
            moved = latents.clone()
            moved[:, number] += 1
            changes.append(float((graph.network(moved) - images).abs().mean()))
    order = torch.tensor(changes).argsort(descending=True)[:SLIDERS].sort().values.tolist()
    unit = torch.eye(size)
    return [{"name": f"Latent {at + 1}", "direction": unit[at].tolist()} for at in order]


def _script(kind: str) -> bytes:
    return (PAGE / "runtime.js").read_bytes() + b"\n" + (PAGE / f"{kind}.js").read_bytes()


def _page(model: Model, facts: Mapping[str, Json], assets: Mapping[str, bytes]) -> str:
    """The page; with assets they are inside, and else beside it."""
    kind = str(facts["kind"])
    script, licence = _script(kind).decode(), ""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    tag = f'<script type="module">{script}</script>'
    policy = POLICY.format(scripts=f"'sha256-{digest}'", connect="blob:")
    if not assets:
        tag = '<script type="module" src="app.js"></script>'
        policy = POLICY.format(scripts="'self'", connect="'self'")
    else:
        licence = f"<!--\n{LICENCE}-->\n"
    inside = "".join(
        f'<script type="application/octet-stream" id="asset-{name}">{_packed(content)}</script>\n'
        for name, content in assets.items()
    )
    values = {
        "policy": policy,
        "title": html.escape(str(facts["title"])),
        "about": KINDS[kind],
        "model": html.escape(model.method.about),
        "style": (PAGE / "page.css").read_text(),
        "loading": "Loading the model …" if assets else FOLDER_HINT,
        "stage": (PAGE / f"{kind}.html").read_text(),
        "version": versions()["reverie"],
        "facts": json.dumps(facts).replace("<", "\\u003c"),
        "assets": licence + inside,
        "script": tag,
    }
    template = (PAGE / "page.html").read_text()
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()
