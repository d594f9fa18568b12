"""Matching whole tables against rules with bitmaps; equal to ``core.rules.match_record``.

``index`` turns flattened rules into one bitmap of conjunctions per class of value, ``classes`` turns columns into
classes, ``loops`` ANDs the bitmaps of each record in machine code (the first set bit wins), ``residual`` asks what is
no comparison, ``settle`` names the winners, ``online`` does the same for one record without machine code.
"""

from merestone.engines.kernel.engine import KernelMatcher

__all__ = ["KernelMatcher"]
