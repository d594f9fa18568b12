"""Starting and ending Spark: each in a process of its own, as somebody at a terminal would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.engines.spark.conftest import why_not

START = """
import sys
from merestone.base.errors import MerestoneError
from merestone.engines.kernel import KernelMatcher
from merestone.engines.spark import SparkCluster
from merestone.core.rules import compile_ruleset, read_document

RULES = compile_ruleset(read_document(
    {"merestone": 1, "model": {"key": "m"}, "territories": [{"key": "a", "where": "country = 'US'"}]}
))

def match(master):
    try:
        print(SparkCluster(KernelMatcher(), master=master).match(RULES, records=sys.argv[1], out=sys.argv[2]))
    except MerestoneError as error:
        print(type(error).__name__, error.code, error)
"""
HIDE = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pyspark":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

sys.meta_path.insert(0, Hidden())
"""


def run(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, str(folder / "a.parquet"), str(folder / "out")],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=True,
        timeout=180,
    )


def test_a_missing_extra_names_the_install_command(tmp_path):
    done = run(HIDE + START + "match('local[2]')", tmp_path)
    assert done.stdout.startswith("MissingExtraError spark-missing ")
    assert "pip install 'merestone[spark]'" in done.stdout
    assert done.stderr == ""


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "runs")
@pytest.mark.parametrize(
    "environment", [{"PATH": "/nowhere"}, {"JAVA_HOME": "/nowhere"}], ids=["path", "home"]
)
def test_a_missing_java_is_named_with_the_version_that_is_needed(tmp_path, environment):
    done = run(START + "match('local[2]')", tmp_path, **{"JAVA_HOME": "", **environment})
    assert done.stdout.startswith("MissingExtraError java-missing ")
    assert "Java 17" in done.stdout
    assert done.stderr == ""


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "runs")
def test_a_master_that_does_not_answer_is_told_at_once(tmp_path):
    done = run(START + "match('spark://127.0.0.1:9')", tmp_path)  # the discard port, where nobody listens
    assert done.stdout.startswith("UnavailableError spark-master Nobody answers at the Spark master")
    assert done.stderr == ""


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "runs")
def test_a_run_is_quiet_and_leaves_no_session_and_no_java(tmp_path):
    pq.write_table(pa.table({"id": [1, 2], "country": ["US", "DE"]}), tmp_path / "a.parquet")
    ending = """
match('nonsense')
match('local[2]')
from pyspark import SparkContext
print(SparkContext._active_spark_context, SparkContext._gateway)
import os
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no child is left")
"""
    done = run(START + ending, tmp_path)
    refused, matched, session, children = done.stdout.splitlines()
    assert refused.startswith("UnavailableError spark-master Spark could not start on 'nonsense': ")
    assert matched.startswith("{'records': 2, 'assigned': 1, 'queued': 1, ")
    assert (session, children) == ("None None", "no child is left")
    assert done.stderr == ""
