"""Calls of somebody's loss: frameworks, inputs, the box."""
