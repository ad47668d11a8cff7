"""Floor 1: bytes to named tensors. Knows no GPU and no text."""
