"""python distributed_run.py none|mirrored|multiworker FOLDER STEPS: trains a tiny ConvTasNet.

``mirrored`` trains it on one device into FOLDER/one too, and two virtual CPUs stand for two GPUs.
"""

import runpy
import sys
from pathlib import Path

import click
import tensorflow as tf
import tf_keras as keras

from fqss_tf.config import StageRecipe
from fqss_tf.errors import FqssError
from fqss_tf.models import registry
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.training.distribution import Distribution
from fqss_tf.training.loop import StageLoop
from fqss_tf.training.losses import fqss_distillation_loss

Micro = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["Micro"]
SIZES = ConvTasNetConfig(
    filters=16, bottleneck=4, skip=4, hidden=8, blocks=1, repeats=1, norm="batch",
    activation="relu",
)


def loss(mixture, estimates, sources):
    return fqss_distillation_loss(estimates, sources, sources + 0.3 * mixture[:, None])


def train(distribution, folder, steps):
    micro = Micro(folder)
    keras.utils.set_random_seed(0)
    with distribution.strategy.scope():
        model = registry.build(SIZES)
    stage = StageRecipe(
        steps=steps, batch_size=2, schedule="constant", evaluate_every=2, ema_decay=0.5
    )
    with distribution.named_loss_of_workers():
        StageLoop(
            model, loss, micro.dev_mixtures(), stage, folder, name="float",
            distribution=distribution,
        ).run(micro.batches, resume=True)
        distribution.wait()


def main(kind, folder, steps):
    if kind != "mirrored":
        return train(Distribution(kind), folder, steps)
    cpu = tf.config.list_physical_devices("CPU")[0]
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, halves)
    train(Distribution(), Path(folder) / "one", steps)
    distribution = Distribution()
    distribution.strategy = tf.distribute.MirroredStrategy(["cpu:0", "cpu:1"])
    train(distribution, folder, steps)


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    except FqssError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
