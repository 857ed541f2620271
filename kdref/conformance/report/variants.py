"""Other words for a code where what was seen is a case of its own: the same verdict, another repair."""

from kdref.conformance.report.codes import Code

VARIANTS: dict[str, Code] = {
    "no gradient": Code(
        "wrong", "there is no gradient with respect to the student", "nothing can be trained with it", "the value",
        "nothing on the way from the student's logits to the result that is no operation of the framework: no "
        "number in place of its arrays, no detaching, no block without gradients",
    ),
    "gradient not finite": Code(
        "wrong", "the gradient is not finite where the value is", "one step turns the weights into NaN", "the value",
        "log_q = {log_q}; what a logarithm or a root cannot take must be replaced before it, since a selection "
        "after it multiplies infinity by 0",
    ),
    "another input written to": Code(
        "wrong", "an input is written to", "whoever uses it next gets another one", "the value",
        "write to a copy of it",
    ),
    "another value": Code(
        "wrong", "another value than the formula's when a constant is added to all logits of a row",
        "logits beyond a bound no longer count; where they are clamped, they get no gradient", "moderate logits",
        "log_q = {log_q} and log_p = {log_p} take logits of any size: no clamp, no exp of their own",
    ),
}  # fmt: skip
"""Words by name; a diagnosis says which name a code goes by."""
