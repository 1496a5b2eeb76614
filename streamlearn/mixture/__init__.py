"""Mixtures of normal distributions, fitted block by block."""

from streamlearn.mixture.gaussian_mixture import GaussianMixture

__all__ = ["GaussianMixture"]
