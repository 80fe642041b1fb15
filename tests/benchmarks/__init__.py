"""Measurements, not tests: ``python -m tests.benchmarks [NAME ...]`` prints ratios of one run."""
