"""Tests by tier: unit, gpu, model, browser; beside them what they share."""
