"""Floor 3: weights and the ops that use them."""
