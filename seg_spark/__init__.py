"""Nightly customer segmentation on Apache Spark."""
