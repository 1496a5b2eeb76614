"""Naive Bayes classifiers, which are exact in one pass over data of any size."""

from streamlearn.naive_bayes.categorical import CategoricalNB
from streamlearn.naive_bayes.counts import BernoulliNB, ComplementNB, MultinomialNB
from streamlearn.naive_bayes.gaussian import GaussianNB

__all__ = ["BernoulliNB", "CategoricalNB", "ComplementNB", "GaussianNB", "MultinomialNB"]
