"""Words for names. Every company and person is made up by combining them; all addresses use reserved names."""

# ruff: noqa: SIM905 (a line of words reads better than a column of quotes)
from __future__ import annotations

STEM_HEADS = tuple(
    "Aldis Arren Bexal Brann Calven Corvel Dunmar Elowen Ferrin Galdor Harlen Iverd Jorren Kelvan Lorven Marrow "
    "Nethen Orrin Pellow Quorn Rennal Sorrel Tamsen Ulven Varrow Wexen Yarrow Zellen Ostrel Brindle Cressel Dovrin "
    "Emberl Fallow Gressen Hollen Istren Junnel Kestel Lynder".split()
)
STEM_TAILS = tuple(
    "brook crest dale fall field ford gate grove haven hollow lake mark mere moor pass point reach ridge rock side "
    "spring stead vale water well wick wood worth".split()
)
LEGAL_FORMS = ("Inc.", "LLC", "Corp.", "Co.", "Group", "Company", "Partners", "")
PUBLIC_SECTORS = ("22", "61", "62", "92")  # no legal form behind these names

FIRST_NAMES = tuple(
    "Aaliyah Adaeze Aiko Alejandra Amara Amir Ana Anders Anika Arjun Astrid Ayesha Beatriz Bilal Bram Camille Carlos "
    "Chen Chidi Clara Dalia Dana Daniel Deepa Diego Dmitri Ebony Elena Elias Emeka Emma Esra Fatima Femi Finn Gabriela "
    "Giulia Grace Hana Hassan Hector Hiro Ida Imani Ingrid Isaac Isabel Ivan Jamal Jana Jorge Josefina Jun Kai Karina "
    "Keisha Kofi Lakshmi Lars Leila Lena Liam Linh Lucia Luis Maeve Malik Marta Mateo Mei Mina Miriam Nadia Naomi Nikhil "
    "Noor Nuria Oksana Olu Omar Paolo Pedro Petra Priya Rafael Rania Rashid Rosa Ruth Samir Sana Sean Sofia Soren Tamara "
    "Tariq Teresa Thandi Tomas Uma Viktor Wei Ximena Yara Yusuf Zainab Zofia".split()
)
LAST_NAMES = tuple(
    "Abara Adeyemi Aguilar Ahmadi Albrecht Almeida Andersen Arroyo Banerjee Barros Bekele Bergstrom Bianchi Boateng Bui "
    "Calloway Cardoso Castell Chaudhry Cho Colebrook Contreras Dang Deluca Demir Diallo Dubois Dupree Eklund Escobar "
    "Fairbairn Farouk Ferreira Fofana Fontaine Fujita Galvez Ganesan Garrity Gorski Greenlaw Haddad Hallberg Hargrove "
    "Hashimoto Hidalgo Holloway Huang Ibarra Idowu Ishikawa Iyer Jansson Jaramillo Joubert Kamara Kapoor Karlsen Khatri "
    "Kimura Kowal Kravets Lachance Lindqvist Lombard Lozano Mabry Maddox Mahlaba Marchetti Mbuyi Mendoza Menon Mirza "
    "Moreau Nakata Navarro Ndiaye Nguyen Novotny Nwosu Obrecht Okafor Olawale Orozco Osei Pacheco Paik Pastor Petrov "
    "Pham Quintero Qureshi Rahimi Ramsey Rao Redfern Rosario Sandoval Sato Schreiber Sesay Shirazi Sikora Solberg Sousa "
    "Tanaka Tesfaye Thibault Toledo Tran Uribe Valente Vargas Vasquez Villanueva Wachira Weatherby Whitlock Wojcik Xu "
    "Yamada Yilmaz Zaman Zhou Zielinski".split()
)

STREETS = tuple(
    "Alder Birch Canal Cedar Commerce Depot Elm Foundry Garden Harbor Industrial Juniper Kiln Laurel Maple Market Mill "
    "Oak Orchard Park Pine Quarry Railroad River Spring Station Summit Technology Union Walnut".split()
)
STREET_KINDS = ("Street", "Avenue", "Road", "Drive", "Boulevard", "Way")

TITLES = (
    "Laboratory Manager", "Plant Engineer", "Procurement Manager", "Quality Manager", "Head of Analytical Sciences",
    "Maintenance Supervisor", "Instrumentation Engineer", "Director of Operations", "Research Scientist", "Buyer",
    "Process Engineer", "Facilities Director", "Metrology Lead", "Vice President, Manufacturing",
)  # fmt: skip
DECIDES = frozenset(
    {
        "Procurement Manager", "Director of Operations", "Head of Analytical Sciences", "Facilities Director",
        "Vice President, Manufacturing",
    }
)  # fmt: skip
