r"""The same functions to the last bit: double-double arithmetic in pure NumPy, one rounding at the end.

``kdref.exact.forward_kl_loss`` is called like `kdref.forward_kl_loss` and returns the float64 nearest to the true
value, or in rare near ties its neighbour: at most 1 ulp off, entry by entry, gradients included, wherever the truth is
at least 1e-289 (`logsumexp`: 1e-16).  It uses ``+ - * /`` alone, so that the digits are the same on every machine and
with every version of NumPy.  It is some hundred times slower than the plain functions, which it certifies.
"""

from kdref.exact.divergences import cross_entropy as cross_entropy
from kdref.exact.divergences import cross_entropy_from_logits as cross_entropy_from_logits
from kdref.exact.divergences import cross_entropy_grad as cross_entropy_grad
from kdref.exact.divergences import entropy as entropy
from kdref.exact.divergences import entropy_from_logits as entropy_from_logits
from kdref.exact.divergences import js_divergence as js_divergence
from kdref.exact.divergences import js_divergence_from_logits as js_divergence_from_logits
from kdref.exact.divergences import kl_divergence as kl_divergence
from kdref.exact.divergences import kl_divergence_from_logits as kl_divergence_from_logits
from kdref.exact.divergences import kl_divergence_grad as kl_divergence_grad
from kdref.exact.divergences import total_variation as total_variation
from kdref.exact.divergences import total_variation_from_logits as total_variation_from_logits
from kdref.exact.losses import distillation_loss as distillation_loss
from kdref.exact.losses import distillation_loss_grad as distillation_loss_grad
from kdref.exact.losses import forward_kl_loss as forward_kl_loss
from kdref.exact.losses import forward_kl_loss_grad as forward_kl_loss_grad
from kdref.exact.losses import generalised_js_loss as generalised_js_loss
from kdref.exact.losses import generalised_js_loss_grad as generalised_js_loss_grad
from kdref.exact.losses import hard_label_loss as hard_label_loss
from kdref.exact.losses import hard_label_loss_grad as hard_label_loss_grad
from kdref.exact.losses import reverse_kl_loss as reverse_kl_loss
from kdref.exact.losses import reverse_kl_loss_grad as reverse_kl_loss_grad
from kdref.exact.losses import soft_cross_entropy_loss as soft_cross_entropy_loss
from kdref.exact.losses import soft_cross_entropy_loss_grad as soft_cross_entropy_loss_grad
from kdref.exact.probabilities import log_softmax as log_softmax
from kdref.exact.probabilities import logsumexp as logsumexp
from kdref.exact.probabilities import softmax as softmax
from kdref.exact.probabilities import softmax_jacobian as softmax_jacobian
from kdref.exact.probabilities import softmax_vjp as softmax_vjp
