"""Review of a model before it is published: who looks, what they object to, who approves.

Rooms within: ``approvals`` and ``seeing`` know nothing of challenges; whoever leads a model through its states may ask
them, and is never asked by them.
"""
