"""Model card: the README of a model folder, with training facts, usage and options."""

import json

from reverie.core.image_size import Size
from reverie.core.result import counted
from reverie.methods import METHODS
from reverie.methods.recipe import Recipe
from reverie.runs.environment import versions
from reverie.runs.run import Run

_TRANSLATE = 'reverie.translate(model, "images/", out="translated/")   # any size'
IMAGE_TO_IMAGE = {
    "paired": _TRANSLATE,
    "unpaired": _TRANSLATE,
    "degraded": 'reverie.upscale("images/", out="large/", model=model)   # any size',
}
"""How a model is used that takes images, by the kind of data that it is trained on."""


def model_card(recipe: Recipe, run: Run) -> str:
    """Markdown with the Hugging Face hub's YAML front matter."""
    facts, method = run.facts(), METHODS.find(recipe.method)
    log = run.read_log()
    last = log[-1] if log else {"step": 0, "images_seen": 0, "seconds": 0.0}
    images = facts["pictures"]
    size, colours = Size.of(images["image_size"]), "grayscale" if images["channels"] == 1 else "RGB"
    label = ", label=0" if images["class_names"] and method.data_kind == "labelled" else ""
    shape = [16, images["channels"], *size.shape]
    options = json.dumps(recipe.to_json()["options"], indent=2)
    use = f"""images = model.sample(16, seed=7{label})   # float32 [-1, 1], {shape}
reverie.images.save_grid(images, "grid.png")"""
    kind = "image-generation"
    if method.data_kind in IMAGE_TO_IMAGE:
        kind, use = "image-to-image", IMAGE_TO_IMAGE[method.data_kind]
    return f"""---
library_name: reverie
tags: [{kind}, {recipe.method}]
---
# {run.folder.resolve().name}

{method.about}; {size} pixels, {colours}.

Trained with reverie {versions()["reverie"]} on {counted(facts["picture_count"], "image")}
({recipe.data.data}, fingerprint {facts["data_fingerprint"]}), {counted(last["step"], "step")},
{counted(last["images_seen"], "image")} seen, {last["seconds"] / 60:.1f} minutes, seed
{recipe.training.seed}. The weights are averaged over training.

```python
import reverie   # pip install reverie

model = reverie.load("path/to/this/folder")
{use}
```

Options:

```json
{options}
```
"""
