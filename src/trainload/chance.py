"""Draws that can be repeated: one stream for each (seed, name), stratified, the same whatever else is drawn.

A stream is the first dimension of Sobol's sequence, its digits scrambled in Owen's nested way (Owen 1995; the scramble
as in Burley, *Practical Hash-based Owen Scrambling*, JCGT 9(4), 2020) and its order shuffled within blocks of 256, all
keyed by (seed, name). So

- draw *i* depends on nothing but seed, name and *i*: not on *n*, the worker, or which other streams exist;
- the first 2^k draws of a stream, k >= 8, hold exactly one point in each of 2^k equal intervals;
- two streams are as independent as random permutations of 256: together they are a Latin hypercube sample.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr, ndtri

Floats = NDArray[np.float64]
Words = NDArray[np.uint32]
Distribution = Literal["three_point", "pert"]

Z90 = 1.2815515655446004  # standard normal quantile of 0.9
BLOCK = 256  # order is random within a block; the smallest number of draws a scenario may ask for
MAX_DRAWS = 2**31  # an index and a draw are 32 bits wide


def uniform_stream(seed: int, name: str, n: int) -> Floats:
    """Return draws 0 to n-1 of the stream (seed, name), uniform on (0, 1).

    Raises:
        ValueError: n is negative or over 2^31.
    """
    if not 0 <= n <= MAX_DRAWS:
        raise ValueError(f"n must be in [0, 2^31], got {n}")
    n_blocks = -(-n // BLOCK)
    order = random_generator(seed, f"order:{name}").random((n_blocks, BLOCK)).argsort(axis=1)
    index = (order + BLOCK * np.arange(n_blocks)[:, None]).ravel()[:n].astype(np.uint32)
    # Sobol's first dimension is the index with its digits reversed; the scramble works on reversed digits as well, so
    # that the two reversals between them cancel.
    digits = _reversed_bits(_scrambled(index, _keys(seed, name)))
    return np.asarray((digits + 0.5) / 2.0**32, dtype=np.float64)


def normal_stream(seed: int, name: str, n: int) -> Floats:
    """Return draws 0 to n-1 of the stream (seed, name), standard normal: the normal quantiles of its uniforms."""
    return np.asarray(ndtri(uniform_stream(seed, name, n)), dtype=np.float64)


def correlated_normal_stream(seed: int, name: str, n: int, *, factor: str | None, loading_frac: float) -> Floats:
    """Return standard normal draws that share a named common factor (a one-factor Gaussian copula).

    z = l * f + sqrt(1 - l^2) * e, with f the stream of the factor and e that of the name: two names with loadings l1
    and l2 on one factor have correlation l1 * l2 between their normal scores. Without a factor, z = e.

    Raises:
        ValueError: the loading is not in [0, 1].
    """
    if not 0 <= loading_frac <= 1:
        raise ValueError(f"loading_frac must be in [0, 1], got {loading_frac}")
    own = normal_stream(seed, name, n)
    if factor is None or loading_frac == 0:
        return own
    common = normal_stream(seed, f"factor:{factor}", n)
    return np.asarray(loading_frac * common + np.sqrt(1 - loading_frac**2) * own, dtype=np.float64)


def correlated_uniform_stream(seed: int, name: str, n: int, *, factor: str | None, loading_frac: float) -> Floats:
    """Return uniform draws of the one-factor Gaussian copula of `correlated_normal_stream`."""
    if factor is None or loading_frac == 0:
        return uniform_stream(seed, name, n)
    z = correlated_normal_stream(seed, name, n, factor=factor, loading_frac=loading_frac)
    return np.asarray(ndtr(z), dtype=np.float64)


def random_generator(seed: int, name: str) -> np.random.Generator:
    """Return a counter-based generator keyed by (seed, name), for simulations that need many numbers in sequence."""
    return np.random.Generator(np.random.Philox(key=_digest(seed, name)))


def sample_three_point(p10: float, p50: float, p90: float, u: Floats) -> Floats:
    """Return the quantiles at u of the distribution of a non-negative quantity through its P10, P50 and P90.

    With p10 > 0 it is the two-piece lognormal: ln x = ln p50 + s z, where z is the normal quantile of u and
    s = ln(p50 / p10) / 1.2816 below the median, ln(p90 / p50) / 1.2816 above. All three points are met exactly. With
    p10 = 0 it is the two-piece normal in x itself, at zero below the point where it would turn negative: P10 = 0 of a
    non-negative quantity means that one draw in ten is zero.

    Args:
        p10: 10th percentile, >= 0.
        p50: median, >= p10.
        p90: 90th percentile, >= p50.
        u: probabilities in (0, 1), any shape.

    Raises:
        ValueError: the points are negative, not finite or out of order.
    """
    if not (0 <= p10 <= p50 <= p90 < np.inf):
        raise ValueError(f"0 <= p10 <= p50 <= p90 must hold, got {p10}, {p50}, {p90}")
    score = np.asarray(ndtri(u), dtype=np.float64) / Z90
    if p10 > 0:
        stretch = np.where(score < 0, np.log(p50 / p10), np.log(p90 / p50))
        return np.asarray(p50 * np.exp(stretch * score), dtype=np.float64)
    return np.maximum(sample_two_piece_normal(p10, p50, p90, u), 0.0)


def sample_two_piece_normal(p10: float, p50: float, p90: float, u: Floats) -> Floats:
    """Return the quantiles at u of the two-piece normal through P10, P50 and P90; any sign.

    Raises:
        ValueError: the points are not finite or out of order.
    """
    if not (-np.inf < p10 <= p50 <= p90 < np.inf):
        raise ValueError(f"p10 <= p50 <= p90 must hold, got {p10}, {p50}, {p90}")
    score = np.asarray(ndtri(u), dtype=np.float64) / Z90
    return np.asarray(p50 + np.where(score < 0, p50 - p10, p90 - p50) * score, dtype=np.float64)


def sample_pert(low: float, mode: float, high: float, u: Floats) -> Floats:
    """Return the quantiles at u of the PERT distribution on [low, high]: a beta with mean (low + 4 mode + high) / 6.

    Raises:
        ValueError: low <= mode <= high does not hold.
    """
    if not (-np.inf < low <= mode <= high < np.inf):
        raise ValueError(f"low <= mode <= high must hold, got {low}, {mode}, {high}")
    if low == high:
        return np.full(np.shape(u), float(low))
    width = high - low
    return np.asarray(
        low + width * betaincinv(1 + 4 * (mode - low) / width, 1 + 4 * (high - mode) / width, u), dtype=np.float64
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """How one number varies: three figures, the distribution through them, and the common factor it follows.

    `low`, `mid` and `high` are P10, P50 and P90 of a ``three_point``; minimum, mode and maximum of a ``pert``.
    """

    low: float
    mid: float
    high: float
    distribution: Distribution = "three_point"
    factor: str | None = None
    loading_frac: float = 0.7

    def sample(self, u: Floats) -> Floats:
        """Return the quantiles at u."""
        if self.distribution == "pert":
            return sample_pert(self.low, self.mid, self.high, u)
        if self.low < 0:
            return sample_two_piece_normal(self.low, self.mid, self.high, u)
        return sample_three_point(self.low, self.mid, self.high, u)


def draw_spreads(spreads: Mapping[str, Spread], n: int, seed: int) -> Mapping[str, Floats]:
    """Return n draws of each named spread; a name's draws do not depend on which other names are drawn."""
    return MappingProxyType(
        {
            name: spread.sample(
                correlated_uniform_stream(seed, name, n, factor=spread.factor, loading_frac=spread.loading_frac)
            )
            for name, spread in spreads.items()
        }
    )


def _digest(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=16).digest(), "little")


def _keys(seed: int, name: str) -> list[np.uint32]:
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=16).digest()
    return [np.uint32(word) for word in np.frombuffer(digest, dtype="<u4")]


def _scrambled(word: Words, keys: list[np.uint32]) -> Words:
    """Permute 32-bit words so that a digit depends on itself, the digits below it and the keys.

    Four rounds of Laine and Karras's permutation, with the even multipliers that N. Vegdahl found to spread best.
    """
    with np.errstate(over="ignore"):
        for key in keys:
            word = word ^ (word * np.uint32(0x3D20ADEA))
            word = word + key
            word = word * ((key >> np.uint32(16)) | np.uint32(1))
            word = word ^ (word * np.uint32(0x05526C56))
            word = word ^ (word * np.uint32(0x53A22864))
    return word


def _reversed_bits(word: Words) -> Words:
    for shift, mask in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF)):
        step, kept = np.uint32(shift), np.uint32(mask)
        word = ((word >> step) & kept) | ((word & kept) << step)
    return (word >> np.uint32(16)) | (word << np.uint32(16))
