"""Motions beside a reference: alignment, metrics, published sets of numbers, tables, curves."""
