"""Prices of units for a few clusters of a capacitated p-median: what rules out most of their choices.

Every unit is to be served once: relaxed at the prices g, each candidate centre j fills a continuous knapsack of its own,
W_j = min Σ (d_ij − g_i) z_i with Σ load_i z_i ≤ capacity_j, 0 ≤ z ≤ 1, z_j = 1, and the q best W_j and Σ g bound the cost.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def pack(cost, j, unit, load, capacity, price, ratio, order, share):
    """Fill the knapsack of centre ``j``; return its worth and its price of a unit of load (none above 0)."""
    n = len(load)
    own = cost[unit, j] - price[unit]
    room = capacity - load[unit]
    worth, many = own, 0
    for i in range(n):
        share[i] = 0.0
        gain = cost[i, j] - price[i]
        if gain < 0.0 and i != unit:
            if load[i] <= 0.0:
                worth += gain
                share[i] = 1.0
            else:
                # Insertion keeps the candidates in order: there are few.
                value, at = gain / load[i], many
                while at > 0 and ratio[at - 1] > value:
                    ratio[at], order[at] = ratio[at - 1], order[at - 1]
                    at -= 1
                ratio[at], order[at] = value, i
                many += 1
    share[unit] = 1.0
    for place in range(many):
        i = order[place]
        if room <= 0.0:
            return worth, ratio[place]
        part = min(1.0, room / load[i])
        share[i] = part
        worth += part * load[i] * ratio[place]
        room -= part * load[i]
        if part < 1.0:
            return worth, ratio[place]
    return worth, 0.0


@njit(nogil=True, cache=True)
def prices(cost, centres, load, capacity, price, q, target, steps, worths, duals):
    """Improve ``price`` in place by subgradient steps towards ``target``; return the best bound.

    ``cost`` is (n, m); ``centres`` says which unit each of the m candidates is. ``worths`` and ``duals`` (m,) belong to
    the best bound, as ``price`` does in the end.
    """
    n, m = cost.shape
    ratio, order, share = np.empty(n), np.empty(n, np.int64), np.empty(n)
    worth, dual, served = np.empty(m), np.empty(m), np.empty(n)
    kept, way = price.copy(), np.zeros(n)
    best, pace, idle = -1e300, 1.0, 0
    is_open = np.zeros(m, np.bool_)
    for _ in range(steps):
        for j in range(m):
            worth[j], dual[j] = pack(cost, j, centres[j], load, capacity[j], price, ratio, order, share)
            is_open[j] = False
        bound = 0.0
        for i in range(n):
            bound += price[i]
            served[i] = 0.0
        for _pick in range(q):
            least = -1
            for j in range(m):
                if not is_open[j] and (least < 0 or worth[j] < worth[least]):
                    least = j
            is_open[least] = True
            bound += worth[least]
            pack(cost, least, centres[least], load, capacity[least], price, ratio, order, share)
            for i in range(n):
                served[i] += share[i]
        if bound > best:
            idle = 0 if bound > best + 1e-4 * abs(target - best) else idle + 1
            best = bound
            for i in range(n):
                kept[i] = price[i]
            for j in range(m):
                worths[j], duals[j] = worth[j], dual[j]
        else:
            idle += 1
        if best >= target:
            break
        if idle >= 12:
            pace, idle = pace * 0.6, 0
        norm = 0.0
        for i in range(n):
            way[i] = 0.3 * way[i] + (1.0 - served[i])
            norm += way[i] * way[i]
        if norm < 1e-12 or pace < 0.02:
            break
        for i in range(n):
            price[i] += pace * (target - bound) / norm * way[i]
    for i in range(n):
        price[i] = kept[i]
    return best
