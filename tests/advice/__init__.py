"""Tables of what errors advise, one for each package; tests/test_advice.py reads all of them."""
