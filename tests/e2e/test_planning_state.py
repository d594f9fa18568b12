"""The plan in the browser, on every county of the United States: sums, pieces, undo, hues, and how long a change takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

MAKE_PLAN = """async () => {
  const { loadAtlas, middle } = await import("/static/map/data.js");
  const { Plan } = await import("/static/planning/state.js");
  const atlas = await loadAtlas({
    counties: "/static/vendor/geo/counties-10m.json", topojson: "/static/vendor/topojson-client/index.js",
  });
  const starts = [0], units = [];
  for (const others of atlas.neighbours) { units.push(...others); starts.push(units.length); }
  const columns = 8, rows = 5;
  const territory = atlas.counties.map((county) => {
    const [lon, lat] = middle(county);
    const x = Math.min(columns - 1, Math.max(0, Math.floor((lon + 125) / 7.3)));
    const y = Math.min(rows - 1, Math.max(0, Math.floor((lat - 24) / 5.2)));
    return y * columns + x;
  });
  const n = territory.length;
  const data = {
    key: "s", name: "S", model: { key: "m", name: "M" }, unit_kind: "county", revision: 1,
    territories: Array.from({ length: columns * rows }, (_, t) => ({ key: `t${t}`, name: `T${t}`, owner: "", home: null })),
    measures: [{ key: "accounts", label: "Accounts", unit: "count" }, { key: "potential", label: "Potential", unit: "money" }],
    settings: { objective: "", contiguous: true, balances: [{ measure: "accounts", tolerance: 0.1 }] },
    units: {
      id: atlas.counties.map((county) => county.id), name: atlas.counties.map((county) => county.properties.name),
      state: atlas.counties.map((county) => county.id.slice(0, 2)), territory, live: territory, locked: new Array(n).fill(0),
      amounts: { accounts: territory.map((_, i) => (i * 7) % 13), potential: territory.map((_, i) => (i * 31) % 997) },
    },
    neighbours: { starts, units }, can: { undo: null, redo: null }, job: null, report: null,
  };
  window.data = data;
  window.plan = new Plan(data, ["county", "counties"]);
  window.fresh = () => new Plan({ ...data, units: { ...data.units,
    territory: [...plan.territory], locked: [...plan.locked] } });
  window.said = (one) => JSON.stringify([one.sums.map((s) => [...s]), [...one.counts], [...one.pieces]]);
  return n;
}"""


@pytest.fixture
def planned(page: Page, live_server: Any) -> Callable[[str], Any]:
    """Evaluate an expression beside `plan`: all counties in forty territories."""
    page.goto(f"{live_server.url}/sign-in/")
    assert page.evaluate(MAKE_PLAN) > 3000
    return page.evaluate


def test_sums_and_pieces_equal_those_made_anew(planned: Callable[[str], Any]) -> None:
    assert planned("""() => {
      let state = 7;
      const next = (n) => (state = (state * 48271) % 2147483647) % n;
      for (let round = 0; round < 60; round += 1) {
        const units = new Set(Array.from({ length: 1 + next(60) }, () => next(plan.n)));
        const what = next(5);
        if (what === 0) plan.lock(units, round % 2 === 0);
        else if (what === 1) plan.undo();
        else if (what === 2) plan.redo();
        else plan.assign(units, next(plan.k + 1) - 1);
        if (said(plan) !== said(fresh())) return `round ${round}`;
      }
      return "same";
    }""") == "same"  # fmt: skip


def test_undo_and_redo_walk_all_the_way(planned: Callable[[str], Any]) -> None:
    start, end, back, again = planned("""() => {
      const start = said(plan);
      plan.assign([1, 2, 3, 4], 5);
      plan.lock([1, 2], true);
      plan.assign([1, 2, 3, 9], -1);
      const end = said(plan);
      while (plan.undo());
      const back = said(plan);
      while (plan.redo());
      return [start, end, back, said(plan)];
    }""")
    assert (back, again) == (start, end)
    assert start != end


def test_locked_units_stay_and_nothing_is_no_step(planned: Callable[[str], Any]) -> None:
    assert planned("""() => {
      const before = plan.territory[10];
      plan.lock([10], true);
      return [plan.assign([10], (before + 1) % plan.k), plan.territory[10] === before, plan.can.undo];
    }""") == [None, True, "Lock 1 county"]  # fmt: skip


def test_step_the_server_took_back_can_be_made_again(planned: Callable[[str], Any]) -> None:
    assert planned("""() => {
      const was = plan.territory[20], now = (was + 3) % plan.k;
      plan.learn({ units: [20], territory: [now], locked: [0] }, "undo", "Assign 1 county to T1");
      const undone = plan.territory[20] === now && plan.can.redo;
      plan.redo();
      return [undone, plan.territory[20] === was, plan.can.undo];
    }""") == ["Assign 1 county to T1", True, "Assign 1 county to T1"]  # fmt: skip


def test_worst_counts_only_what_is_to_be_balanced(planned: Callable[[str], Any]) -> None:
    assert planned("""() => plan.lines().every((line) =>
      Math.abs(line.worst - Math.abs(line.index[0] / 100 - 1)) < 1e-12)""")


def test_neighbours_never_share_a_hue_and_others_keep_theirs(planned: Callable[[str], Any]) -> None:
    clashes, kept, colours = planned("""async () => {
      const { coloursOf, huesOf, touching } = await import("/static/planning/colours.js");
      const clash = (hues) => touching(plan).flatMap((others, t) => [...others.keys()].filter((o) => hues[o] === hues[t])).length;
      const first = huesOf(touching(plan), new Array(plan.k).fill(-1));
      const same = JSON.stringify(huesOf(touching(plan), first)) === JSON.stringify(first);
      const some = [...plan.territory.keys()].filter((unit) => plan.territory[unit] === 12).slice(0, 30);
      plan.assign(some, 20);
      const second = huesOf(touching(plan), first);
      return [[clash(first), clash(second)], same, coloursOf(second, { isDark: true }).length];
    }""")
    assert (clashes, kept, colours) == ([0, 0], True, 40)


def test_lasso_holds_what_is_inside(planned: Callable[[str], Any]) -> None:
    assert planned("""async () => {
      const { isInside } = await import("/static/planning/select.js");
      const horseshoe = [[0, 0], [10, 0], [10, 10], [7, 10], [7, 3], [3, 3], [3, 10], [0, 10]];
      return [[1, 8], [5, 8], [8, 8], [5, 1], [11, 1]].map((point) => isInside(point, horseshoe));
    }""") == [True, False, True, True, False]  # fmt: skip


def test_change_of_a_plan_of_all_counties_is_told(planned: Callable[[str], Any]) -> None:
    """Print how long a change takes; a clock is no proof, so nothing is asserted about it but that it ran."""
    n, times = planned("""() => {
      const times = [];
      for (let round = 0; round < 200; round += 1) {
        const units = [...plan.territory.keys()].filter((unit) => unit % 86 === round % 86);
        const start = performance.now();
        plan.assign(units, round % plan.k);
        plan.lines();
        times.push(performance.now() - start);
      }
      times.sort((a, b) => a - b);
      return [plan.n, [times[100], times[189], times[199]]];
    }""")
    print(f"\n{n} counties, 40 territories: assign and balance in ms: median, p95, most:", times)
    assert len(times) == 3
