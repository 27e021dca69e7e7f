"""Drawn faces with the attributes of CelebA's names, each of which can be drawn with and without.

python-avatars draws, resvg-py renders. A face is decided by its number alone, an attribute changes
nothing else of it: so the truth of a translation is known to the pixel.
"""

import importlib.util
import random
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from reverie.core import progress
from reverie.core.errors import UserError, nearest
from reverie.core.options import Positive
from reverie.data.source import Dataset, FetchOptions

SIDE = 128


DRAWN = 'width="264px" height="280px" viewBox="0 0 264 280"'


SQUARE = 'width="280px" height="280px" viewBox="-8 0 280 280"'


ATTRIBUTES = ("Male", "Eyeglasses", "Smiling", "Mustache", "Wearing_Hat")


TRAIN_COUNT, TEST_COUNT = 1500, 300


LABELLED = 20_000
"""Faces with the list of their attributes, of which a tenth is for testing."""


# The left, upper, right and lower edge of the eyes, in shares of the side: where glasses sit.
EYES = (0.28, 0.33, 0.72, 0.55)


@dataclass(frozen=True)
class Face:
    """What decides a picture: which person, and its attributes."""

    number: int
    attributes: frozenset[str] = frozenset()

    def with_attribute(self, attribute: str, wanted: bool) -> "Face":
        """The same person with or without an attribute."""
        rest = self.attributes - {attribute}
        return replace(self, attributes=rest | {attribute} if wanted else rest)


def random_face(number: int) -> Face:
    """A person with each attribute by the toss of a coin; moustaches on men alone."""
    toss = random.Random(f"attributes {number}")
    chosen = {name for name in ATTRIBUTES if toss.random() < 0.5}
    if "Male" not in chosen:
        chosen.discard("Mustache")
    return Face(number, frozenset(chosen))


def draw(face: Face, side: int = SIDE) -> bytes:
    """The PNG of a face.

    Raises:
        UserError: if the packages that draw are not installed.
    """
    for package in ("python_avatars", "resvg_py"):
        if importlib.util.find_spec(package) is None:
            raise UserError("faces are drawn by two packages: pip install python-avatars resvg-py.")
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

    # Every person's choices are all made, whether shown or not, so that no attribute moves another.
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
        # Hats of their own, or nothing would tell men and women apart where no hair is seen.
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


def get_faces(
    out: Path, attribute: str = "Eyeglasses", train_count: int = TRAIN_COUNT, side: int = SIDE
) -> dict[str, int]:
    """Fill `out` with faces without (A) and with (B) an attribute: trainA, trainB, testA, testB.

    Training faces are of different people on the two sides. Test faces are the same people on
    both, under equal names, so that every translation has its truth.

    Raises:
        UserError: if there is no such attribute, or the packages that draw are not installed.
    """
    if attribute not in ATTRIBUTES:
        raise UserError(f"there is no attribute {attribute!r}; {nearest(attribute, ATTRIBUTES)}")
    first_test = 2 * train_count
    numbers = {
        "trainA": range(train_count),
        "trainB": range(train_count, first_test),
        "testA": range(first_test, first_test + TEST_COUNT),
        "testB": range(first_test, first_test + TEST_COUNT),
    }
    wanted = [
        (folder, random_face(number).with_attribute(attribute, folder.endswith("B")))
        for folder, range_ in numbers.items()
        for number in range_
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as aside:
        faces = [face for _, face in wanted]
        for (folder, face), png in zip(wanted, _drawn(faces, side), strict=True):
            path = Path(aside) / "faces" / folder / f"{face.number:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png)
        (Path(aside) / "faces").replace(out)
    return {folder: len(range_) for folder, range_ in numbers.items()}


def get_labelled_faces(out: Path, count: int = LABELLED, side: int = SIDE) -> dict[str, int]:
    """Fill `out` with faces and their attributes as CelebA is published.

    `img_align_celeba/`, `list_attr_celeba.txt` and `list_eval_partition.txt`, which says which are
    for training (0) and for testing (2).

    Raises:
        UserError: if the packages that draw are not installed.
    """
    # Their own numbers, so that none is a face of the pairs.
    faces = [random_face(1_000_000 + number) for number in range(count)]
    tests = count // 10
    names = [f"{number + 1:06d}.png" for number in range(count)]
    attributes, partition = [f"{count}", " ".join(ATTRIBUTES)], []
    for number, (name, face) in enumerate(zip(names, faces, strict=True)):
        signs = ["1" if attribute in face.attributes else "-1" for attribute in ATTRIBUTES]
        attributes.append(" ".join([name, *signs]))
        partition.append(f"{name} {2 if number < tests else 0}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as aside:
        made = Path(aside) / "faces"
        (made / "img_align_celeba").mkdir(parents=True)
        for name, png in zip(names, _drawn(faces, side), strict=True):
            (made / "img_align_celeba" / name).write_bytes(png)
        (made / "list_attr_celeba.txt").write_text("\n".join(attributes) + "\n")
        (made / "list_eval_partition.txt").write_text("\n".join(partition) + "\n")
        out.mkdir(exist_ok=True)
        for part in made.iterdir():
            part.replace(out / part.name)
    return {"faces with attributes": count}


def _drawn(faces: Sequence[Face], side: int):
    """The faces' pictures, drawn on all cores."""
    draw(faces[0], side)  # says at once what is not installed
    with ProcessPoolExecutor() as pool:
        images = pool.map(partial(draw, side=side), faces, chunksize=16)
        yield from progress.track(images, len(faces), "drawing", "faces")


@dataclass(frozen=True, kw_only=True)
class FacesOptions(FetchOptions):
    """Which drawn faces."""

    attribute: str | None = None
    """Two domains by Male, Eyeglasses, Smiling, Mustache or Wearing_Hat, as faces-NAME; by default
    by Eyeglasses, and many faces with the list of all their attributes."""
    count: Positive = LABELLED
    """How many faces with the list of their attributes."""

    def folder_name(self, name: str) -> str:
        return name if self.attribute is None else f"{name}-{self.attribute}"


def fetch_faces(out: Path, options: FacesOptions) -> dict[str, int]:
    """Fill `out` with two domains by an attribute and, unless one was named, labelled faces.

    Raises:
        UserError: if there is no such attribute, or the packages that draw are not installed.
    """
    counts = get_faces(out, options.attribute or "Eyeglasses")
    if options.attribute is None:
        counts |= get_labelled_faces(out, options.count)
    return counts


FACES = Dataset(
    about="drawn faces without (A) and with (B) an attribute, and with the list of all attributes",
    fetch=fetch_faces,
    options=FacesOptions(),
)
