"""Floor 1: text to ids and back, chat templates. Knows no tensors and no GPU."""
