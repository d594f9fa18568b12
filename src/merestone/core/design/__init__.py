"""Designing territories: a problem in columns, plans that solve it, and how far each may be from the best possible.

``problem`` holds what is asked, checked once; ``scoring`` says what a plan is worth, independently of any search;
``solve`` finds plans. What is compiled by numba stands in ``loops``.
"""
