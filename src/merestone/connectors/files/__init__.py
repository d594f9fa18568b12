"""CSV, Excel, Parquet, JSON and model documents: hostile files in, safe files out."""

from merestone.connectors.files.local import LocalFiles

__all__ = ["LocalFiles"]
