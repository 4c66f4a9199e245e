"""Points, centres and labels as numpy arrays. No Spark here."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Matrix = NDArray[np.float64]
"""Customers (or centres) x axes; training customers stand in hash order."""
Labels = NDArray[np.intp]
"""Index of a centre per customer, from 0."""


def nearest_centre(matrix: Matrix, centres: Matrix) -> tuple[Labels, NDArray[np.float64]]:
    """Index of each point's nearest centre (the lowest of equals), and the squared distance to it."""
    squared = cdist(matrix, centres, "sqeuclidean")
    labels = squared.argmin(axis=1)
    return labels, squared[np.arange(len(matrix)), labels]
