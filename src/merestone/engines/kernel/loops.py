"""The loops in machine code. They hold no lock while they run, so that threads share the cores.

A *row* here is a row of the table of bitmaps: one bit per conjunction, in winning order. Everything else is plain
arrays, so that compiled code can be kept on disk.
"""

from __future__ import annotations

import math

import numpy as np
from numba import boolean, float64, int8, int32, int64, njit, types, uint8, uint64
from numba.cpython.unsafe.numbers import trailing_zeros

FALSE, TRUE, UNSURE, BLANK = 0, 1, 2, 3
ASKED_ELSEWHERE, RADIUS, CONTAINS, BEGINS = 0, 1, 2, 3
_DOUBT_KM = 1e-6  # nearer to the rim than this, the exact distance decides
_EARTH_RADIUS_KM = 6371.0088
_RADIANS = math.pi / 180.0


def _read(kind, n_axes=1):
    """Return the type of an array that is only read: one such type takes writable arrays too, and is compiled once."""
    return types.Array(kind, n_axes, "C", readonly=True)


def _write(kind, n_axes=1):
    return types.Array(kind, n_axes, "C")


_HASH = np.uint64(0x9E3779B97F4A7C15)


@njit(
    int32[::1](_read(float64), _read(float64), _read(boolean), _read(int64), float64, float64, int64),
    nogil=True,
    cache=True,
)
def search_floats(values, ats, exact, below, origin, per_width, missing):
    """Return the class of each float: 2 × (points at or below) − 1 on a point, without the −1 in a gap.

    ``below`` narrows the search: the points below the edges of cells of equal width (empty: search them all).
    """
    found = np.empty(len(values), dtype=np.int32)
    n_cells = len(below) - 1
    for row in range(len(values)):
        value = values[row]
        if math.isnan(value):
            found[row] = missing
            continue
        low, high = 0, len(ats)
        if n_cells > 0:
            cell = (value - origin) * per_width
            # One cell of slack on either side makes up for rounding.
            if cell >= 2:
                low = below[min(int(cell) - 1, n_cells)] if cell < n_cells + 2 else below[n_cells]
            if cell < n_cells - 2:
                high = below[max(int(cell) + 2, 0)] if cell >= -2 else below[0]
        while low < high:
            middle = (low + high) >> 1
            if ats[middle] <= value:
                low = middle + 1
            else:
                high = middle
        found[row] = 2 * low - 1 if low > 0 and ats[low - 1] == value and exact[low - 1] else 2 * low
    return found


@njit(int32[::1](_read(int64), _read(int64), _read(boolean)), nogil=True, cache=True)
def search_integers(values, ats, exact):
    """Return the class of each whole number."""
    found = np.empty(len(values), dtype=np.int32)
    for row in range(len(values)):
        value = values[row]
        low, high = 0, len(ats)
        while low < high:
            middle = (low + high) >> 1
            if ats[middle] <= value:
                low = middle + 1
            else:
                high = middle
        found[row] = 2 * low - 1 if low > 0 and ats[low - 1] == value and exact[low - 1] else 2 * low
    return found


@njit(int32[::1](_read(int32), _read(uint8), int64, _read(int64), int64), nogil=True, cache=True)
def filled_codes(codes, known, offset, rows, null):
    """Return the codes, ``null`` for those whose row's bit (from ``offset`` on; ``rows`` empty: every row) is not set."""
    found = np.empty(len(codes), dtype=np.int32)
    is_every = len(rows) == 0
    for place in range(len(codes)):
        bit = offset + (place if is_every else rows[place])
        found[place] = codes[place] if (known[bit >> 3] >> (bit & 7)) & 1 else null
    return found


@njit(types.void(_write(uint64, 2), _read(int64), _read(int64), _read(int64)), nogil=True, cache=True)
def set_bits(bitmaps, conjunction_of, low_of, high_of):
    """Set each conjunction's bit in the bitmaps of the classes [low, high)."""
    for entry in range(len(conjunction_of)):
        word = conjunction_of[entry] >> 6
        bit = np.uint64(1) << np.uint64(conjunction_of[entry] & 63)
        for number in range(low_of[entry], high_of[entry]):
            bitmaps[number, word] |= bit


@njit(uint64[::1](_read(uint64, 2)), nogil=True, cache=True)
def hash_rows(bitmaps):
    """Return a 64-bit hash of each bitmap."""
    found = np.empty(bitmaps.shape[0], dtype=np.uint64)
    for row in range(bitmaps.shape[0]):
        value = np.uint64(0)
        for word in range(bitmaps.shape[1]):
            value = (value ^ bitmaps[row, word]) * _HASH
            value ^= value >> np.uint64(29)
        found[row] = value
    return found


@njit(
    types.UniTuple(int64, 2)(
        _read(int64), _write(int64), _write(int32), int64, int64, _write(int32), _write(int64)
    ),
    nogil=True,
    cache=True,
)
def number_keys(keys, slots, ids, n_known, start, numbers, new_keys):
    """Number the keys from ``start`` on, new ones from ``n_known`` on; stop when the hash table is half full.

    Returns the next key to number and the count of new ones.
    """
    mask = np.uint64(len(slots) - 1)
    shift = np.uint64(20)
    n_new = 0
    for place in range(start, len(keys)):
        key = keys[place]
        slot = ((np.uint64(key) * _HASH) >> shift) & mask
        while ids[slot] >= 0 and slots[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if ids[slot] < 0:
            if 2 * (n_known + n_new) >= len(slots) or n_new >= len(new_keys):
                return place, n_new
            slots[slot] = key
            ids[slot] = n_known + n_new
            new_keys[n_new] = key
            n_new += 1
        numbers[place] = ids[slot]
    return len(keys), n_new


@njit(
    int64(
        _read(int32, 2), _read(int32), _read(int64), _read(int32), _read(uint64, 2), _write(int64), _write(int32),
        _write(uint64),
    ),
    nogil=True,
    cache=True,
)  # fmt: skip
def meet(members, block_of, first, conjunctions, bitmaps, start, words, bits):
    """Write the words that are not empty of the AND of each group's bitmaps, in the numbers of its block.

    ``start[group]`` tells where they begin. Returns how many were written.
    """
    n_written = 0
    for group in range(members.shape[0]):
        start[group] = n_written
        begin, last_word = first[block_of[group]], -1
        for place in range(begin, first[block_of[group] + 1]):
            word, bit = conjunctions[place] >> 6, np.uint64(conjunctions[place] & 63)
            common = np.uint64(1)
            for member in range(members.shape[1]):
                common &= bitmaps[members[group, member], word] >> bit
            if common != np.uint64(0):
                own = (place - begin) >> 6
                if own != last_word:
                    last_word = own
                    words[n_written], bits[n_written] = own, np.uint64(0)
                    n_written += 1
                bits[n_written - 1] |= np.uint64(1) << np.uint64((place - begin) & 63)
    start[members.shape[0]] = n_written
    return n_written


@njit(uint64[::1](_read(uint64, 2), _read(int32), int64), nogil=True, cache=True)
def narrowed(bitmaps, conjunctions, n_words):
    """Return each bitmap with only these conjunctions, numbered anew, one after the other."""
    found = np.zeros(bitmaps.shape[0] * n_words, np.uint64)
    for row in range(bitmaps.shape[0]):
        for place in range(len(conjunctions)):
            word = bitmaps[row, conjunctions[place] >> 6] >> np.uint64(conjunctions[place] & 63)
            found[row * n_words + (place >> 6)] |= (word & np.uint64(1)) << np.uint64(place & 63)
    return found


@njit(nogil=True, cache=True)
def _is_space(byte):
    return byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31


@njit(nogil=True, cache=True)
def _text_test(kind, begin, end, data, needle_begin, needle_end, needle_bounds, needles):
    """Ask an ASCII text whether it contains (or begins with) one of the needles, without case; unsure of other texts."""
    while begin < end and _is_space(data[begin]):
        begin += 1
    while end > begin and _is_space(data[end - 1]):
        end -= 1
    if begin == end:
        return BLANK
    for place in range(begin, end):
        if data[place] >= 128:
            return UNSURE
    for needle in range(needle_begin, needle_end):
        first = needle_bounds[needle]
        length = needle_bounds[needle + 1] - first
        last = min(begin, end - length) if kind == BEGINS else end - length
        if kind == BEGINS and end - begin < length:
            continue
        for place in range(begin, last + 1):
            is_here = True
            for step in range(length):
                byte = data[place + step]
                if 65 <= byte <= 90:
                    byte += 32
                if byte != needles[first + step]:
                    is_here = False
                    break
            if is_here:
                return TRUE
    return FALSE


@njit(nogil=True, cache=True)
def _radius_test(latitude, longitude, centre):
    half_turn = (centre[1] - longitude) * _RADIANS / 2
    from_, to = latitude * _RADIANS, centre[0] * _RADIANS
    half_climb = (to - from_) / 2
    chord = math.sin(half_climb) ** 2 + math.cos(from_) * math.cos(to) * math.sin(half_turn) ** 2
    distance = 2 * _EARTH_RADIUS_KM * math.asin(math.sqrt(min(chord, 1.0)))
    if abs(distance - centre[2]) < _DOUBT_KM:
        return UNSURE
    return TRUE if distance < centre[2] else FALSE


@njit(nogil=True, cache=True)
def _ask(check, row, kinds, wanted, centres, slot_of, needle_start, needle_bounds, needles, latitude, longitude,
         starts, valid, data, answer_keys, answers):  # fmt: skip
    """Ask one check of one row: TRUE, FALSE, or UNSURE when it has to be asked elsewhere."""
    kind = kinds[check]
    said = UNSURE
    if kind == RADIUS:
        if math.isnan(latitude[row]) or math.isnan(longitude[row]):
            return FALSE
        said = _radius_test(latitude[row], longitude[row], centres[check])
    elif kind != ASKED_ELSEWHERE:
        slot = slot_of[check]
        if not valid[slot, row]:
            return FALSE
        said = _text_test(kind, starts[slot, row], starts[slot, row + 1], data, needle_start[check],
                          needle_start[check + 1], needle_bounds, needles)  # fmt: skip
    if said == BLANK:
        return FALSE
    if said != UNSURE:
        return TRUE if (said == TRUE) == wanted[check] else FALSE
    if len(answer_keys) == 0:
        return UNSURE
    key = np.int64(row) * len(kinds) + check
    place = np.searchsorted(answer_keys, key)
    if place < len(answer_keys) and answer_keys[place] == key:
        return TRUE if answers[place] else FALSE
    return UNSURE


_CHECKS = (_read(int32), _read(int8), _read(boolean), _read(float64, 2), _read(int32), _read(int64),
           _read(int64), _read(uint8))  # fmt: skip
_RECORDS = (
    _read(float64),
    _read(float64),
    _read(int64, 2),
    _read(boolean, 2),
    _read(uint8),
    _read(int64),
    _read(boolean),
)


_MET = (_read(int64), _read(int32), _read(uint64), _read(int32), _read(int64), _read(int32), _read(int32),
        _read(int64, 2), _read(uint64))  # fmt: skip


@njit(
    types.UniTuple(int64, 3)(
        _read(int32), int64, int64, int64, int64, int64, _read(int32), *_MET, _read(int64),
        _read(int32, 2), _read(uint64, 2), _read(int32, 2), _read(int32), _read(boolean), *_CHECKS, *_RECORDS, _write(int32),
        _write(int32), _write(int32), _write(int32), _write(int32), _write(int32), _write(int32),
    ),
    nogil=True,
    cache=True,
)  # fmt: skip
def scan(subset, first, last, depth, n_primary, emit_from, group_of, start, words, bits, block_of, block_first,
         conjunctions, block_words, base, tables, first_row, rows, bitmaps, cards, bound_to,
         skipped, check_of, kinds, wanted, centres, slot_of, needle_start, needle_bounds, needles,
         latitude, longitude, starts, valid, data, answer_keys, answers, winner, runner_up, n_matches,
         out_row, out_rule, ask_row, ask_check):  # fmt: skip
    """Find, for the rows [first, last) of ``subset`` (empty = every row), the rules that match in winning order.

    The first and second primary rule go to ``winner`` and ``runner_up``, the number of primary rules to ``n_matches``;
    after ``depth`` of them the row is done. Matches by conjunctions from ``emit_from`` on go to (out_row, out_rule).
    Checks that have to be asked elsewhere go to (ask_row, ask_check); their rows must come again with the answers.
    Returns (next row, matches emitted, checks to ask); it stops before a row for which a buffer may be too small.
    """
    n_out, n_ask, n_tabled = 0, 0, len(first_row)
    flat, n_words = bitmaps.reshape(-1), np.uint64(bitmaps.shape[1])
    begins = np.zeros(max(1, n_tabled), np.int64)  # where the record's bitmaps begin in the block's tables
    for place in range(first, last):
        row = subset[place] if len(subset) else place
        out_before, ask_before = n_out, n_ask
        first_rule, second_rule, n_found, last_rule, is_full = -1, -1, 0, -1, False
        group = group_of[row]
        block = block_of[group]
        begin, has_tables = block_first[block], n_tabled > 0 and base[block, 0] >= 0
        first_asked = 2 if has_tables else 1
        if has_tables:
            for axis in range(n_tabled):
                begins[axis] = base[block, axis] + (rows[axis, row] - first_row[axis]) * block_words[block]
        for entry in range(start[group], start[group + 1]):
            word = words[entry]
            left = bits[entry]
            if has_tables:
                for axis in range(n_tabled):
                    left &= tables[begins[axis] + word]
            while left != np.uint64(0):
                conjunction = conjunctions[begin + (np.int64(word) << 6) + np.int64(trailing_zeros(left))]
                left &= left - np.uint64(1)
                own, bit = np.uint64(conjunction >> 6), np.uint64(conjunction & 63)
                is_left = True
                for number in range(cards[conjunction, first_asked], cards[conjunction, 3]):
                    bitmap = np.uint64(rows[bound_to[number], row]) * n_words
                    if (flat[bitmap + own] >> bit) & np.uint64(1) == np.uint64(0):
                        is_left = False
                        break
                if not is_left:
                    continue
                rule = cards[conjunction, 0]
                if rule == last_rule or (conjunction < n_primary and n_found >= depth) or skipped[rule]:
                    continue
                said = TRUE
                ask_here = n_ask
                for number in range(cards[conjunction, 4], cards[conjunction, 5]):
                    check = check_of[number]
                    one = _ask(check, row, kinds, wanted, centres, slot_of, needle_start, needle_bounds, needles,
                               latitude, longitude, starts, valid, data, answer_keys, answers)  # fmt: skip
                    if one == FALSE:
                        said = FALSE
                        break
                    if one == UNSURE:
                        said = UNSURE
                        if n_ask >= len(ask_row):
                            is_full = True
                            break
                        ask_row[n_ask], ask_check[n_ask] = row, check
                        n_ask += 1
                if is_full:
                    break
                if said == FALSE:
                    n_ask = ask_here
                if said != TRUE:
                    continue
                last_rule = rule
                if conjunction < n_primary:
                    if n_found == 0:
                        first_rule = rule
                    elif n_found == 1:
                        second_rule = rule
                    n_found += 1
                if conjunction >= emit_from:
                    if n_out >= len(out_row):
                        is_full = True
                        break
                    out_row[n_out], out_rule[n_out] = row, rule
                    n_out += 1
            if is_full or (n_found >= depth and emit_from >= cards.shape[0]):
                break
        if is_full:
            return place, out_before, ask_before
        if n_ask > ask_before:
            n_out = out_before  # it comes again, with answers
        winner[row], runner_up[row], n_matches[row] = first_rule, second_rule, n_found
    return last, n_out, n_ask
