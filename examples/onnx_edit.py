"""Attributes added to an image by an ONNX file, with NumPy and ONNX Runtime alone.

    reverie export runs/faces --to onnx --out faces.onnx
    python examples/onnx_edit.py faces-edit.onnx photo.jpg --add Smiling=1.5 Eyeglasses=-1

Encoder, attribute directions and generator are in the file; 1 adds an attribute, -1 removes it.
Without --add the attributes that the file knows are printed.
"""

import argparse
import json

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def edit(
    session: onnxruntime.InferenceSession, image: Image.Image, add: dict[str, float]
) -> Image.Image:
    """The image, cropped and resized to the model's size, with attributes added by name."""
    facts = json.loads(session.get_modelmeta().custom_metadata_map["reverie"])
    _, channels, height, width = session.get_inputs()[0].shape
    fitted = ImageOps.fit(image.convert("RGB" if channels == 3 else "L"), (width, height))
    pixels = np.asarray(fitted, np.float32).reshape(height, width, channels)
    strengths = np.array([[add.get(name, 0.0) for name in facts["attributes"]]], np.float32)
    inputs = {"image": pixels.transpose(2, 0, 1)[None] / 127.5 - 1, "strengths": strengths}
    (edited,) = session.run(["edited"], inputs)
    made = np.rint((edited[0].transpose(1, 2, 0).clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    return Image.fromarray(made.squeeze())


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("file", help="faces-edit.onnx, of reverie export runs/faces")
    parser.add_argument("image")
    parser.add_argument("--add", nargs="*", default=[], metavar="NAME=STRENGTH")
    parser.add_argument("--out", default="edited.png")
    arguments = parser.parse_args()
    session = onnxruntime.InferenceSession(arguments.file, providers=["CPUExecutionProvider"])
    known = json.loads(session.get_modelmeta().custom_metadata_map["reverie"])["attributes"]
    pairs = (word.partition("=") for word in arguments.add)
    add = {name: float(strength or 1) for name, _, strength in pairs}
    if not add or set(add) - set(known):
        raise SystemExit(f"{arguments.file} knows the attributes {', '.join(known)}")
    edit(session, Image.open(arguments.image), add).save(arguments.out)
    print(f"{arguments.out}: {', '.join(f'{name} {by:+g}' for name, by in add.items())}")


if __name__ == "__main__":
    main()
