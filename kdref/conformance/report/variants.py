"""Other words for a code where what was seen is a case of its own: the same verdict, another repair."""

from kdref.conformance.report.codes import Code

VARIANTS: dict[str, Code] = {
    "no gradient": Code(
        "wrong", "there is no gradient with respect to the student", "nothing can be trained with it", "the value",
        "stay in the framework from the student's logits to the result: no conversion to a number, no detaching, no "
        "block without gradients",
    ),
    "gradient not finite": Code(
        "wrong", "the gradient is not finite where the value is", "one step turns the weights into NaN", "the value",
        "log_q = {log_q}; what a logarithm or a root cannot take must be replaced before it, since a selection "
        "after it multiplies infinity by 0",
    ),
    "no square for a student at 1": Code(
        "wrong", "the factor T^2 is missing", "nothing yet: the gradients of a student at temperature 1 do not fade; "
        "once its logits are divided by T they do, as 1/T^2",
        "the direction of the soft term; in soft-only training it is a learning rate", "T**2 * {kl}",
    ),
    "cross entropy of the student": Code(
        "convention", "a soft cross entropy stands in place of KL",
        "the student's entropy is missing, and with it a part of the gradient", "nothing",
        "soft = {kl}, with p = {p} and log_q = {log_q}",
    ),
    "reversed without the student's entropy": Code(
        "convention", "the student's probabilities weigh the teacher's logarithms: the arguments are reversed",
        "the optimum is the teacher's largest class alone", "nothing",
        "for forward KL: {kl}, with p = {p} and log_q = {log_q}",
    ),
    "probabilities in the hard term": Code(
        "wrong", "the hard term takes probabilities where log-probabilities belong", "its value is negative, and its "
        "gradient another loss's", "the soft term", "hard = {ce}",
    ),
    "logits in the hard term": Code(
        "wrong", "the hard term takes raw logits where log-probabilities belong", "a constant added to a row changes "
        "the loss", "the soft term", "hard = {ce}",
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
