"""The industries the demo sells to, with real six-digit NAICS codes, and how large and thirsty their firms are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Industry:
    """One industry.

    Parameters
    ----------
    naics, label : str
        Six-digit code and the words on the screen.
    share : float
        Relative number of accounts.
    employees : int
        Median size.
    potential : int
        Median potential of a median firm, dollars a year.
    revenue_per_head : int
        Dollars a year.
    nouns : tuple of str
        What its firms call themselves.
    families : tuple of str
        Product families they buy most.
    """

    naics: str
    label: str
    share: float
    employees: int
    potential: int
    revenue_per_head: int
    nouns: tuple[str, ...]
    families: tuple[str, ...]


_SPEC, _FLOW, _SENSE, _CHROM, _SERVICE = (
    "Spectrometers",
    "Flow meters",
    "Sensors",
    "Chromatography",
    "Services",
)

INDUSTRIES = (
    Industry("325412", "Pharmaceutical preparations", 5.0, 160, 62_000, 420_000, ("Pharma", "Therapeutics", "Medicines"), (_CHROM, _SPEC)),
    Industry("325414", "Biological products", 2.2, 90, 55_000, 380_000, ("Biologics", "Biosciences", "Vaccines"), (_CHROM, _SPEC)),
    Industry("325413", "In-vitro diagnostics", 1.4, 85, 38_000, 340_000, ("Diagnostics", "Assays"), (_SPEC, _CHROM)),
    Industry("541714", "Biotechnology research", 4.2, 45, 44_000, 260_000, ("Biolabs", "Genomics", "Bioworks"), (_CHROM, _SPEC)),
    Industry("541715", "Physical and engineering research", 3.0, 60, 36_000, 230_000, ("Research", "Applied Sciences", "Laboratories"), (_SPEC, _SENSE)),
    Industry("541380", "Testing laboratories", 4.8, 35, 30_000, 150_000, ("Testing", "Analytical", "Assay Labs"), (_CHROM, _SPEC)),
    Industry("334413", "Semiconductors", 2.2, 240, 70_000, 410_000, ("Semiconductor", "Microdevices", "Wafer"), (_SPEC, _FLOW)),
    Industry("334516", "Analytical instruments", 1.0, 80, 16_000, 290_000, ("Optics", "Photonics"), (_SENSE, _SPEC)),
    Industry("336411", "Aircraft", 0.8, 400, 42_000, 380_000, ("Aerostructures", "Aviation"), (_SENSE, _SPEC)),
    Industry("336390", "Motor vehicle parts", 2.6, 180, 22_000, 300_000, ("Driveline", "Auto Parts", "Castings"), (_SENSE, _FLOW)),
    Industry("339112", "Surgical and medical instruments", 2.4, 95, 24_000, 310_000, ("Medical Devices", "Surgical"), (_SENSE, _SPEC)),
    Industry("622110", "General hospitals", 6.0, 620, 46_000, 165_000, ("Regional Hospital", "Medical Center", "Community Hospital"), (_CHROM, _SENSE)),
    Industry("621511", "Medical laboratories", 3.6, 55, 34_000, 170_000, ("Clinical Labs", "Pathology"), (_CHROM, _SPEC)),
    Industry("611310", "Universities", 4.4, 900, 58_000, 140_000, ("University", "State College", "Polytechnic"), (_SPEC, _CHROM)),
    Industry("611210", "Junior colleges", 1.8, 260, 9_000, 110_000, ("Community College", "Technical College"), (_SPEC, _SENSE)),
    Industry("923120", "Public health administration", 1.6, 120, 17_000, 120_000, ("Public Health Lab", "Health Department"), (_CHROM, _SPEC)),
    Industry("924110", "Environmental administration", 1.4, 80, 15_000, 130_000, ("Environmental Agency", "Air Quality District"), (_SPEC, _SENSE)),
    Industry("221310", "Water supply", 6.2, 70, 23_000, 260_000, ("Water Authority", "Water Works", "Water District"), (_FLOW, _SENSE)),
    Industry("221320", "Sewage treatment", 3.2, 45, 18_000, 220_000, ("Sanitary District", "Wastewater Authority"), (_FLOW, _SENSE)),
    Industry("221112", "Fossil-fuel power", 1.4, 110, 31_000, 900_000, ("Power", "Generating"), (_FLOW, _SENSE)),
    Industry("221210", "Natural gas distribution", 1.2, 130, 27_000, 850_000, ("Gas Utility", "Gas Distribution"), (_FLOW, _SENSE)),
    Industry("211120", "Crude petroleum extraction", 1.2, 75, 33_000, 1_100_000, ("Petroleum", "Oilfield"), (_FLOW, _SENSE)),
    Industry("324110", "Petroleum refineries", 0.9, 380, 120_000, 2_400_000, ("Refining", "Petroleum Works"), (_FLOW, _CHROM)),
    Industry("486210", "Gas pipelines", 0.7, 90, 40_000, 1_200_000, ("Pipeline", "Gas Transmission"), (_FLOW, _SENSE)),
    Industry("325110", "Petrochemicals", 1.0, 210, 95_000, 1_500_000, ("Petrochemical", "Olefins"), (_FLOW, _CHROM)),
    Industry("325199", "Organic chemicals", 2.2, 95, 48_000, 620_000, ("Chemical", "Organics", "Specialties"), (_CHROM, _FLOW)),
    Industry("325211", "Plastics and resins", 1.8, 110, 34_000, 560_000, ("Polymers", "Resins"), (_SPEC, _FLOW)),
    Industry("325620", "Toilet preparations", 1.0, 75, 17_000, 350_000, ("Cosmetics", "Personal Care"), (_CHROM, _SENSE)),
    Industry("311421", "Fruit and vegetable canning", 1.4, 120, 15_000, 320_000, ("Canning", "Preserves"), (_SENSE, _FLOW)),
    Industry("311511", "Fluid milk", 1.6, 110, 19_000, 430_000, ("Dairy", "Creamery"), (_FLOW, _SENSE)),
    Industry("311812", "Commercial bakeries", 2.0, 85, 9_500, 210_000, ("Bakeries", "Baking"), (_SENSE, _SERVICE)),
    Industry("311612", "Meat processing", 1.8, 190, 14_000, 340_000, ("Meats", "Packing"), (_SENSE, _CHROM)),
    Industry("311352", "Chocolate confectionery", 0.8, 55, 8_000, 220_000, ("Confectionery", "Chocolate"), (_SENSE, _SERVICE)),
    Industry("312111", "Soft drinks", 1.2, 105, 17_000, 390_000, ("Beverages", "Bottling"), (_FLOW, _SENSE)),
    Industry("312120", "Breweries", 4.6, 28, 7_500, 240_000, ("Brewing", "Brewery", "Beer Works"), (_FLOW, _SENSE)),
    Industry("312130", "Wineries", 2.4, 22, 6_500, 230_000, ("Vineyards", "Cellars", "Winery"), (_CHROM, _SENSE)),
    Industry("312140", "Distilleries", 1.4, 24, 8_500, 280_000, ("Distilling", "Distillery"), (_CHROM, _FLOW)),
    Industry("322121", "Paper mills", 0.9, 260, 29_000, 520_000, ("Paper", "Paperboard"), (_FLOW, _SENSE)),
    Industry("331110", "Iron and steel mills", 0.9, 320, 33_000, 640_000, ("Steel", "Steelworks"), (_SPEC, _SENSE)),
    Industry("327310", "Cement", 0.8, 95, 21_000, 480_000, ("Cement", "Lime & Cement"), (_SPEC, _FLOW)),
    Industry("212221", "Gold ores", 0.5, 120, 24_000, 600_000, ("Mining", "Minerals"), (_SPEC, _FLOW)),
    Industry("562211", "Hazardous waste treatment", 1.0, 60, 16_000, 260_000, ("Environmental", "Remediation"), (_CHROM, _SPEC)),
)  # fmt: skip

LIFE_SCIENCE = ("3254", "5417")
WATER_AND_FOOD = ("2213", "3113", "3114", "3115", "3116", "3118", "3121")
