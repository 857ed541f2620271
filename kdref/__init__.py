"""kdref: the numeric reference for knowledge distillation, in pure NumPy."""

__version__ = "0.1.0"

from kdref.divergences import cross_entropy as cross_entropy
from kdref.divergences import cross_entropy_from_logits as cross_entropy_from_logits
from kdref.divergences import cross_entropy_grad as cross_entropy_grad
from kdref.divergences import entropy as entropy
from kdref.divergences import entropy_from_logits as entropy_from_logits
from kdref.divergences import js_divergence as js_divergence
from kdref.divergences import js_divergence_from_logits as js_divergence_from_logits
from kdref.divergences import kl_divergence as kl_divergence
from kdref.divergences import kl_divergence_from_logits as kl_divergence_from_logits
from kdref.divergences import kl_divergence_grad as kl_divergence_grad
from kdref.divergences import total_variation as total_variation
from kdref.divergences import total_variation_from_logits as total_variation_from_logits
from kdref.gradcheck import GradientReport as GradientReport
from kdref.gradcheck import check_gradient as check_gradient
from kdref.gradcheck import numerical_gradient as numerical_gradient
from kdref.losses import distillation_loss as distillation_loss
from kdref.losses import distillation_loss_grad as distillation_loss_grad
from kdref.losses import forward_kl_loss as forward_kl_loss
from kdref.losses import forward_kl_loss_grad as forward_kl_loss_grad
from kdref.losses import generalised_js_loss as generalised_js_loss
from kdref.losses import generalised_js_loss_grad as generalised_js_loss_grad
from kdref.losses import hard_label_loss as hard_label_loss
from kdref.losses import hard_label_loss_grad as hard_label_loss_grad
from kdref.losses import reverse_kl_loss as reverse_kl_loss
from kdref.losses import reverse_kl_loss_grad as reverse_kl_loss_grad
from kdref.losses import soft_cross_entropy_loss as soft_cross_entropy_loss
from kdref.losses import soft_cross_entropy_loss_grad as soft_cross_entropy_loss_grad
from kdref.probabilities import log_softmax as log_softmax
from kdref.probabilities import logsumexp as logsumexp
from kdref.probabilities import one_hot as one_hot
from kdref.probabilities import softmax as softmax
from kdref.probabilities import softmax_jacobian as softmax_jacobian
from kdref.probabilities import softmax_vjp as softmax_vjp
from kdref.registry import LOSSES as LOSSES
from kdref.registry import LossEntry as LossEntry
