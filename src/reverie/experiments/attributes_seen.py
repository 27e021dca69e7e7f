"""What a classifier of attributes sees in faces and in their translations."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from reverie.data.attributes import read_attributes
from reverie.evaluation.attributes import AttributeClassifier, train_attribute_classifier


def trained_classifier(image_size: int, steps: int) -> tuple[AttributeClassifier, dict[str, float]]:
    """A classifier of the training faces' attributes, and its accuracy on held-out ones."""
    train, test = (read_attributes("faces", split) for split in ("train", "test"))
    classifier = train_attribute_classifier(train, image_size, steps)
    return classifier, classifier.accuracy(test)


def attributes_seen(
    classifier: AttributeClassifier,
    source: Float[Tensor, "n 3 h w"],
    made: Float[Tensor, "n 3 h w"],
    attribute: str,
    words: str,
) -> Mapping[str, float]:
    """Shares of translations in which an attribute changed, called `words`, and others did not."""
    changed = (classifier.predict(source) != classifier.predict(made)).float().mean(0).tolist()
    shares = dict(zip(classifier.names, changed, strict=True))
    unchanged = {f"{n} unchanged": 1 - share for n, share in shares.items() if n != attribute}
    return {words: shares[attribute]} | unchanged
