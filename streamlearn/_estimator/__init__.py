"""What every estimator shares: what comes in, what goes out, moving it and saving it."""
