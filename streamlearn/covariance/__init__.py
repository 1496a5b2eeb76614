"""Covariance matrices, which are exact in one pass over data of any size."""

from streamlearn.covariance.empirical import EmpiricalCovariance
from streamlearn.covariance.shrunk import OAS, LedoitWolf, ShrunkCovariance

__all__ = ["OAS", "EmpiricalCovariance", "LedoitWolf", "ShrunkCovariance"]
