"""Instances to match: accounts and rules from the seeded generator in the shared folder, made once and kept.

The generator and its oracle are not part of this repository; their folder is an argument.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

CHUNK = 250_000  # accounts made at a time: the generator holds several columns of Python strings
TEXTS = ("country", "state", "zip", "industry", "products", "tier")
RULE_COLUMNS = (
    "name", "country", "state", "zip", "lat", "lon", "industry", "employees", "revenue", "products", "tier", "score",
)  # fmt: skip


@dataclass(frozen=True)
class Workload:
    """Where the generator lies and where instances are kept."""

    generator: Path
    folder: Path
    seed: int = 1

    def module(self, name: str = "rules_workload") -> ModuleType:
        """Return a module of the generator's folder."""
        path = self.generator / f"{name}.py"
        if not path.is_file():
            raise SystemExit(f"There is no {path}. Name the generator's folder with --workload.")
        if str(self.generator) not in sys.path:
            sys.path.insert(0, str(self.generator))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    def rules(self, n: int, *, seed: int | None = None) -> list[dict[str, Any]]:
        """Return the generator's rules."""
        return list(self.module().rules(n, self.seed if seed is None else seed))

    def model(self, n: int, *, seed: int | None = None) -> Path:
        """Return the path of a model document with ``n`` rules."""
        seed = self.seed if seed is None else seed
        path = self.folder / f"model-{n}-{seed}.json"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            document = self.module("to_document").document(self.rules(n, seed=seed), f"workload-{n}-{seed}")
            path.write_text(json.dumps(document))
        return path

    def accounts(self, n: int, *, seed: int | None = None) -> Path:
        """Return the path of a Parquet file with ``n`` accounts; each chunk has a seed of its own."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        seed = self.seed if seed is None else seed
        path = self.folder / f"accounts-{n}-{seed}.parquet"
        if path.exists():
            return path
        self.folder.mkdir(parents=True, exist_ok=True)
        make, writer, partial = self.module().accounts, None, path.with_suffix(".partial")
        for start in range(0, n, CHUNK):
            table = make(min(CHUNK, n - start), seed + 1_000_003 * (start // CHUNK)).to_arrow()
            ids = pa.array(range(start, start + table.num_rows), pa.int64())
            table = table.set_column(0, "id", ids)
            table = table.cast(pa.schema([_plain(field) for field in table.schema]))
            writer = writer or pq.ParquetWriter(partial, table.schema)
            writer.write_table(table)
        assert writer is not None
        writer.close()
        partial.rename(path)
        return path


def _plain(field: Any) -> Any:
    import pyarrow as pa

    is_text = pa.types.is_large_string(field.type) or field.type == pa.string_view()
    return field.with_type(pa.string()) if is_text else field
