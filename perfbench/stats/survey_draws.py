"""Draws of batches from a corpus, without replacement, with probabilities in proportion to size.

Each batch gets the key U / measure with a random number U, and the k smallest keys are the first k draws (sequential Poisson
sampling: Ohlsson, *Sequential Poisson sampling*, Journal of Official Statistics 14, 1998). Given the keys of all others, a batch is
among the first k if its own is below the *threshold*, the key of draw k + 1. Therefore, with π = min(1, measure · threshold), the
sum of y / π over the draws is an unbiased estimate of the sum of any y over the corpus, and the errors of two batches are
uncorrelated (Duffield, Lund, Thorup, *Priority sampling for estimation of arbitrary subset sums*, Journal of the ACM 54, 2007). A
large batch is in the sample for certain, no batch is drawn twice, and with the last draw the sample is a census.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws without replacement, in order: the index of each batch, and the threshold of the sample that ends with it.

    ``thresholds[k - 1]`` belongs to the first k draws; it is infinite if they are the whole corpus.
    """

    indices: Indices
    thresholds: Floats


def compute_shares(sizes: ArrayLike) -> Floats:
    """The share of each batch in the bytes of the corpus.

    Raises ValueError for sizes that are negative or not finite, and if none is above zero.
    """
    values = np.asarray(sizes, dtype=np.float64)
    if (
        values.ndim != 1
        or not values.size
        or not np.all(np.isfinite(values))
        or values.min() < 0
        or not values.max() > 0
    ):
        raise ValueError("a corpus has batches with sizes, none of them negative and at least one above zero")
    return np.asarray(values / values.sum())


def draw_distinct_batches(measures: ArrayLike, count: int, seed: int) -> Draws:
    """``count`` different batches in random order, or all of them; those with larger measures (bytes) tend to be early.

    The first k draws of any count are the same, so that a survey can be extended and its draws divided among machines. The same
    seed gives the same draws with every release of Python and NumPy. A batch with the measure 0 is never drawn. Raises ValueError
    as ``compute_shares`` does, and for a negative count.
    """
    shares = compute_shares(measures)
    if count < 0:
        raise ValueError(f"the number of draws is not negative: {count}")
    # NumPy does not promise to repeat its random numbers in later releases; the standard library does.
    generator = random.Random(f"batches of a corpus, seed {seed}")
    numbers = np.array([generator.random() for _ in range(shares.size)])
    values = np.asarray(measures, dtype=np.float64)
    keys = np.divide(numbers, values, out=np.full_like(values, math.inf), where=values > 0)
    order = np.argsort(keys, kind="stable")[: int(np.count_nonzero(values))]
    ends = np.append(keys[order][1:], math.inf)
    return Draws(order[:count].astype(np.int64), ends[:count])


def compute_inclusion(measures: ArrayLike, threshold: float) -> Floats:
    """The probability with which each drawn batch is in its sample: min(1, measure · threshold), for the sample's threshold.

    Raises ValueError for measures and thresholds that are not positive.
    """
    values = np.asarray(measures, dtype=np.float64)
    if not (np.all(values > 0) and threshold > 0):
        raise ValueError("drawn batches have positive measures, and their sample a positive threshold")
    return np.minimum(1.0, values * threshold)


def compute_target_inclusion(shares: Floats, draws: int) -> Floats:
    """The probability with which each batch of a corpus is about to be among this many: min(1, c · share), with the sum ``draws``.

    The largest batches are certain; the others divide the remaining draws in proportion to their shares. Raises ValueError for more
    draws than batches with a share.
    """
    positive = int(np.count_nonzero(shares))
    if not 0 <= draws <= positive:
        raise ValueError(f"a sample has 0 to {positive} of the batches, not {draws}")
    if draws == positive:
        return np.where(shares > 0, 1.0, 0.0)
    order = np.argsort(-shares, kind="stable")
    falling = shares[order]
    rest = np.cumsum(falling[::-1])[::-1]
    certain = int(np.argmin((draws - np.arange(shares.size)) * falling >= rest))
    inclusion = np.ones_like(shares)
    inclusion[order[certain:]] = falling[certain:] * (draws - certain) / rest[certain]
    return inclusion
