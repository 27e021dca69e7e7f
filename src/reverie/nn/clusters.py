"""k-means clusters of images: their numbers serve as labels where a dataset has none."""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.image_size import ImageSize, Size

LARGEST_SIDE = 32
"""Larger images are averaged down to this side, in pixels: clusters differ in coarse structure."""
KMEANS_ITERATIONS = 30


def kmeans(
    points: Float[Tensor, "n d"], count: int, generator: torch.Generator
) -> Float[Tensor, "k d"]:
    """Centroids of `count` clusters: Lloyd 1982, begun as in k-means++ (Arthur & Vassilvitskii).

    A point is drawn as the next centroid in proportion to its squared distance from the nearest
    one. Where there are fewer different points than clusters, some centroids are equal.
    """
    start = torch.randint(len(points), (1,), generator=generator)
    centroids = points[start]
    nearest = torch.cdist(points, centroids)[:, 0]
    while len(centroids) < count:
        chances = nearest.square() + torch.finfo(nearest.dtype).tiny
        drawn = points[torch.multinomial(chances, 1, generator=generator)]
        centroids = torch.cat([centroids, drawn])
        nearest = torch.minimum(nearest, torch.cdist(points, drawn)[:, 0])
    for _ in range(KMEANS_ITERATIONS):
        members = torch.cdist(points, centroids).argmin(1)
        sizes = torch.bincount(members, minlength=count)[:, None]
        sums = torch.zeros_like(centroids).index_add_(0, members, points)
        centroids = torch.where(sizes > 0, sums / sizes.clamp(min=1), centroids)
    return centroids


def nearest_neighbor_order(centroids: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
    """The centroids in a greedy order: each is followed by the nearest of the remaining ones.

    The first is the one with the smallest mean.
    """
    distances = torch.cdist(centroids, centroids)
    order = [int(centroids.mean(1).argmin())]
    while len(order) < len(centroids):
        distances[:, order[-1]] = torch.inf  # not a second time
        order.append(int(distances[order[-1]].argmin()))
    return centroids[order]


class Clusters(nn.Module):
    """Clusters of images by their pixels; all centroids are 0 until `fit`.

    Clusters with consecutive numbers are similar, for the sake of interpolation.

    Args:
        count: number of clusters K.
        channels: channels of the images.
        image_size: their size; larger ones than 32 pixels a side are averaged to that.
    """

    def __init__(self, count: int, channels: int, image_size: ImageSize) -> None:
        super().__init__()
        height, width = Size.of(image_size).shape
        self.shape = (min(height, LARGEST_SIDE), min(width, LARGEST_SIDE))
        self.centroids: Tensor
        self.register_buffer("centroids", torch.zeros(count, channels * math.prod(self.shape)))

    @torch.no_grad()
    def forward(self, images: Float[Tensor, "b c h w"]) -> Int[Tensor, " b"]:
        """The number of each image's cluster."""
        return torch.cdist(self._points(images), self.centroids).argmin(1)

    @torch.no_grad()
    def fit(
        self, batches: Iterable[Float[Tensor, "b c h w"]], generator: torch.Generator
    ) -> Float[Tensor, " k"]:
        """Compute the centroids of images, given in batches; returns the clusters' frequencies."""
        points = torch.cat([self._points(batch) for batch in batches])
        count = len(self.centroids)
        self.centroids.copy_(nearest_neighbor_order(kmeans(points, count, generator)))
        members = torch.cdist(points, self.centroids.to(points.device)).argmin(1)
        return torch.bincount(members, minlength=count) / len(points)

    def _points(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        return F.adaptive_avg_pool2d(images.float(), self.shape).flatten(1)
