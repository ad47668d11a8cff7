"""Inferaived: language models on the GPU, driven from Python, in a web page and natively."""
