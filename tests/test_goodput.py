"""Goodput kernels against published and simulated vectors, and against what they must do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainload.demand.goodput import (
    bound_exchange,
    count_spares,
    daly_interval,
    estimate_goodput,
    exact_goodput,
    exchange_efficiency,
    first_order_goodput,
    mean_time_between_failures,
    young_interval,
)

RATE = 3.79  # failures of a node in 1,000 days, H100

# checkpoint s, restart s, chips, mean time between failures s, Young s, Daly s, goodput, first order
VECTORS = [
    (60, 1800, 1_024, 178100.3, 4623.0, 4583.1, 0.96447, 0.96394),
    (60, 1800, 16_384, 11131.3, 1155.7, 1116.1, 0.76539, 0.73446),
    (60, 1800, 32_768, 5565.6, 817.2, 777.7, 0.62255, 0.52975),
    (60, 1800, 100_000, 1823.7, 467.8, 428.7, 0.28509, -0.24349),
    (60, 1800, 200_000, 911.9, 330.8, 292.0, 0.09442, -1.33672),
    (60, 1800, 400_000, 455.9, 233.9, 195.6, 0.01101, -3.46094),
    (60, 1800, 1_000_000, 182.4, 147.9, 110.6, 2e-05, -9.68096),
    (10, 600, 1_024, 178100.3, 1887.3, 1880.7, 0.98611, 0.98603),
    (10, 600, 16_384, 11131.3, 471.8, 465.2, 0.90793, 0.90371),
    (10, 600, 32_768, 5565.6, 333.6, 327.0, 0.84505, 0.83225),
    (10, 600, 100_000, 1823.7, 191.0, 184.4, 0.64689, 0.56629),
    (10, 600, 200_000, 911.9, 135.0, 128.5, 0.44493, 0.19392),
    (10, 600, 400_000, 455.9, 95.5, 88.9, 0.21589, -0.52541),
    (10, 600, 1_000_000, 182.4, 60.4, 53.9, 0.02624, -2.62109),
    (2, 120, 1_024, 178100.3, 844.0, 842.7, 0.9946, 0.99459),
    (2, 120, 16_384, 11131.3, 211.0, 209.7, 0.97064, 0.97026),
    (2, 120, 32_768, 5565.6, 149.2, 147.9, 0.95267, 0.95163),
    (2, 120, 100_000, 1823.7, 85.4, 84.1, 0.89315, 0.88737),
    (2, 120, 200_000, 911.9, 60.4, 59.1, 0.8199, 0.80217),
    (2, 120, 400_000, 455.9, 42.7, 41.4, 0.69883, 0.64314),
    (2, 120, 1_000_000, 182.4, 27.0, 25.7, 0.44493, 0.19392),
]


@pytest.mark.parametrize("vector", VECTORS)
def test_reference_vectors(vector):
    """Proves: intervals, exact and first-order goodput match all 21 reference vectors to their printed digits.

    If broken: the first-order formula in place of the exact one gives -0.24 for 100,000 chips instead of 0.285.
    """
    checkpoint, restart, chips, mtbf, young, daly, goodput, first = vector
    m = mean_time_between_failures(chips, failures_per_1000_node_days=RATE)
    assert m == pytest.approx(mtbf, abs=0.06)
    assert young_interval(checkpoint, m) == pytest.approx(young, abs=0.06)
    tau = daly_interval(checkpoint, m)
    assert tau == pytest.approx(daly, abs=0.06)
    got = exact_goodput(tau, checkpoint_seconds=checkpoint, restart_seconds=restart, mtbf_seconds=m)
    assert got == pytest.approx(goodput, abs=6e-6)
    rough = first_order_goodput(
        young_interval(checkpoint, m), checkpoint_seconds=checkpoint, restart_seconds=restart, mtbf_seconds=m
    )
    assert rough == pytest.approx(first, abs=2e-5)


@pytest.mark.parametrize(
    ("chips", "rate", "hours"),
    [(16_384, 3.788700810185185, 3.0930787589), (16_384, 6.5, 1.8028846154), (131_072, 6.5, 0.2253605769),
     (1_024, 6.5, 28.8461538462), (1_024, 23.73417721518987, 7.9)],
)  # fmt: skip
def test_failure_rates(chips, rate, hours):
    """Proves: published failure counts give the published mean times between failures.

    If broken: counting chips in place of nodes of eight gives an eighth of each.
    """
    got = mean_time_between_failures(chips, failures_per_1000_node_days=rate) / 3600
    assert got == pytest.approx(hours, rel=1e-9)


def test_goodput_against_a_simulated_run():
    """Proves: the exact formula is the mean of a run drawn failure by failure, within 3 standard errors.

    If broken: forgetting that failures strike during restarts gives 0.66 or more.
    """
    m = float(mean_time_between_failures(100_000, failures_per_1000_node_days=RATE))
    d, r = 10.0, 600.0
    tau = float(daly_interval(d, m))
    rng = np.random.default_rng(7)
    goods = []
    for _ in range(40):
        clock, done = 0.0, 0
        while done < 1000:
            gap = rng.exponential(m)
            whole = int(gap // (tau + d))
            take = min(whole, 1000 - done)
            done += take
            if done >= 1000:
                clock += take * (tau + d)
                break
            clock += gap
            while True:
                again = rng.exponential(m)
                if again >= r:
                    clock += r
                    break
                clock += again
        goods.append(1000 * tau / clock)
    exact = float(exact_goodput(tau, checkpoint_seconds=d, restart_seconds=r, mtbf_seconds=m))
    mean, error = np.mean(goods), np.std(goods, ddof=1) / np.sqrt(len(goods))
    assert abs(mean - exact) < 3 * error
    assert error < 0.004


def test_islands_recover_what_scale_loses():
    """Proves: k islands of n/k chips have the goodput of one job of n/k chips, and spares cost their share.

    If broken: without islands a million chips deliver 0.03 of their time.
    """
    kind = {"checkpoint_seconds": 10.0, "restart_seconds": 600.0, "failures_per_1000_node_days": RATE}
    alone = estimate_goodput(16_384, **kind)
    islands = estimate_goodput(16_384 * 64, n_islands=64, **kind)
    assert float(islands.goodput_frac) == pytest.approx(float(alone.goodput_frac), rel=1e-12)
    assert float(estimate_goodput(16_384 * 64, **kind).goodput_frac) < 0.03
    spared = estimate_goodput(16_384, spare_frac=0.02, **kind)
    assert float(spared.goodput_frac) == pytest.approx(0.98 * 0.909, abs=2e-3)


def test_gigawatt_job_fails_every_few_minutes():
    """Proves: 450,000 chips (about 1 GW) in one synchronous job fail every seven minutes.

    If broken: hours instead of minutes.
    """
    m = mean_time_between_failures(450_000, failures_per_1000_node_days=RATE)
    assert 360 < float(m) < 480


def test_kernels_broadcast():
    """Proves: arrays in, arrays of the broadcast shape out."""
    chips = np.array([1e3, 1e4, 1e5])[:, None]
    got = estimate_goodput(
        chips, checkpoint_seconds=np.array([2.0, 60.0]), restart_seconds=600.0, failures_per_1000_node_days=RATE
    )
    assert got.goodput_frac.shape == (3, 2)
    assert np.all(np.diff(got.goodput_frac, axis=0) < 0)


@given(st.floats(1.0, 600.0), st.floats(0.0, 7200.0), st.floats(30.0, 1e7), st.floats(0.2, 5.0))
def test_exact_goodput_is_a_share_and_daly_is_near_the_best(checkpoint, restart, mtbf, factor):
    """Proves: goodput lies in [0, 1] for any inputs, and no other interval beats Daly's by more than 1 % while d < M/2.

    If broken: an overflow gives nan for hopeless jobs.
    """
    best = daly_interval(checkpoint, mtbf)
    kind = {"checkpoint_seconds": checkpoint, "restart_seconds": restart, "mtbf_seconds": mtbf}
    at_best, other = exact_goodput(best, **kind), exact_goodput(best * factor, **kind)
    assert 0.0 <= float(at_best) <= 1.0
    assert 0.0 <= float(other) <= 1.0
    if checkpoint < mtbf / 2:
        assert float(other) <= 1.01 * float(at_best)


def test_spares_cover_the_nodes_under_repair():
    """Proves: the spares are the 99 % quantile of Poisson repairs: mean 34.1 nodes for 72,000 chips and 24 h needs 48.

    If broken: the mean alone leaves half of all days short.
    """
    n = count_spares(72_000, failures_per_1000_node_days=3.79, repair_hours=24.0)
    mean = 3.79 / 1000 * 9000
    assert mean == pytest.approx(34.11)
    assert float(n) == 8 * 48


def test_bandwidth_between_campuses():
    """Proves: one campus needs none; two exchange the whole gradient each step; four 1.5 times as much.

    1e12 parameters x 2 bytes in a step of 20 s: 2 x 1/2 x 2e12 / 20 = 100 GB/s. If broken: bits for bytes, 800.
    """
    need = bound_exchange(1e12, n_campuses=np.array([1, 2, 4]), step_seconds=20.0)
    np.testing.assert_allclose(need, [0.0, 100.0, 150.0])
    assert float(exchange_efficiency(100.0, bandwidth_gb_per_s=100.0)) == 1.0
    assert float(exchange_efficiency(100.0, bandwidth_gb_per_s=50.0)) == pytest.approx(0.5)
    assert float(exchange_efficiency(100.0, bandwidth_gb_per_s=50.0, steps_per_exchange=10)) == 1.0
    assert float(exchange_efficiency(100.0, bandwidth_gb_per_s=100.0, overlap_frac=0.0)) == pytest.approx(0.5)


def test_bad_inputs_are_named():
    """Proves: every wrong input of a kernel is named in one error."""
    with pytest.raises(ValueError, match=r"n_chips must be > 0.*failures_per_1000_node_days must be > 0"):
        mean_time_between_failures(0, failures_per_1000_node_days=-1)
    with pytest.raises(ValueError, match="spare_frac"):
        estimate_goodput(10, checkpoint_seconds=1, restart_seconds=1, failures_per_1000_node_days=1, spare_frac=1.0)
