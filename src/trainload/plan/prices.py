"""What missing power costs: three prices of idle compute, kept apart from each other and from the cost of energy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainload.errors import Note
from trainload.scenario.models import DelayPrices, Scenario

if TYPE_CHECKING:
    from trainload.catalogue.facts import Catalogue

HOURS_OF_SOURCE_YEAR = 8760.0  # the sources state revenue and ownership per year of 8,760 hours at full use
# throughput kept at 80 % and 60 % of GPU power (catalogue: power-cap curve of the operations vectors)
THROUGHPUT_AT_80, THROUGHPUT_AT_60 = 0.9233, 0.8140
BLACKOUT_USD_PER_MWH = 5000.0


@dataclass(frozen=True, slots=True)
class ShedTranche:
    """A part of running load that can be shed, cheapest first.

    Attributes:
        share_frac: of the running facility load.
        compute_lost_frac: compute lost per unit of power shed, where 1 is the mean of the whole load.
    """

    name: str
    share_frac: float
    usd_per_mwh: float
    compute_lost_frac: float


@dataclass(frozen=True, slots=True)
class IdlePrices:
    """Prices of idle compute, per MWh of IT load.

    Attributes:
        programme_usd_per_mwh: (a) wanted compute without power, chips not delivered.
        idle_chip_usd_per_mwh: (b) on top of (a) where chips are delivered and stand idle.
        tranches: (c) curtailment of running load, per MWh at the campus meter; they cover the whole load.
    """

    programme_usd_per_mwh: float
    idle_chip_usd_per_mwh: float
    tranches: tuple[ShedTranche, ...]
    notes: tuple[Note, ...]


def price_idle_compute(scenario: Scenario, catalogue: "Catalogue", *, it_share_frac: float) -> IdlePrices:
    """Return the three prices of idle compute.

    (a) = (AI-cloud revenue - cost of ownership) per GW-year; (b) = annualised servers per GW-year; (c) each tranche
    loses ``compute_lost_frac`` of the mean compute per MWh, worth (a) + (b).

    Args:
        scenario: its `delay` section overrides any of the three.
        catalogue: prices ai_cloud_revenue, dc_tco and servers_annual, USD per MW of IT and year.
        it_share_frac: IT load over facility load, to turn a price per MWh of IT into one at the campus meter.
    """
    settings = scenario.delay
    notes = []
    programme = settings.programme_usd_per_mwh
    if programme is None:
        revenue, ownership = catalogue.prices["ai_cloud_revenue"], catalogue.prices["dc_tco"]
        programme = (revenue.value - ownership.value) / HOURS_OF_SOURCE_YEAR
        notes.append(
            Note(
                "delay.programme_usd_per_mwh",
                f"{programme:.0f} USD per MWh of IT load: revenue of an AI cloud less ownership (grade C, yours to "
                "set). At zero the cheapest plan is never to build.",
                "default",
            )
        )
    elif programme == 0.0:
        notes.append(
            Note(
                "delay.programme_usd_per_mwh",
                "is zero: nothing is lost by waiting, so the cheapest plan is never to build.",
                "warning",
            )
        )
    idle = settings.idle_chip_usd_per_mwh
    if idle is None:
        idle = catalogue.prices["servers_annual"].value / HOURS_OF_SOURCE_YEAR
        notes.append(
            Note(
                "delay.idle_chip_usd_per_mwh",
                f"{idle:.0f} USD per MWh of IT load: annualised servers (grade A source, use C).",
                "default",
            )
        )
    tranches = _make_tranches(settings, value_usd_per_mwh=(programme + idle) * it_share_frac)
    return IdlePrices(programme, idle, tranches, tuple(notes))


def _make_tranches(settings: DelayPrices, *, value_usd_per_mwh: float) -> tuple[ShedTranche, ...]:
    """Return the tranches that together cover the whole load, cheapest first."""
    if settings.tranches is not None:
        flexible = 1.0 - settings.idle_floor_frac
        own = [
            ShedTranche(name, t.share_frac * flexible, t.usd_per_mwh, t.compute_lost_frac)
            for name, t in settings.tranches.items()
        ]
        covered = sum(t.share_frac for t in own)
        own.sort(key=lambda t: t.usd_per_mwh)
        last = max([BLACKOUT_USD_PER_MWH, *(2 * t.usd_per_mwh for t in own)])
        return (*own, ShedTranche("blackout", max(1.0 - covered, 0.0) + 1e-6, last, 0.0))
    step = 0.2 * settings.gpu_share_frac
    pause = max(1.0 - settings.idle_floor_frac - 2 * step, 1e-6)
    losses = (1.0 - THROUGHPUT_AT_80, THROUGHPUT_AT_80 - THROUGHPUT_AT_60, THROUGHPUT_AT_60)
    parts = [
        ShedTranche(name, share, value_usd_per_mwh * loss / share, loss / share)
        for name, share, loss in zip(("cap_80", "cap_60", "pause"), (step, step, pause), losses, strict=True)
    ]
    last = max(BLACKOUT_USD_PER_MWH, 2 * parts[-1].usd_per_mwh)
    # a millionth more than the load, so that rounding can't make an hour infeasible
    return (*parts, ShedTranche("blackout", settings.idle_floor_frac + 1e-6, last, 0.0))
