"""Hand-outs as files: PDF with vector maps, and workbooks."""

from merestone.connectors.handouts.files import HandOutWriter

__all__ = ["HandOutWriter"]
