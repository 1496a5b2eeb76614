"""Text as sparse rows of counts or weights of terms."""

from streamlearn.feature_extraction.text.count_vectorizer import CountVectorizer
from streamlearn.feature_extraction.text.hashing_vectorizer import HashingVectorizer
from streamlearn.feature_extraction.text.tfidf_transformer import TfidfTransformer
from streamlearn.feature_extraction.text.tfidf_vectorizer import TfidfVectorizer

__all__ = ["CountVectorizer", "HashingVectorizer", "TfidfTransformer", "TfidfVectorizer"]
