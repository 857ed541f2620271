"""The oracle: what every function *is*, to hundreds of digits, from the exact float inputs.

It imports nothing of kdref and shares no formula with it.  Where kdref rearranges an equation so that
float64 can bear it, the oracle writes the equation as a textbook prints it and buys the missing digits with
precision (GNU MPFR through gmpy2).  Two independent texts that agree to the last bit are evidence; one text
run twice is not.

- `precision`: how many bits, and why 2400 are enough;
- `rows`: the vocabulary: one row of numbers in, one number or one row out;
- `divergences`, `hard_labels`, `soft_targets`, `mixtures`, `distillation`: one textbook function per value and
  one per gradient, for one example;
- `batch`: the table of losses, and their weighted means over examples;
- `rounding`: the correctly rounded float, and the error of a float in units in the last place.

To add a loss: write its row value and row gradient in a file of its family, and add one line to
`batch.LOSSES`.
"""
