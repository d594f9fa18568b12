"""The demo company: a made-up maker of instruments, generated from a seed over real geography."""

from merestone.boot.demo.generate import SEED, DemoData, generate

__all__ = ["SEED", "DemoData", "generate"]
