"""From the values of a loss to a formula."""
