"""Power kernels: named definitions' parts, power caps, cooling."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainload.demand.power import (
    clock_at_power,
    compute_at_load,
    cooling_ratio,
    decimal_year,
    node_load,
    pue_at,
    throughput_at_power,
)

# power cap, clock, throughput, energy per token, all per unit
CAPS = [
    (1, 1.0, 1.0, 1.0),
    (0.95, 0.9756, 0.9828, 0.9666),
    (0.9, 0.9499, 0.9644, 0.9332),
    (0.85, 0.9228, 0.9446, 0.8998),
    (0.825, 0.9086, 0.9342, 0.8831),
    (0.808, 0.8986, 0.9268, 0.8718),
    (0.8, 0.8939, 0.9233, 0.8665),
    (0.75, 0.8631, 0.9, 0.8333),
    (0.7, 0.8298, 0.8745, 0.8005),
    (0.6, 0.7539, 0.814, 0.7371),
    (0.5, 0.6586, 0.7338, 0.6814),
]


@pytest.mark.parametrize(("power", "clock", "throughput", "energy"), CAPS)
def test_power_cap_vectors(power, clock, throughput, energy):
    """Proves: the cap curve matches its reference vectors to their printed digits.

    If broken: a linear curve keeps 80 % of throughput at 80 % power instead of 92 %.
    """
    assert float(clock_at_power(power)) == pytest.approx(clock, abs=6e-5)
    assert float(throughput_at_power(power)) == pytest.approx(throughput, abs=6e-5)
    assert power / float(throughput_at_power(power)) == pytest.approx(energy, abs=6e-5)


def test_power_cap_against_measurements():
    """Proves: the curve is within 4 points of what was measured on V100 (0.936 at 0.808) and B200 (0.97 at 0.8245).

    If broken: proportional throughput would be 13 points off.
    """
    assert float(throughput_at_power(0.808)) == pytest.approx(0.9363, abs=0.04)
    assert float(throughput_at_power(0.8245)) == pytest.approx(0.97, abs=0.04)


def test_compute_at_load_by_hand():
    """Proves: 87 % of load is an 80 % cap on the chips (65 % of load) and keeps 92 %; the floor keeps nothing.

    Below the lowest cap (load 0.675) half-way to the idle floor keeps half. If broken: compute falls with load 1:1.
    """
    got = compute_at_load(np.array([1.0, 0.87, 0.675, 0.4875, 0.3, 0.0]))
    np.testing.assert_allclose(got, [1.0, 0.9233, 0.7338, 0.3669, 0.0, 0.0], atol=6e-5)


@given(st.floats(0.3, 0.9), st.floats(0.0, 0.35))
def test_compute_at_load_is_concave_and_rising(gpu_share, floor):
    """Proves: more power never gives less compute, and the first MW shed costs least (tranches need no integers).

    If broken: the plan would shed in the wrong order.
    """
    x = np.linspace(floor, 1.0, 200)
    y = compute_at_load(x, gpu_share_frac=gpu_share, idle_floor_frac=floor)
    assert np.all(np.diff(y) >= -1e-12)
    assert np.all(np.diff(y, 2) <= 1e-6)


def test_pue_rule():
    """Proves: 1.1401 in 2018.33, 1.0836 in mid-2024, and the floor later on.

    If broken: below 1 from 2033.
    """
    np.testing.assert_allclose(pue_at(np.array([2018.33, 2024.56, 2040.0])), [1.1401, 1.0836, 1.05], atol=5e-5)
    assert decimal_year(date(2024, 7, 2)) == pytest.approx(2024.5, abs=1e-3)
    assert decimal_year(date(2024, 12, 31)) < 2025


def test_node_load_is_calibrated_and_flat():
    """Proves: 76 % of rating at a utilisation of 0.40; half the utilisation draws 19 % less power, not half.

    If broken: power proportional to utilisation.
    """
    np.testing.assert_allclose(node_load([0.4, 0.2, 1.0]), [0.76, 0.76 * 0.5**0.3, 1.0])
    with pytest.raises(ValueError, match="utilisation_frac"):
        node_load(0.0)


def test_cooling_keeps_annual_mean_and_peak_apart():
    """Proves: over a sine-shaped year the mean ratio is the annual PUE and the hottest hour the peak ratio.

    If broken: a substation sized by annual PUE is 14 % too small, an energy bill by the peak ratio as much too high.
    """
    hours = np.arange(8760)
    t = 15 + 10 * np.sin(2 * np.pi * (hours - 2500) / 8760) + 6 * np.sin(2 * np.pi * hours / 24)
    ratio = cooling_ratio(t, pue_annual=1.08, peak_to_it=1.25)
    assert ratio.mean() == pytest.approx(1.08, abs=1e-9)
    assert ratio.max() == pytest.approx(1.25)
    assert ratio[t < 10].max() == pytest.approx(1.056)
    assert np.all(np.diff(ratio[np.argsort(t)]) >= -1e-12)


def test_cooling_says_when_mean_and_peak_do_not_fit():
    """Proves: an impossible pair is an error that names the possible range, and a cold place has its annual PUE."""
    hot = np.full(8760, 40.0)
    with pytest.raises(ValueError, match="is possible"):
        cooling_ratio(hot, pue_annual=1.08, peak_to_it=1.25)
    with pytest.raises(ValueError, match="must hold"):
        cooling_ratio(hot, pue_annual=1.3, peak_to_it=1.25)
    np.testing.assert_allclose(cooling_ratio(np.full(4, 5.0), pue_annual=1.1, peak_to_it=1.25), 1.1)
