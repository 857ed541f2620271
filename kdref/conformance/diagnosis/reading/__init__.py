"""From a formula to codes."""
