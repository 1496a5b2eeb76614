"""scikit-learn's way of working on data larger than memory, on any array backend."""

__version__ = "0.1.0"
