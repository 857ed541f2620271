"""The few expressions that repairs are made of, in each framework."""

WORDS: dict[str, dict[str, str]] = {
    "numpy": {
        "p": "softmax(teacher / T)", "log_p": "log_softmax(teacher / T)", "log_q": "log_softmax(student / T)",
        "kl": "(p * (log_p - log_q)).sum(axis=-1).mean()",
        "ce": "-log_softmax(student)[np.arange(N), labels].mean()",
        "constant": "teacher", "axis": "axis=-1", "copy": "student = student / T",
        "double": "np.asarray(student, float)",
    },
    "torch": {
        "p": "F.softmax(teacher / T, dim=-1)", "log_p": "F.log_softmax(teacher / T, dim=-1)",
        "log_q": "F.log_softmax(student / T, dim=-1)",
        "kl": "F.kl_div(log_q, p, reduction='batchmean')", "ce": "F.cross_entropy(student, labels)",
        "constant": "teacher.detach()", "axis": "dim=-1", "copy": "student = student / T", "double": "student.float()",
    },
    "jax": {
        "p": "jax.nn.softmax(teacher / T, axis=-1)", "log_p": "jax.nn.log_softmax(teacher / T, axis=-1)",
        "log_q": "jax.nn.log_softmax(student / T, axis=-1)",
        "kl": "(p * (log_p - log_q)).sum(-1).mean()",
        "ce": "optax.softmax_cross_entropy_with_integer_labels(student, labels).mean()",
        "constant": "jax.lax.stop_gradient(teacher)", "axis": "axis=-1", "copy": "student = student / T",
        "double": "student.astype(jnp.float32)",
    },
    "tensorflow": {
        "p": "tf.nn.softmax(teacher / T, axis=-1)", "log_p": "tf.nn.log_softmax(teacher / T, axis=-1)",
        "log_q": "tf.nn.log_softmax(student / T, axis=-1)",
        "kl": "tf.reduce_mean(tf.reduce_sum(p * (log_p - log_q), axis=-1))",
        "ce": "tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, student))",
        "constant": "tf.stop_gradient(teacher)", "axis": "axis=-1", "copy": "student = student / T",
        "double": "tf.cast(student, tf.float32)",
    },
    "keras": {
        "p": "keras.ops.softmax(teacher / T, axis=-1)", "log_p": "keras.ops.log_softmax(teacher / T, axis=-1)",
        "log_q": "keras.ops.log_softmax(student / T, axis=-1)",
        "kl": "keras.ops.mean(keras.ops.sum(p * (log_p - log_q), axis=-1))",
        "ce": "SparseCategoricalCrossentropy(from_logits=True)(labels, student)",
        "constant": "keras.ops.stop_gradient(teacher)", "axis": "axis=-1", "copy": "student = student / T",
        "double": "keras.ops.cast(student, 'float32')",
    },
}  # fmt: skip
"""The same few expressions in each framework, for the repairs."""
