"""What the demo company sells: about thirty products in five families."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """A product family: how deals in it look.

    Parameters
    ----------
    share : float
        Relative number of deals.
    units, spread : float
        Median number of units in a deal and the spread of its logarithm.
    cycle_days : int
        Median length of its sales cycle.
    """

    name: str
    share: float
    units: float
    spread: float
    cycle_days: int


FAMILIES = (
    Family("Spectrometers", 0.20, 1.1, 0.35, 95),
    Family("Chromatography", 0.18, 1.1, 0.35, 85),
    Family("Flow meters", 0.24, 4.0, 0.75, 60),
    Family("Sensors", 0.24, 14.0, 0.80, 42),
    Family("Services", 0.14, 1.3, 0.45, 32),
)

# (sku, name, family, list price in cents)
PRODUCTS = (
    ("SP-100", "Lumen 100 UV-Vis spectrometer", "Spectrometers", 1_895_000),
    ("SP-200", "Lumen 200 FTIR spectrometer", "Spectrometers", 4_640_000),
    ("SP-300", "Lumen 300 Raman spectrometer", "Spectrometers", 8_975_000),
    ("SP-400", "Lumen 400 X-ray fluorescence", "Spectrometers", 6_420_000),
    ("SP-500", "Lumen 500 ICP optical emission", "Spectrometers", 11_850_000),
    ("SP-050", "Lumen Go handheld Raman", "Spectrometers", 2_790_000),
    ("CH-100", "Strata 100 gas chromatograph", "Chromatography", 3_985_000),
    ("CH-200", "Strata 200 liquid chromatograph", "Chromatography", 5_760_000),
    ("CH-300", "Strata 300 ion chromatograph", "Chromatography", 4_425_000),
    ("CH-400", "Strata MS single quadrupole", "Chromatography", 12_900_000),
    ("CH-500", "Strata Prep purification system", "Chromatography", 7_250_000),
    ("CH-010", "Strata autosampler", "Chromatography", 1_480_000),
    ("FL-100", "Rill 100 magnetic flow meter", "Flow meters", 285_000),
    ("FL-200", "Rill 200 Coriolis flow meter", "Flow meters", 745_000),
    ("FL-300", "Rill 300 ultrasonic flow meter", "Flow meters", 412_500),
    ("FL-400", "Rill 400 thermal mass flow meter", "Flow meters", 368_000),
    ("FL-500", "Rill 500 vortex flow meter", "Flow meters", 324_900),
    ("FL-010", "Rill Micro flow controller", "Flow meters", 198_500),
    ("SE-100", "Poise pH sensor", "Sensors", 48_900),
    ("SE-110", "Poise conductivity sensor", "Sensors", 54_500),
    ("SE-120", "Poise dissolved oxygen sensor", "Sensors", 89_000),
    ("SE-130", "Poise turbidity sensor", "Sensors", 116_000),
    ("SE-140", "Poise pressure transmitter", "Sensors", 73_250),
    ("SE-150", "Poise temperature transmitter", "Sensors", 39_900),
    ("SE-160", "Poise total organic carbon probe", "Sensors", 268_000),
    ("SV-100", "Calibration service", "Services", 380_000),
    ("SV-110", "Preventive maintenance plan", "Services", 620_000),
    ("SV-120", "Full-cover service contract", "Services", 1_140_000),
    ("SV-130", "Instrument qualification (IQ/OQ)", "Services", 475_000),
    ("SV-140", "Operator training", "Services", 265_000),
)
