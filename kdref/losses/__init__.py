"""Scalar distillation losses and their gradients, one file per family.

Value and gradient are twins: the same parameters in the same order, adjacent in the file; the gradient is with
respect to the first argument.
"""

from kdref.losses.correlations import dist_loss as dist_loss
from kdref.losses.correlations import dist_loss_grad as dist_loss_grad
from kdref.losses.decoupled import decoupled_kd_loss as decoupled_kd_loss
from kdref.losses.decoupled import decoupled_kd_loss_grad as decoupled_kd_loss_grad
from kdref.losses.decoupled import normalised_kd_loss as normalised_kd_loss
from kdref.losses.decoupled import normalised_kd_loss_grad as normalised_kd_loss_grad
from kdref.losses.decoupled import weighted_soft_label_loss as weighted_soft_label_loss
from kdref.losses.decoupled import weighted_soft_label_loss_grad as weighted_soft_label_loss_grad
from kdref.losses.distillation import distillation_loss as distillation_loss
from kdref.losses.distillation import distillation_loss_grad as distillation_loss_grad
from kdref.losses.features import attention_transfer_loss as attention_transfer_loss
from kdref.losses.features import attention_transfer_loss_grad as attention_transfer_loss_grad
from kdref.losses.features import cosine_feature_loss as cosine_feature_loss
from kdref.losses.features import cosine_feature_loss_grad as cosine_feature_loss_grad
from kdref.losses.features import flow_loss as flow_loss
from kdref.losses.features import flow_loss_grad as flow_loss_grad
from kdref.losses.features import hint_loss as hint_loss
from kdref.losses.features import hint_loss_grad as hint_loss_grad
from kdref.losses.features import neuron_selectivity_loss as neuron_selectivity_loss
from kdref.losses.features import neuron_selectivity_loss_grad as neuron_selectivity_loss_grad
from kdref.losses.features import variational_information_loss as variational_information_loss
from kdref.losses.features import (
    variational_information_loss_grad as variational_information_loss_grad,
)
from kdref.losses.hard_labels import hard_label_loss as hard_label_loss
from kdref.losses.hard_labels import hard_label_loss_grad as hard_label_loss_grad
from kdref.losses.hard_labels import label_smoothing_loss as label_smoothing_loss
from kdref.losses.hard_labels import label_smoothing_loss_grad as label_smoothing_loss_grad
from kdref.losses.hard_labels import virtual_teacher_loss as virtual_teacher_loss
from kdref.losses.hard_labels import virtual_teacher_loss_grad as virtual_teacher_loss_grad
from kdref.losses.logits import logit_cosine_loss as logit_cosine_loss
from kdref.losses.logits import logit_cosine_loss_grad as logit_cosine_loss_grad
from kdref.losses.logits import logit_mse_loss as logit_mse_loss
from kdref.losses.logits import logit_mse_loss_grad as logit_mse_loss_grad
from kdref.losses.logits import standardised_kl_loss as standardised_kl_loss
from kdref.losses.logits import standardised_kl_loss_grad as standardised_kl_loss_grad
from kdref.losses.mixtures import generalised_js_loss as generalised_js_loss
from kdref.losses.mixtures import generalised_js_loss_grad as generalised_js_loss_grad
from kdref.losses.mixtures import skew_forward_kl_loss as skew_forward_kl_loss
from kdref.losses.mixtures import skew_forward_kl_loss_grad as skew_forward_kl_loss_grad
from kdref.losses.mixtures import skew_reverse_kl_loss as skew_reverse_kl_loss
from kdref.losses.mixtures import skew_reverse_kl_loss_grad as skew_reverse_kl_loss_grad
from kdref.losses.relations import correlation_congruence_loss as correlation_congruence_loss
from kdref.losses.relations import (
    correlation_congruence_loss_grad as correlation_congruence_loss_grad,
)
from kdref.losses.relations import probabilistic_transfer_loss as probabilistic_transfer_loss
from kdref.losses.relations import (
    probabilistic_transfer_loss_grad as probabilistic_transfer_loss_grad,
)
from kdref.losses.relations import relational_angle_loss as relational_angle_loss
from kdref.losses.relations import relational_angle_loss_grad as relational_angle_loss_grad
from kdref.losses.relations import relational_distance_loss as relational_distance_loss
from kdref.losses.relations import relational_distance_loss_grad as relational_distance_loss_grad
from kdref.losses.relations import similarity_preserving_loss as similarity_preserving_loss
from kdref.losses.relations import (
    similarity_preserving_loss_grad as similarity_preserving_loss_grad,
)
from kdref.losses.soft_targets import forward_kl_loss as forward_kl_loss
from kdref.losses.soft_targets import forward_kl_loss_grad as forward_kl_loss_grad
from kdref.losses.soft_targets import reverse_kl_loss as reverse_kl_loss
from kdref.losses.soft_targets import reverse_kl_loss_grad as reverse_kl_loss_grad
from kdref.losses.soft_targets import soft_cross_entropy_loss as soft_cross_entropy_loss
from kdref.losses.soft_targets import soft_cross_entropy_loss_grad as soft_cross_entropy_loss_grad
from kdref.losses.soft_targets import symmetric_kl_loss as symmetric_kl_loss
from kdref.losses.soft_targets import symmetric_kl_loss_grad as symmetric_kl_loss_grad
from kdref.losses.soft_targets import total_variation_loss as total_variation_loss
from kdref.losses.soft_targets import total_variation_loss_grad as total_variation_loss_grad
from kdref.losses.sparse import top_k_kl_loss as top_k_kl_loss
from kdref.losses.sparse import top_k_kl_loss_grad as top_k_kl_loss_grad
from kdref.losses.vocabularies import universal_logit_loss as universal_logit_loss
from kdref.losses.vocabularies import universal_logit_loss_grad as universal_logit_loss_grad
