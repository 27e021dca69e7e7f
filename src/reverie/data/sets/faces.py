"""Synthetic cartoon faces with attributes named as in CelebA.

Drawn by python-avatars, rasterized by resvg-py. A face is determined by its number, and changing
an attribute changes nothing else: the target of an attribute translation is known exactly.
"""

import hashlib
import importlib.util
import random
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.options import Positive
from reverie.data.expressions import Group, parse_group
from reverie.data.source import Dataset, FetchOptions

SIDE = 128


DRAWN = 'width="264px" height="280px" viewBox="0 0 264 280"'


SQUARE = 'width="280px" height="280px" viewBox="-8 0 280 280"'


ATTRIBUTES = ("Male", "Eyeglasses", "Smiling", "Mustache", "Wearing_Hat")


TRAIN_COUNT, TEST_COUNT = 1500, 300


LABELLED = 20_000
"""Number of faces with attribute labels; a tenth of them are the test split."""


POSSIBLE = tuple(
    frozenset(chosen)
    for count in range(len(ATTRIBUTES) + 1)
    for chosen in combinations(ATTRIBUTES, count)
    if "Male" in chosen or "Mustache" not in chosen
)
"""All combinations of attributes; only male faces have moustaches."""


# Left, upper, right and lower edge of the eye region, as fractions of the side.
EYES = (0.28, 0.33, 0.72, 0.55)


@dataclass(frozen=True)
class Face:
    """Parameters of an image: the person's number and attributes."""

    number: int
    attributes: frozenset[str] = frozenset()

    def with_attribute(self, attribute: str, wanted: bool) -> "Face":
        """The same person with or without an attribute."""
        rest = self.attributes - {attribute}
        return replace(self, attributes=rest | {attribute} if wanted else rest)


def random_face(number: int) -> Face:
    """Face with each attribute at probability 1/2; moustaches only on male faces."""
    toss = random.Random(f"attributes {number}")
    chosen = {name for name in ATTRIBUTES if toss.random() < 0.5}
    if "Male" not in chosen:
        chosen.discard("Mustache")
    return Face(number, frozenset(chosen))


def draw(face: Face, side: int = SIDE) -> bytes:
    """Render a face as PNG, `side` pixels square.

    Raises:
        UserError: if the drawing packages are not installed.
    """
    for package in ("python_avatars", "resvg_py"):
        if importlib.util.find_spec(package) is None:
            raise UserError('drawing faces needs: pip install "reverie[faces]".')
    import resvg_py

    svg = _avatar(face).replace(DRAWN, SQUARE, 1)
    return bytes(
        resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, background="#ffffff")
    )


def _avatar(face: Face) -> str:
    import python_avatars as pa

    person = random.Random(face.number)

    def some(kind: Any, names: str) -> Any:
        return kind[person.choice(names.split())]

    # All choices are drawn, used or not, so that attributes are independent of each other.
    skin = some(pa.SkinColor, "TANNED PALE LIGHT BROWN DARK_BROWN")
    hair_colour = some(pa.HairColor, "AUBURN BLACK BLONDE BROWN BROWN_DARK RED SILVER_GRAY")
    short = some(pa.HairType, "CAESAR SHORT_CURLY SHORT_FLAT SHORT_ROUND SHORT_WAVED SIDES")
    long = some(pa.HairType, "BOB BUN CURLY CURVY LONG_NOT_TOO_LONG STRAIGHT_1 MIA_WALLACE")
    glasses = some(pa.AccessoryType, "PRESCRIPTION_1 PRESCRIPTION_2 ROUND WAYFARERS")
    moustache = some(pa.FacialHairType, "MOUSTACHE_FANCY MOUSTACHE_MAGNUM")
    clothing = some(pa.ClothingType, "BLAZER_SHIRT COLLAR_SWEATER HOODIE SHIRT_CREW_NECK")
    colour = some(pa.ClothingColor, "BLUE_01 BLUE_03 GRAY_02 PASTEL_GREEN PASTEL_ORANGE RED WHITE")
    hat_colour = some(pa.ClothingColor, "BLACK BLUE_02 GRAY_01 PINK RED")
    eyes = some(pa.EyeType, "DEFAULT HAPPY SIDE SQUINT")
    brows = some(pa.EyebrowType, "DEFAULT DEFAULT_NATURAL FLAT_NATURAL RAISED_EXCITED_NATURAL")
    nose = some(pa.NoseType, "DEFAULT SMALL WIDE")
    earnest = some(pa.MouthType, "SERIOUS CONCERNED DEFAULT")
    cheerful = some(pa.MouthType, "SMILE BIG_SMILE TWINKLE")
    male = "Male" in face.attributes
    top: Any = short if male else long
    if "Wearing_Hat" in face.attributes:
        # Different hats, since the hair that distinguishes the two is hidden.
        top = pa.HatType.HAT if male else pa.HatType.WINTER_HAT_1
    return pa.Avatar(
        style=pa.AvatarStyle.TRANSPARENT,
        background_color="#FFFFFF",
        top=top,
        hat_color=hat_colour,
        hair_color=hair_colour,
        facial_hair_color=hair_colour,
        skin_color=skin,
        eyes=eyes,
        eyebrows=brows,
        nose=nose,
        mouth=cheerful if "Smiling" in face.attributes else earnest,
        facial_hair=moustache if "Mustache" in face.attributes else pa.FacialHairType.NONE,
        accessory=glasses if "Eyeglasses" in face.attributes else pa.AccessoryType.NONE,
        clothing=clothing,
        clothing_color=colour,
    ).render()


def closest(face: Face, group: Group, order: Sequence[str] = ATTRIBUTES) -> Face:
    """The same person with the fewest attributes changed so as to belong to a group.

    Args:
        face: a face.
        group: the group's members, from `parse_group`.
        order: of equally few changes, those of the later attributes are made.

    Raises:
        UserError: if no face can belong to the group.
    """

    def changes(other: Face) -> tuple[int, list[int]]:
        changed = face.attributes ^ other.attributes
        places = sorted(order.index(name) if name in order else -1 for name in changed)
        return len(changed), [-place for place in places]

    choices = [Face(face.number, kept) for kept in POSSIBLE if _is_member(kept, group)]
    if not choices:
        raise UserError("no face has such attributes: only male faces have moustaches.")
    return min(choices, key=changes)


def _is_member(attributes: frozenset[str], group: Group) -> bool:
    return bool(group(lambda name: np.array([name in attributes]))[0])


def get_faces(
    out: Path,
    attribute: str = "Eyeglasses",
    train_count: int = TRAIN_COUNT,
    side: int = SIDE,
) -> dict[str, int]:
    """Write faces without (A) and with (B) some attributes: trainA, trainB, testA, testB.

    The training split is unpaired: A and B show different people. The test split is paired by file
    name: the same people with and without the attributes. A random person gets as few changes as
    the domain asks for; "Male & Eyeglasses" takes the glasses, which are named last, from a man.

    Args:
        out: the dataset's folder.
        attribute: one of `ATTRIBUTES`, or an expression over them; A is what it does not hold for.
        train_count: training images of each domain.
        side: image size in pixels.

    Returns:
        Number of images by folder.

    Raises:
        UserError: if there is no such attribute, or the drawing packages are not installed.
    """
    with_it = parse_group(attribute, ATTRIBUTES)
    without = parse_group(f"!({attribute})", ATTRIBUTES)
    order = [name for name in re.findall(r"\w+", attribute) if name in ATTRIBUTES]
    first_test = 2 * train_count
    numbers = {
        "trainA": range(train_count),
        "trainB": range(train_count, first_test),
        "testA": range(first_test, first_test + TEST_COUNT),
        "testB": range(first_test, first_test + TEST_COUNT),
    }

    def drawn(folder: str, number: int) -> Face:
        face = closest(random_face(number), with_it, order)
        return face if folder.endswith("B") else closest(face, without, order)

    wanted = [(folder, drawn(folder, n)) for folder, range_ in numbers.items() for n in range_]
    faces = [face for _, face in wanted]
    for (folder, face), png in zip(wanted, _drawn(faces, side), strict=True):
        path = out / folder / f"{face.number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png)
    return {folder: len(range_) for folder, range_ in numbers.items()}


def get_labelled_faces(out: Path, count: int = LABELLED, side: int = SIDE) -> dict[str, int]:
    """Write faces with attribute labels in CelebA's layout.

    `img_align_celeba/`, `list_attr_celeba.txt` and `list_eval_partition.txt`: 0 is training, 2 is
    test.

    Raises:
        UserError: if the drawing packages are not installed.
    """
    # Numbers disjoint from those of `get_faces`.
    faces = [random_face(1_000_000 + number) for number in range(count)]
    tests = count // 10
    names = [f"{number + 1:06d}.png" for number in range(count)]
    attributes, partition = [f"{count}", " ".join(ATTRIBUTES)], []
    for number, (name, face) in enumerate(zip(names, faces, strict=True)):
        signs = ["1" if attribute in face.attributes else "-1" for attribute in ATTRIBUTES]
        attributes.append(" ".join([name, *signs]))
        partition.append(f"{name} {2 if number < tests else 0}")
    images = out / "img_align_celeba"
    images.mkdir(parents=True)
    for name, png in zip(names, _drawn(faces, side), strict=True):
        (images / name).write_bytes(png)
    (out / "list_attr_celeba.txt").write_text("\n".join(attributes) + "\n")
    (out / "list_eval_partition.txt").write_text("\n".join(partition) + "\n")
    return {"faces with attributes": count}


def _drawn(faces: Sequence[Face], side: int):
    """Render faces on all cores; yields PNGs."""
    draw(faces[0], side)  # reports missing packages before the pool starts
    with ProcessPoolExecutor() as pool:
        images = pool.map(partial(draw, side=side), faces, chunksize=16)
        yield from progress.track(images, len(faces), "drawing", "faces")


@dataclass(frozen=True, kw_only=True)
class FacesOptions(FetchOptions):
    """Which drawn faces."""

    attribute: str | None = None
    """Two domains by Male, Eyeglasses, Smiling, Mustache or Wearing_Hat, or by an expression over
    them such as "Male & Eyeglasses", as faces-NAME; by default by Eyeglasses, and many faces with
    the list of all their attributes."""
    count: Positive | None = None
    """How many faces: by default 20,000 with the list of their attributes, or, of an attribute,
    1,500 to train in each domain."""

    def folder_name(self, name: str) -> str:
        if self.attribute is None or self.attribute in ATTRIBUTES:
            return name if self.attribute is None else f"{name}-{self.attribute}"
        words = "-".join(re.findall(r"\w+", self.attribute))
        return f"{name}-{words}-{hashlib.sha256(self.attribute.encode()).hexdigest()[:4]}"


def fetch_faces(out: Path, options: FacesOptions) -> dict[str, int]:
    """Fill `out` with two domains by an attribute and, unless one was named, labelled faces.

    Raises:
        UserError: if there is no such attribute, or the packages that draw are not installed.
    """
    if options.attribute is not None:
        return get_faces(out, options.attribute, options.count or TRAIN_COUNT)
    return get_faces(out) | get_labelled_faces(out, options.count or LABELLED)


FACES = Dataset(
    about="drawn faces without (A) and with (B) an attribute, and with the list of all attributes",
    fetch=fetch_faces,
    options=FacesOptions(),
)
