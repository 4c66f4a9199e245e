"""Improving a fit on the training matrix. No Spark here.

MLlib pays a Spark job per Lloyd iteration and so is asked for a few; the long tail to convergence
is cheap on the driver's matrix. Refinement may only lower the within sum of squares.
"""

from typing import Final

import numpy as np

from seg_spark.clustering.points import Matrix, cluster_means, nearest_centre

MAX_ITERATIONS: Final = 1_000


def converge(matrix: Matrix, centres: Matrix) -> Matrix:
    """Lloyd iterations from `centres` (k x axes) until no point changes its cluster.

    A centre that loses its last point stays where it is. Returns the means of the final clusters.
    """
    labels, _ = nearest_centre(matrix, centres)
    for _ in range(MAX_ITERATIONS):
        means, sizes = cluster_means(matrix, labels, len(centres))
        centres = np.where(sizes[:, None] > 0, means, centres)
        moved, _ = nearest_centre(matrix, centres)
        if np.array_equal(moved, labels):
            break
        labels = moved
    return centres
