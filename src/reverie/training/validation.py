"""Periodic validation by Fréchet distance; tracks the best model and early stopping.

Recall and coverage of the test images, which a mode collapse lowers, are measured beside it.

Results are stored in `evaluations.jsonl`, from which a resumed run restores its state.
"""

from reverie.core.errors import UserError
from reverie.data import open_dataset
from reverie.evaluation.dataset_features import dataset_features
from reverie.evaluation.metrics.features import extract_features, find_extractor
from reverie.evaluation.metrics.frechet import Moments, frechet_distance
from reverie.evaluation.metrics.prdc import NEIGHBOURS, prdc
from reverie.evaluation.samples import (
    CLASSIFIERS,
    MAX_FOR_NEIGHBORS,
    default_features,
    frechet_name,
    like,
)
from reverie.inference.model import Model
from reverie.methods import Method, Samples
from reverie.methods.capabilities import require
from reverie.methods.recipe import Recipe
from reverie.runs.model_card import model_card
from reverie.runs.model_folder import save_model
from reverie.runs.run import Run, best_evaluation, best_of

MIN_IMAGES = 2


def check_validation(recipe: Recipe, method: Method) -> None:
    """Raise a UserError if the training shall be validated and cannot be."""
    if not recipe.training.evaluate_every:
        return
    require(method, Samples, f"--evaluate-every measures samples, and {recipe.method}")
    if recipe.training.evaluate_count < MIN_IMAGES:
        raise UserError(f"--evaluate-count must be at least {MIN_IMAGES}.")
    find_extractor(default_features(recipe.data))


class Validator:
    """Validates a model by the Fréchet distance of its samples to the dataset's test split.

    Args:
        run: the folder to write to.
        recipe: all options.
        method: the method in training.
    """

    def __init__(self, run: Run, recipe: Recipe, method: Method) -> None:
        options = recipe.training
        self.run = run
        self.recipe = recipe
        self.features = default_features(recipe.data)
        spec = method.spec
        data = like(recipe.data, spec.image_size, spec.channels, split="test")
        real = open_dataset(data)
        self.real_features = dataset_features(self.features, real).features
        self.real = Moments.of(self.real_features)
        self.about = f"[{self.features}, {options.evaluate_count}, {real.source.split}]"
        self._should_stop: bool | None = None

    @property
    def should_stop(self) -> bool:
        """Whether the last `patience` evaluations brought no improvement."""
        if self._should_stop is None:
            self._should_stop = self._patience_exhausted()
        return self._should_stop

    @property
    def distance_name(self) -> str:
        """Name of the Fréchet distance, with features, count and split."""
        return frechet_name(self.features) + self.about

    def validate(self, method: Method, step: int, seconds: float) -> dict[str, float]:
        """Evaluate the model at `step`, log the metrics, and save the model if it is the best.

        Returns:
            Metrics by name: the Fréchet distance; recall and coverage if there are enough images;
            for labelled digits the label accuracy.
        """
        model = Model(self.recipe.method, self.recipe.method, method)
        images = model.sample(self.recipe.training.evaluate_count)
        seen = extract_features(self.features, [images])
        figures = {self.distance_name: frechet_distance(Moments.of(seen.features), self.real)}
        sets = (self.real_features[:MAX_FOR_NEIGHBORS], seen.features[:MAX_FOR_NEIGHBORS])
        if min(map(len, sets)) > NEIGHBOURS:
            near = prdc(*sets)
            figures |= {f"recall{self.about}": near.recall, f"coverage{self.about}": near.coverage}
        labels = model.labels(len(images))
        if labels is not None and self.features in CLASSIFIERS:
            right = seen.logits.argmax(1) == labels
            figures[f"label_accuracy[{self.features}, {len(labels)}]"] = float(right.float().mean())
        self.run.log_evaluation({"step": step, "seconds": round(seconds, 1), "figures": figures})
        if best_evaluation(self.run)["step"] == step:
            card = model_card(self.recipe, self.run)
            save_model(self.run.best, self.recipe.method, method, card)
        self._should_stop = None
        return figures

    def _patience_exhausted(self) -> bool:
        patience, lines = self.recipe.training.patience, self.run.read_evaluations()
        if not patience or not lines:
            return False
        best = best_of(lines)["step"]
        return sum(line["step"] > best for line in lines) >= patience
