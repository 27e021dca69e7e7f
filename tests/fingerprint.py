"""Everything that the package computes and writes, as hashes: proof that a change changed nothing.

    PYTHONPATH=OLD/src python tests/fingerprint.py old.json
    PYTHONPATH=NEW/src python tests/fingerprint.py new.json
    python tests/fingerprint.py old.json --against new.json

It goes through public names alone (`reverie.train`, `reverie.load`, the command line), so that one
script fits every layout of the package. One thread, one processor: other processors round
differently, so two fingerprints are compared on the machine that made both.
"""

import contextlib
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

METHODS = ("vae", "gan", "dcgan", "cgan", "diffusion", "cyclegan", "pix2pix", "cut",
           "srresnet", "srgan", "esrgan", "encoder")  # fmt: skip

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in METHODS),
    ("vae", {"network": "convolutional", "likelihood": "gaussian"}),
    ("vae", {"latent_size": 2, "kl_warmup_steps": 10}),
    *(("gan", {"loss": x}) for x in ("lsgan", "hinge", "wgan-gp", "relativistic")),
    ("gan", {"spectral_norm": True, "r1": 1.0, "r2": 1.0}),
    ("dcgan", {"loss": "bce", "discriminator_norm": "batch", "r1": 0.0, "r2": 0.0}),
    ("dcgan", {"loss": "wgan-gp", "upsampling": "nearest", "r1": 0.0, "r2": 0.0}),
    ("dcgan", {"spectral_norm": True, "augment": ("colour", "translation", "cutout")}),
    ("dcgan", {"clusters": 3}),
    ("cgan", {"condition": "channel", "conditional_norm": False, "discriminator_norm": "batch"}),
    ("cgan", {"spectral_norm": True, "loss": "hinge"}),
    *(("diffusion", {"objective": x}) for x in ("flow", "v", "ddpm")),
    ("diffusion", {"conditional": False, "patch": 1, "blocks": 2, "dropout": 0.3}),
    ("cyclegan", {"norm": "batch", "discriminator_norm": "batch", "identity_weight": 0.0}),
    ("cyclegan", {"norm": "batch", "resampling": "nearest", "pool_size": 0, "loss": "hinge"}),
    ("cyclegan", {"joins_input": True, "norm": "group", "discriminator_norm": "none", "r1": 1.0}),
    ("cyclegan", {"residual": True, "warps": True, "smooth": 0.2, "cycle_noise": 0.1}),
    ("cyclegan", {"discriminator": "pixel", "network": "unet", "augment": ("translation",)}),
    ("pix2pix", {"network": "resnet", "norm": "instance", "dropout": True, "loss": "lsgan"}),
    ("pix2pix", {"discriminator": "patch-same", "discriminator_norm": "none", "r1": 1.0}),
    ("cut", {"flip_equivariance": True, "identity_contrast": False, "contrast_weight": 10.0}),
    ("cut", {"resampling": "transposed", "loss": "relativistic", "r1": 1.0}),
    ("srresnet", {"network": "srresnet", "error": "l2", "scale": 2}),
    ("srresnet", {"network": "srresnet", "norm": False, "degradation": "real"}),
    ("srresnet", {"network": "msrresnet"}),
    ("srgan", {"network": "srresnet", "loss": "relativistic-average", "pixel_weight": 1.0}),
    ("esrgan", {"network": "rrdb", "scale": 2, "growth": 4}),
    ("encoder", {"pictures_after": 0, "base": "gan", "base_options": {"latent_size": 8}}),
    ("vae", {"latent_weight": 1.0, "likelihood": "gaussian"}),
    *((name, {"latent_weight": 1.0}) for name in ("gan", "dcgan", "cgan")),
]  # fmt: skip

SMALL: dict[str, dict[str, Any]] = {
    "vae": {"hidden": (32,), "width": 4},
    "gan": {"hidden": (16, 32)},
    "dcgan": {"width": 4, "latent_size": 8},
    "cgan": {"width": 4, "latent_size": 8, "embedding_size": 4},
    "diffusion": {"width": 8},
    "cyclegan": {"width": 4, "discriminator_width": 4, "blocks": 1},
    "pix2pix": {"width": 4, "discriminator_width": 4, "blocks": 1},
    "cut": {"width": 4, "discriminator_width": 4, "blocks": 1, "head_size": 8, "places": 16},
    "srresnet": {"width": 8, "blocks": 2},
    "srgan": {"width": 8, "blocks": 2, "discriminator_width": 4},
    "esrgan": {"width": 8, "blocks": 2, "discriminator_width": 4},
    "encoder": {"width": 4, "base_options": {"width": 4, "latent_size": 8}},
}

TWO_SIDES = {"data": "sides/A", "data_b": "sides/B", "image_size": 32}
DATA: dict[str, dict[str, Any]] = {
    "cyclegan": TWO_SIDES,
    "cut": TWO_SIDES,
    "pix2pix": TWO_SIDES,
    "srresnet": {"data": "photos", "image_size": 32, "resize": "none"},
    "srgan": {"data": "photos", "image_size": 32, "resize": "none", "flip": True},
    "esrgan": {"data": "photos", "image_size": 32, "resize": "none"},
}

HELPS = ("", "train", "train dcgan", "train cyclegan", "sample", "translate", "upscale", "dream",
         "edit", "interpolate", "reconstruct", "evaluate", "info", "compare", "data list",
         "data get", "data check")  # fmt: skip

REFUSED = (
    "sampel runs/x",
    "data",
    "train dcgn",
    "train dcgan --widht 3 --out x",
    "train dcgan --width x --out x",
    "train dcgan --loss bcee --out x",
    "train dcgan --data digits",
    "train dcgan --preset digit --out x",
    "train dcgan --out x",
    "train dcgan --data nowhere --out x",
    "train dcgan --out x --resume",
    "train dcgan --data digits --steps 3 --minutes 2 --out x",
    "train dcgan --data digits --image-size 30 --out x",
    "train cyclegan --data digits --out x",
    "train srgan --data digits --image-size 30 --scale 5 --out x",
    "sample",
    "sample nowhere",
    "compare",
    "data check nowhere",
    "dream photos/000.png --layers nothing",
    "edit runs/vae Male",
    "upscale nothing.png",
    "translate runs/vae photos",
    "evaluate runs/vae --data nowhere",
)

COMMANDS = (
    "sample runs/vae -n 4 --out made/vae",
    "sample runs/cgan -n 6 --label 3 --out made/cgan.npz",
    "sample runs/diffusion -n 2 --steps 3 --film made/film.gif --out made/film-samples.png",
    "sample runs/diffusion -n 2 --init digit.png --strength 0.5 --out made/from.png",
    "sample runs/dcgan -n 5 --between 1 2 --out made/between.png",
    "translate runs/cyclegan photos --out made/translated",
    "translate runs/pix2pix photos/000.png --statistics picture --dropout on --out made/pix2pix",
    "upscale runs/srresnet mixed --out made/large",
    "upscale photos-x4 photos/000.png --scale 2.5 --precision fp32 --out made/x2",
    "dream photos/000.png --octaves 2 --steps 2 --out made/dream.png",
    "dream photos/001.png --like made/dream.png --guide photos/002.png --out made/guided.png",
    "dream photos/000.png --film 3 --octaves 1 --steps 1 --zoom 1.2 --out made/film-dream.gif",
    "interpolate runs/vae --seeds 1 2 --frames 5 --out made/walk.gif",
    "interpolate runs/dcgan --seeds 1 2 3 --loop --frames 6 --out made/walk.png",
    "reconstruct runs/vae digit.png --refine 3 --out made/reconstructed.png",
    "edit runs/faces-vae Smiling&Male-Male+!Male --exemplars 3 --out made/sum.png",
    "edit runs/faces-vae --image photos/000.png --add Smiling=1.0 --refine 2 --out made/edited.png",
    "edit runs/faces-vae --image photos/000.png --sweep Male --kind classifier --refine 0 "
    "--out made/sweep.png",
    "evaluate runs/cgan --data digits --count 40 --out made/figures.json",
    "evaluate photos --data photos --pairs --luma --border 2",
    "evaluate runs/srresnet --data photos-large",
    "evaluate runs/cyclegan --data sets",
    "info runs/vae/model",
    "data list",
    "data check mixed",
)


def hashed(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def hash_of_state(state: dict[str, torch.Tensor]) -> str:
    whole = hashlib.sha256()
    for name, tensor in state.items():
        whole.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return whole.hexdigest()[:16]


def hash_of_file(path: Path) -> str:
    if path.suffix == ".safetensors":  # whose header has no fixed order
        return hash_of_state(load_file(path))
    return hashed(path.read_bytes())


def make_images() -> None:
    """Small files of every kind, in the present folder."""
    random = np.random.default_rng(0)

    def noise(width: int, height: int, channels: int) -> np.ndarray:
        small = random.integers(0, 256, (height // 4 + 1, width // 4 + 1, channels), np.uint8)
        return np.kron(small, np.ones((4, 4, 1), np.uint8))[:height, :width]

    def save(path: str, pixels: np.ndarray, **how: Any) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.squeeze()).save(path, **how)

    for index in range(8):
        save(f"photos/{index:03d}.png", noise(48, 40, 3))
        save(f"sides/A/{index}.png", noise(40, 40, 3))
        save(f"sides/B/{index}.png", noise(40, 40, 3))
        save(f"photos-large/{index}.png", noise(64, 60, 3))
        for side in "AB":
            save(f"sets/train{side}/{index}.png", noise(32, 32, 3))
            save(f"sets/test{side}/{index}.png", noise(32, 32, 3))
    save("digit.png", noise(28, 28, 1))
    save("mixed/alpha.png", noise(20, 16, 4))
    save("mixed/grey.png", noise(21, 16, 1))
    save("mixed/deep.png", random.integers(0, 65536, (12, 18), np.uint16))
    save("mixed/photo.jpg", noise(24, 18, 3), quality=90)
    rows = ["file,Male,Smiling"]
    rows += [f"photos/{n:03d}.png,{n % 2},{n // 2 % 2}" for n in range(8)]
    Path("faces.csv").write_text("\n".join(rows) + "\n")


def trainings() -> dict[str, Any]:
    """Losses, weights, samples and a resumed run of every variant."""
    import reverie

    found = {}
    for number, (method, changes) in enumerate(VARIANTS):
        data = DATA.get(method, {"data": "digits"})
        fixed = {"batch_size": 4, "log_every": 1, "seed": 3, "checkpoint_every": 3}
        options = data | SMALL.get(method, {}) | changes | fixed
        whole = reverie.train(method, out=f"trained/{number}", steps=5, **options)
        model = reverie.load(whole.folder)
        lines = Path(whole.folder, "log.jsonl").read_text().splitlines()
        facts = {
            "losses": [json.loads(line)["losses"] for line in lines],
            "weights": hash_of_file(Path(whole.folder, "model", "model.safetensors")),
            "keys": hashed("\n".join(model.method.state_dict()).encode()),
            "sheets": {p.name: hashed(p.read_bytes())
                       for p in sorted(Path(whole.folder, "samples").glob("*.png"))},
        }  # fmt: skip
        with contextlib.suppress(ValueError):
            facts["samples"] = hashed(model.sample(4, seed=7).numpy().tobytes())
        shutil.copytree(whole.folder, f"resumed/{number}")
        for last in Path(f"resumed/{number}/checkpoints").glob("step-000000005.*"):
            last.unlink()
        again = reverie.train(method, out=f"resumed/{number}", resume=True)
        resumed = Path(again.folder, "model", "model.safetensors")
        assert hash_of_file(resumed) == facts["weights"], (method, changes)
        found[f"{number} {method} {changes}"] = facts
    return found


def make_runs() -> None:
    """A run of each kind, for the commands."""
    import reverie

    for method in ("vae", "dcgan", "cgan", "diffusion", "cyclegan", "pix2pix", "srresnet"):
        options = DATA.get(method, {"data": "digits"}) | SMALL[method] | {"batch_size": 4}
        reverie.train(method, out=f"runs/{method}", steps=4, **options)
    vae = SMALL["vae"] | {"batch_size": 4, "image_size": 16}
    reverie.train("vae", out="runs/faces-vae", data="faces.csv", steps=4, **vae)


def called(words: str) -> dict[str, Any]:
    """Exit code, standard output and standard error of a command."""
    try:
        from reverie.cli.main import main
    except ModuleNotFoundError:
        from reverie.cli import main
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(words.split())
        except SystemExit as stop:
            code = stop.code
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def written_by(words: str) -> dict[str, Any]:
    """What a command says and the files that it writes, by hash."""
    before = {p: p.stat().st_mtime_ns for p in Path().rglob("*") if p.is_file()}
    said = called(f"{words} --json")
    files = {}
    for path in sorted(p for p in Path().rglob("*") if p.is_file()):
        if before.get(path) != path.stat().st_mtime_ns and "cache" not in path.parts:
            files[str(path)] = hash_of_file(path)
    return {"code": said["code"], "out": said["out"], "files": files}


@contextlib.contextmanager
def own_folder() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "REVERIE_CACHE": str(Path(folder, "cache")),
            "HF_HUB_OFFLINE": "1",
            "COLUMNS": "100",
        }
        os.chdir(folder)
        yield
        os.chdir("/")


def fingerprint() -> dict[str, Any]:
    import reverie

    torch.set_num_threads(1)
    with own_folder():
        make_images()
        parts: dict[str, Callable[[], Any]] = {
            "names": lambda: reverie.__all__,
            "trainings": trainings,
            "commands": lambda: (make_runs(), {w: written_by(w) for w in COMMANDS})[1],
            "helps": lambda: {w: called(f"{w} --help") for w in HELPS},
            "refusals": lambda: {w: called(w) for w in REFUSED},
        }
        found = {}
        for name, part in parts.items():
            print(f"fingerprint: {name}", file=sys.stderr)
            found[name] = part()
        return found


def differences(one: Any, other: Any, place: str = "") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys([*one, *other]):
            if key not in one or key not in other:
                yield f"{place}/{key}: only in {'the first' if key in one else 'the second'}"
            else:
                yield from differences(one[key], other[key], f"{place}/{key}")
    elif one != other:
        yield f"{place}: {str(one)[:400]!r} != {str(other)[:400]!r}"


def main() -> int:
    file = Path(sys.argv[1]).resolve()
    if "--against" in sys.argv:
        other = Path(sys.argv[sys.argv.index("--against") + 1])
        lines = list(differences(json.loads(file.read_text()), json.loads(other.read_text())))
        print("\n".join(lines) or "the same")
        return bool(lines)
    file.write_text(json.dumps(fingerprint(), indent=1, default=str) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
