"""Matching on Spark: the rules, made ready once, are sent to every worker and match Arrow batches where they are."""

from merestone.engines.spark.cluster import SparkCluster

__all__ = ["SparkCluster"]
