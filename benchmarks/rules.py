"""Benchmarks of the rules engine: ``python benchmarks/rules.py [--quick] [--json FILE] [--only PIECE …]``.

Every number is a median of five, next to a peer measured in the same child process, in turns. ``--quick`` runs every
piece at toy size to see that it works; its numbers mean nothing. ``README.md`` says what each line compares.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import itertools
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import (
    REPEATS,
    Row,
    answer,
    as_json,
    compare,
    in_turns,
    limit,
    machine,
    median,
    peak_of,
    run_child,
    table,
    timed,
)  # fmt: skip
from workload import RULE_COLUMNS, TEXTS, Workload

HERE = Path(__file__).resolve()
PACKAGES = ("merestone", "duckdb", "numba", "numpy", "pyarrow", "polars", "zen-engine")
MAX_THREADS = 2


@dataclass(frozen=True)
class Sizes:
    """How large the instances are."""

    large: int = 5_000_000
    medium: int = 1_000_000
    small: int = 100_000
    few: int = 1_000
    many: int = 10_000
    changed_rules: int = 10
    changed_accounts: int = 1_000
    online: int = 2_000
    online_peer: int = 60
    seeds: int = 20
    seed_accounts: int = 20_000
    seed_rules: int = 300
    oracle: int = 200


QUICK = Sizes(4_000, 2_000, 1_000, 40, 80, 3, 20, 40, 10, 2, 500, 40, 30)


# --- pieces: each runs in a child ---------------------------------------------------------------------------------------


def _document(path: Path) -> Any:
    from merestone.core.rules import read_document

    return read_document(json.loads(path.read_bytes()))


def _ruleset(path: Path) -> Any:
    from merestone.core.rules import compile_ruleset

    return compile_ruleset(_document(path))


def _table(path: Path, columns: tuple[str, ...] = ("id", *RULE_COLUMNS)) -> Any:
    """Return a Parquet file in memory; words that repeat come as codes into their words, as the file keeps them."""
    import pyarrow.parquet as pq

    return pq.read_table(path, columns=list(columns), read_dictionary=list(TEXTS))


def _parts(rows: Any) -> list[Any]:
    from merestone.engines.kernel.compiled import BATCH_ROWS

    return [rows.slice(start, BATCH_ROWS) for start in range(0, rows.num_rows, BATCH_ROWS)]


def _everywhere(work: Callable[[Any], Any], parts: list[Any], threads: int) -> list[Any]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))


def kernel(work: Workload, _: Sizes, *, accounts: int, rules: int) -> dict[str, Any]:
    """Kernel alone, encoding and kernel, and both from the file, next to DuckDB's scan of the file."""
    import peers

    from merestone.engines.kernel import KernelMatcher

    threads = min(MAX_THREADS, os.cpu_count() or 1)
    path = work.accounts(accounts)
    compiled = KernelMatcher().compile(_ruleset(work.model(rules)))
    parts = _parts(_table(path))
    encoded = _everywhere(compiled.encode, parts, threads)

    def run_kernel() -> None:
        _everywhere(lambda pair: compiled.winners_of(*pair), list(zip(encoded, parts, strict=True)), threads)

    def run_both() -> None:
        _everywhere(lambda part: compiled.winners_of(compiled.encode(part), part), parts, threads)

    def run_file() -> None:
        fresh = _parts(_table(path))
        _everywhere(lambda part: compiled.winners_of(compiled.encode(part), part), fresh, threads)

    scan, hashing = peers.scan(path, threads=threads), peers.hashing_scan(path, threads=threads)
    names = ("scan", "kernel", "both", "file", "hashing")
    seconds = in_turns(scan, run_kernel, run_both, run_file, hashing)
    return {name: median(taken) for name, taken in zip(names, seconds, strict=True)} | {
        f"all_{name}": taken for name, taken in zip(names, seconds, strict=True)
    }


def _program() -> str:
    return str(Path(sys.executable).with_name("merestone"))


def command(work: Workload, sizes: Sizes) -> dict[str, Any]:
    """Run the whole program against a program that reads and writes the same with DuckDB."""
    import peers

    accounts, model = work.accounts(sizes.medium), work.model(sizes.few)
    threads = str(min(MAX_THREADS, os.cpu_count() or 1))
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours.parquet"), Path(folder, "theirs.parquet")
        match = [_program(), "match", "--rules", model, "--records", accounts, "--out", ours, "--json"]
        copy = [sys.executable, "-c", peers.COPY, accounts, theirs, ",".join(RULE_COLUMNS), threads]
        run = functools.partial(subprocess.run, check=True, stdout=subprocess.DEVNULL)
        seconds = in_turns(lambda: run(match), lambda: run(copy))
    return {"ours": median(seconds[0]), "peer": median(seconds[1]), "all": seconds}


def sqlite(work: Workload, sizes: Sizes) -> dict[str, Any]:
    """One UPDATE per rule in SQLite against everything of ours: document, check, index, file, winners."""
    import peers
    import polars as pl

    from merestone.engines.kernel import KernelMatcher

    path, model = work.accounts(sizes.small), work.model(sizes.few)
    module, rules = work.module(), work.rules(sizes.few)
    oracle = module.Oracle(rules)
    order = sorted((rule["id"] for rule in rules), key=oracle.order_key)
    peer = peers.Sqlite(pl.read_parquet(path), rules, order)

    def run_ours() -> Any:
        _forget()
        return KernelMatcher().compile(_ruleset(model)).winners(_table(path))

    (ours, theirs) = in_turns(run_ours, peer.run)
    found = [None if key is None else int(key[1:]) for key in run_ours().to_pylist()]
    wrong = sum(one != other for one, other in zip(found, peer.winners(), strict=True))
    return {"ours": median(ours), "peer": median(theirs), "all": [ours, theirs], "differences": wrong}


def _forget() -> None:
    """Drop the trees of criteria kept in the process, so that a document is read as if for the first time."""
    sys.modules["merestone.core.criteria.parse"]._KEPT.__init__()  # type: ignore[attr-defined]


def online(work: Workload, sizes: Sizes, *, rules: int) -> dict[str, Any]:
    """One record at a time, next to ZEN's decision table written in two ways."""
    import peers
    import polars as pl

    from merestone.engines.kernel import KernelMatcher

    written = work.rules(rules)
    oracle = work.module().Oracle(written)
    order = sorted((rule["id"] for rule in written), key=oracle.order_key)
    records = pl.read_parquet(work.accounts(sizes.small)).head(sizes.online).to_dicts()
    compiled = KernelMatcher().compile(_ruleset(work.model(rules)))
    few = records[: sizes.online_peer]
    result: dict[str, Any] = {}
    ours_key = lambda record: compiled.winner(record)  # noqa: E731
    expected = [None if (key := ours_key(record)) is None else int(key[1:]) for record in few]
    for way in ("cells", "expression"):
        zen = peers.Zen(written, order, way=way)
        fed = [peers.zen_record(record) for record in few]
        found = [zen.winner(record) for record in fed]
        result[f"differences_{way}"] = sum(a != b for a, b in zip(found, expected, strict=True))
        ours, theirs = in_turns(
            lambda: [ours_key(record) for record in records],
            lambda zen=zen, fed=fed: [zen.winner(record) for record in fed],
        )
        result[way] = median(theirs) / len(few)
        result["ours"] = min(result.get("ours", math.inf), median(ours) / len(records))
    right = [result[way] for way in ("cells", "expression") if not result[f"differences_{way}"]]
    if not right:
        raise SystemExit(
            "ZEN's winners are not the oracle's in either way of writing; a wrong answer is no peer."
        )
    return result | {"peer": min(right)}


def changes(work: Workload, sizes: Sizes) -> dict[str, Any]:
    """Ten changed rules, and a thousand changed accounts, next to the full run they spare."""
    from merestone.core.rules import compile_ruleset
    from merestone.engines.kernel import KernelMatcher

    document = _document(work.model(sizes.many))
    rows = _table(work.accounts(sizes.medium))
    matcher, old = KernelMatcher(), compile_ruleset(document)
    compiled = matcher.compile(old)
    rng = random.Random(work.seed)
    leaves = [n for n, node in enumerate(document.territories) if node.parent is not None]

    def variants() -> Iterator[Any]:
        while True:
            nodes = list(document.territories)
            for place in rng.sample(leaves, sizes.changed_rules):
                where = f"({nodes[place].where}) and score >= {rng.randrange(20, 80)}"
                nodes[place] = replace(nodes[place], where=where)
            yield compile_ruleset(replace(document, territories=tuple(nodes)))

    made = variants()
    fresh = [next(made) for _ in range(REPEATS + 1)]
    chosen = rows.take(sorted(rng.sample(range(rows.num_rows), sizes.changed_accounts)))
    full, rules, accounts = in_turns(
        lambda: compiled.match(rows),
        lambda: matcher.rematch(old, fresh.pop(), rows),
        lambda: compiled.match(chosen),
    )
    return {"full": median(full), "rules": median(rules), "accounts": median(accounts)}


def compiling(work: Workload, sizes: Sizes, *, folder: str) -> dict[str, Any]:
    """From the bytes of the document to rules made ready, in a fresh process; kept in ``folder`` for the next."""
    import merestone.engines.kernel.compiled  # numba, which takes a second, outside the clock
    from merestone.core.rules import compile_ruleset, read_document
    from merestone.engines.kernel import KernelMatcher

    path = work.model(sizes.many)
    matcher, steps = KernelMatcher(Path(folder)), [time.perf_counter()]
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    compiled = matcher.kept(digest)
    if compiled is None:
        data = json.loads(content)
        steps.append(time.perf_counter())
        document = read_document(data)
        steps.append(time.perf_counter())
        ruleset = compile_ruleset(document)
        steps.append(time.perf_counter())
        compiled = matcher.compile(ruleset, digest=digest)
    steps.append(time.perf_counter())
    return {
        "seconds": steps[-1] - steps[0],
        "steps": [b - a for a, b in itertools.pairwise(steps)],
        "was_kept": len(steps) == 2,
        "engine": merestone.engines.kernel.compiled.__name__,
    }


def memory(work: Workload, sizes: Sizes) -> dict[str, Any]:
    """The most memory the whole program holds, its reading child included."""
    with tempfile.TemporaryDirectory() as folder:
        match = ["match", "--rules", work.model(sizes.many), "--records", work.accounts(sizes.large)]
        target = Path(folder, "out.parquet")
        seconds, peak = peak_of([_program(), *map(str, match), "--out", str(target), "--json"])
    return {"seconds": seconds, "peak_mb": peak}


def differences(work: Workload, sizes: Sizes, *, seed: int) -> dict[str, Any]:
    """Rows on which kernel, DuckDB engine, one record at a time, and the oracle do not agree."""
    import polars as pl

    from merestone.engines.duckdb import DuckdbMatcher
    from merestone.engines.kernel import KernelMatcher

    path = work.accounts(sizes.seed_accounts, seed=seed)
    ruleset = _ruleset(work.model(sizes.seed_rules, seed=seed))
    rows, compiled = _table(path), KernelMatcher().compile(ruleset)
    ours = compiled.match(rows).drop_columns(["id"]).to_pylist()
    theirs = DuckdbMatcher().compile(ruleset).match(rows).drop_columns(["id"]).to_pylist()
    oracle = work.module().Oracle(work.rules(sizes.seed_rules, seed=seed))
    sample = pl.read_parquet(path).head(sizes.oracle).to_dicts()
    expected = [None if (n := oracle.winner(record)) is None else f"t{n:06d}" for record in sample]
    winners = [row["territory"] for row in ours]
    return {
        "engines": sum(one != other for one, other in zip(ours, theirs, strict=True)),
        "oracle": sum(one != other for one, other in zip(winners[: len(expected)], expected, strict=True)),
        "online": sum(
            compiled.winner(record) != winner for record, winner in zip(sample, winners, strict=False)
        ),
        "rows": len(ours),
        "sampled": len(expected),
    }


PIECES: dict[str, Callable[..., dict[str, Any]]] = {
    piece.__name__: piece
    for piece in (kernel, command, sqlite, online, changes, compiling, memory, differences)
}


# --- the table --------------------------------------------------------------------------------------------------------


@dataclass
class Bench:
    """Runs pieces in children and turns what they measured into rows."""

    workload: Workload
    sizes: Sizes
    is_quick: bool

    def __post_init__(self) -> None:
        self.pieces: dict[str, Any] = {}

    def piece(self, name: str, label: str = "", **arguments: Any) -> dict[str, Any]:
        """Run one piece in a child process."""
        where = {
            "generator": str(self.workload.generator),
            "folder": str(self.workload.folder),
            "seed": self.workload.seed,
        }
        start = time.perf_counter()
        result = run_child(HERE, name, {"workload": where, "quick": self.is_quick, "arguments": arguments})
        shown = f"{name} {label or arguments or ''}"
        told = {
            name: float(f"{value:.3g}") for name, value in result.items() if isinstance(value, int | float)
        }
        sys.stderr.write(f"{shown}: {told}, {time.perf_counter() - start:.0f} s in all\n")
        self.pieces[shown.strip()] = result
        return result

    def prepare(self) -> None:
        """Make every instance before the clock runs."""
        for n in (self.sizes.small, self.sizes.medium, self.sizes.large):
            self.workload.accounts(n)
        for n in (self.sizes.few, self.sizes.many):
            self.workload.model(n)

    # Each group of lines by the name that --only takes.

    def kernel(self) -> Iterator[Row]:
        """Kernel and encoding next to the scan, and how both grow."""
        s = self.sizes
        few = self.piece("kernel", accounts=s.large, rules=s.few)
        many = self.piece("kernel", accounts=s.large, rules=s.many)
        less = self.piece("kernel", accounts=s.medium, rules=s.few)
        for found, n, alone, both in ((few, s.few, 0.8, 2.5), (many, s.many, 1.8, 3.5)):
            size = f"{s.large:,} × {n:,}"
            scan = found["scan"]
            yield compare(f"kernel ÷ DuckDB scan, {size}", found["kernel"], scan, most=alone)
            yield compare(f"encode + kernel ÷ DuckDB scan, {size}", found["both"], scan, most=both)
        times = math.log(s.large / s.medium)
        for name, words in (("kernel", "kernel"), ("both", "encode + kernel")):
            exponent = math.log(few[name] / less[name]) / times
            yield limit(f"growth exponent in accounts, {words}", exponent, most=1.05, unit="")
        for name, words in (("kernel", "kernel"), ("both", "encode + kernel")):
            exponent = math.log(many[name] / few[name]) / math.log(s.many / s.few)
            yield limit(f"growth exponent in rules, {words}", exponent, most=0.5, unit="")

    def command(self) -> Iterator[Row]:
        """The whole program."""
        found = self.piece("command")
        what = f"`merestone match` ÷ DuckDB reading and writing, {self.sizes.medium:,} × {self.sizes.few:,}"
        yield compare(what, found["ours"], found["peer"], most=6)

    def sqlite(self) -> Iterator[Row]:
        """Home-made assignment."""
        found = self.piece("sqlite")
        what = f"SQLite UPDATE per rule ÷ everything of ours, {self.sizes.small:,} × {self.sizes.few:,}"
        note = f"differences between the two: {found['differences']}"
        yield compare(what, found["ours"], found["peer"], least=15, note=note)

    def online(self) -> Iterator[Row]:
        """One record at a time."""
        for n, least in ((self.sizes.few, 150), (self.sizes.many, 400)):
            found = self.piece("online", rules=n)
            ways = f"cells {found['cells'] * 1e3:.3g} ms, expression {found['expression'] * 1e3:.3g} ms"
            note = f"{ways}; differences {found['differences_cells']} and {found['differences_expression']}"
            what = f"zen-engine per record ÷ ours online, {n:,} rules"
            yield compare(what, found["ours"], found["peer"], least=least, note=note)

    def changes(self) -> Iterator[Row]:
        """What changed, and no more."""
        s = self.sizes
        found, size = self.piece("changes"), f"{s.medium:,} × {s.many:,}"
        yield compare(
            f"{s.changed_rules} changed rules ÷ full run, {size}", found["rules"], found["full"], most=0.1
        )
        what = f"{s.changed_accounts:,} changed accounts ÷ full run, {size}"
        yield compare(what, found["accounts"], found["full"], most=0.005)

    def compiling(self) -> Iterator[Row]:
        """From document to index."""
        cold, kept = [], []
        for number in range(REPEATS):
            with tempfile.TemporaryDirectory() as folder:
                cold.append(self.piece("compiling", f"cold {number}", folder=folder))
                kept.append(self.piece("compiling", f"cached {number}", folder=folder))
        steps = [median(taken) for taken in zip(*(one["steps"] for one in cold), strict=True)]
        words = zip(("JSON", "read", "compile", "index"), steps, strict=True)
        note = ", ".join(f"{word} {seconds:.2f} s" for word, seconds in words)
        what = f"compile {self.sizes.many:,} rules from the document"
        yield limit(f"{what}, cold", median([one["seconds"] for one in cold]), most=3, note=note)
        yield limit(f"{what}, cached", median([one["seconds"] for one in kept if one["was_kept"]]), most=0.3)

    def memory(self) -> Iterator[Row]:
        """The most it holds."""
        found = self.piece("memory")
        what = f"peak memory of `merestone match`, {self.sizes.large:,} × {self.sizes.many:,}"
        note = f"took {found['seconds']:.0f} s"
        yield limit(what, found["peak_mb"] / 1024, most=3, unit="GB", note=note)

    def differences(self) -> Iterator[Row]:
        """Rows on which anybody disagrees."""
        found = [self.piece("differences", seed=seed) for seed in range(1, self.sizes.seeds + 1)]
        n_rows, n_sampled = sum(one["rows"] for one in found), sum(one["sampled"] for one in found)
        seeds = f"{self.sizes.seeds} seeds"
        for name, words in (
            ("engines", f"kernel and DuckDB engine, {n_rows:,} rows, {seeds}"),
            ("oracle", f"kernel and oracle, {n_sampled:,} rows, {seeds}"),
            ("online", f"kernel and one record at a time, {n_sampled:,} rows, {seeds}"),
        ):
            yield limit(f"differences between {words}", sum(one[name] for one in found), most=0, unit="")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="toy sizes, to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured here")
    parser.add_argument("--only", nargs="+", choices=sorted(PIECES), help="these pieces only")
    parser.add_argument(
        "--workload",
        type=Path,
        default=HERE.parent.parent.parent / "shared" / "bench" / "rules",
        help="folder of the generator, rules_workload.py",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir(), "merestone-bench"),
        help="where instances are kept",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--piece", choices=sorted(PIECES), help=argparse.SUPPRESS)
    parser.add_argument("--arguments", type=json.loads, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run_piece(name: str, given: dict[str, Any]) -> None:
    where = given["workload"]
    workload = Workload(Path(where["generator"]), Path(where["folder"]), where["seed"])
    answer(PIECES[name](workload, QUICK if given["quick"] else Sizes(), **given["arguments"]))


def main() -> None:
    """Run the pieces and print the table."""
    options = _arguments()
    if options.piece:
        _run_piece(options.piece, options.arguments)
        return
    bench = Bench(
        Workload(options.workload, options.folder, options.seed),
        QUICK if options.quick else Sizes(),
        options.quick,
    )
    bench.workload.module()  # says so when it is not there
    told = machine(PACKAGES)
    print(json.dumps(told, ensure_ascii=False), f"seed {options.seed}", sep="\n")
    seconds = timed(bench.prepare)
    sys.stderr.write(f"instances: {seconds:.0f} s\n")
    rows = [row for name in options.only or PIECES for row in getattr(bench, name)()]
    print(table(rows))
    if options.json:
        options.json.write_text(as_json(told, rows, bench.pieces))


if __name__ == "__main__":
    main()
