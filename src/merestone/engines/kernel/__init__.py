"""Matching whole tables against rules, column by column with numpy; equal to ``core.rules.match_record``."""

from merestone.engines.kernel.matcher import RESULT_SCHEMA, KernelMatcher

__all__ = ["RESULT_SCHEMA", "KernelMatcher"]
