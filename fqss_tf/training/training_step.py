"""One training step on any number of replicas: gradients, then either an update or nothing."""

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import tensorflow as tf
import tf_keras as keras

from fqss_tf.config import StageRecipe
from fqss_tf.models.inference import estimates_of_samples
from fqss_tf.training.adam import FusedAdam
from fqss_tf.training.losses import replica_mean
from fqss_tf.training.recompute import Recomputed
from fqss_tf.types import KerasModel, Tensor

# (model, mixture [B, T], training) -> estimates [B, S, T].
Estimates: TypeAlias = Callable[[Callable[..., Tensor], Tensor, bool], Tensor]


class TrainingStep:
    """Computes gradients, sums them over batches and replicas, clips them, and updates the model.

    A step whose loss or gradient is not finite, or whose gradient is above
    ``stage.skip_above_norm``, leaves the model as it was, the statistics of its batch norms too.

    Args:
        model: Keras model.
        loss: function (mixture [B, T], estimates [B, S, T], *targets) -> scalar.
        optimizer: built.
        stage: a StageRecipe.
        strategy: under which model and optimizer were made.
        recompute: whether the gradient computes the network once more in segments, instead of
            keeping all of its tensors; not for a model with batch norms.
        estimates: function (model, mixture [B, T], training) -> estimates [B, S, T].
    """

    def __init__(
        self,
        model: KerasModel,
        loss: Callable[..., Tensor],
        optimizer: FusedAdam,
        stage: StageRecipe,
        strategy: tf.distribute.Strategy,
        recompute: bool = False,
        estimates: Estimates = estimates_of_samples,
    ) -> None:
        self._model = model
        self._estimates = estimates
        self._network = Recomputed(model) if recompute else model
        self._loss = loss
        self._optimizer = optimizer
        self._stage = stage
        self._statistics = [
            variable for layer in model.layers
            if isinstance(layer, keras.layers.BatchNormalization)
            for variable in layer.non_trainable_variables
        ]
        self._strategy = strategy
        self._gradients = {
            frozen: self._on_replicas(functools.partial(self._gradients_of_replica, frozen))
            for frozen in (False, True)
        }
        self._add = self._on_replicas(lambda *parts: tf.nest.map_structure(tf.add, *parts))
        self._combine = self._on_replicas(self._combine_replicas)
        self._update = self._on_replicas(self._update_replica)
        self._undo = self._on_replicas(self._undo_in_replica)

    def __call__(
        self, batches: Iterable[Sequence[Tensor]], frozen_statistics: bool = False
    ) -> tuple[float, bool]:
        """Makes the step of (mixture [B, T], *targets) batches.

        With ``frozen_statistics`` batch norms use their running statistics, not the batch's.

        Returns:
            (loss, the mean over batches and replicas; whether the model was updated).
        """
        total: Any = None
        before: list[Tensor] | None = None
        for mixture, *targets in batches:
            value, gradients, statistics = self._gradients[frozen_statistics](mixture, *targets)
            part = (value, gradients)
            total = part if total is None else self._add(total, part)
            before = statistics if before is None else before
        value, norm, gradients = self._combine(*total)
        value, norm = self._float(value), self._float(norm)
        limit = self._stage.skip_above_norm or math.inf
        updated = math.isfinite(value) and math.isfinite(norm) and norm <= limit
        if updated:
            self._update(gradients)
        elif self._statistics:
            self._undo(before)
        return value, updated

    def _on_replicas(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return tf.function(
            lambda *values: self._strategy.run(function, values), autograph=False
        )

    def _float(self, value: Tensor) -> float:
        return float(self._strategy.experimental_local_results(value)[0])

    def _gradients_of_replica(
        self, frozen_statistics: bool, mixture: Tensor, *targets: Tensor
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        statistics = [tf.identity(variable) for variable in self._statistics]
        with tf.GradientTape() as tape:
            estimates = self._estimates(self._network, mixture, not frozen_statistics)
            value = self._loss(mixture, estimates, *targets)
        gradients = tape.gradient(
            value, self._model.trainable_variables,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return value, gradients, statistics

    def _combine_replicas(
        self, value: Tensor, gradients: list[Tensor]
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        # Divided first: tf.distribute asks a tensor for its device, which an argument has not.
        value, gradients = replica_mean(tf.nest.map_structure(
            lambda tensor: tensor / self._stage.accumulate, (value, gradients)
        ))
        gradients = self._optimizer.relative(gradients)
        gradients, norm = tf.clip_by_global_norm(gradients, self._stage.clip_norm)
        return value, norm, gradients

    def _update_replica(self, gradients: list[Tensor]) -> None:
        pairs = zip(gradients, self._model.trainable_variables, strict=True)
        self._optimizer.apply_gradients(pairs, skip_gradients_aggregation=True)

    def _undo_in_replica(self, statistics: list[Tensor]) -> None:
        for variable, value in zip(self._statistics, statistics, strict=True):
            variable.assign(value)
