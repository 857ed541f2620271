"""Scalar distillation losses and their gradients, one file per family.

Value and gradient are twins: the same parameters in the same order, adjacent in the file; the gradient is with
respect to the first argument.
"""

from kdref.losses.distillation import distillation_loss as distillation_loss
from kdref.losses.distillation import distillation_loss_grad as distillation_loss_grad
from kdref.losses.hard_labels import hard_label_loss as hard_label_loss
from kdref.losses.hard_labels import hard_label_loss_grad as hard_label_loss_grad
from kdref.losses.mixtures import generalised_js_loss as generalised_js_loss
from kdref.losses.mixtures import generalised_js_loss_grad as generalised_js_loss_grad
from kdref.losses.soft_targets import forward_kl_loss as forward_kl_loss
from kdref.losses.soft_targets import forward_kl_loss_grad as forward_kl_loss_grad
from kdref.losses.soft_targets import reverse_kl_loss as reverse_kl_loss
from kdref.losses.soft_targets import reverse_kl_loss_grad as reverse_kl_loss_grad
from kdref.losses.soft_targets import soft_cross_entropy_loss as soft_cross_entropy_loss
from kdref.losses.soft_targets import soft_cross_entropy_loss_grad as soft_cross_entropy_loss_grad
