"""Hand-outs: what a plan means for each territory and each manager, to print or to open in a spreadsheet.

A hand-out counts accounts as they are in the book when it is made: its sums are those of the accounts it lists. It says
what is planned; nothing is live before the model is published.
"""

from merestone.app.handout import FORMATS, PAPERS, HandOut
from merestone.app.handouts.choosing import choices
from merestone.app.handouts.making import make
from merestone.app.handouts.writing import file_name, write, write_each

__all__ = ["FORMATS", "PAPERS", "HandOut", "choices", "file_name", "make", "write", "write_each"]
