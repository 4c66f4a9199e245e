"""Clustering: training set, MLlib KMeans for every k, scores, and the choice of k."""
