"""Code that all estimators share: checks of inputs, outputs, moves between libraries, pickles."""
