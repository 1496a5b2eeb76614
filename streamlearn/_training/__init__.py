"""Sequential training: one loop over epochs and blocks, and the rules that stop it."""
