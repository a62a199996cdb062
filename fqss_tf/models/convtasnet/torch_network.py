"""The published ConvTasNet in PyTorch, as its authors' users write it: the usual starting point.

The only file that needs PyTorch; nothing but ``benchmark --torch`` imports it.
"""

import torch
from torch import nn

from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig


class GlobalLayerNorm(nn.Module):
    """Mean and variance over channels and time of ``[B, C, T]`` (ConvTasNet, section II-E)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels, 1))
        self.beta = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Normalizes ``[B, C, T]``."""
        mean = inputs.mean((1, 2), keepdim=True)
        variance = (inputs - mean).square().mean((1, 2), keepdim=True)
        return self.gamma * (inputs - mean) / (variance + 1e-8).sqrt() + self.beta


class Block(nn.Module):
    """One dilated block: ``[B, bottleneck, T]`` -> (residual or None, skip)."""

    def __init__(self, config: ConvTasNetConfig, dilation: int, is_last: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(config.bottleneck, config.hidden, 1),
            *_norm_and_activation(config),
            nn.Conv1d(
                config.hidden, config.hidden, config.block_kernel, groups=config.hidden,
                dilation=dilation, padding="same",
            ),
            *_norm_and_activation(config),
        )
        self.residual = None if is_last else nn.Conv1d(config.hidden, config.bottleneck, 1)
        self.skip = nn.Conv1d(config.hidden, config.skip, 1)

    def forward(self, trunk: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Computes (residual or None, skip) of ``[B, bottleneck, T]``."""
        hidden = self.layers(trunk)
        return None if self.residual is None else self.residual(hidden), self.skip(hidden)


class TorchConvTasNet(nn.Module):
    """Mixture ``[B, T]`` -> estimates ``[B, S, T]``, T a multiple of ``config.hop``.

    Args:
        config: a ConvTasNetConfig.
    """

    def __init__(self, config: ConvTasNetConfig) -> None:
        super().__init__()
        self.latents, self.sum_to_mixture = config.latents, config.sum_to_mixture
        self.first_is_rest = config.first_is_rest
        self.rectified = config.features == "rectified"
        self.encoder = nn.Conv1d(1, config.filters, config.kernel, config.hop, bias=False)
        self.bottleneck = nn.Sequential(
            NORMS[config.norm](config.filters), nn.Conv1d(config.filters, config.bottleneck, 1)
        )
        last = len(config.dilations) - 1
        self.blocks = nn.ModuleList(
            Block(config, dilation, index == last)
            for index, dilation in enumerate(config.dilations)
        )
        self.masks = nn.Sequential(
            ACTIVATIONS[config.activation](),
            nn.Conv1d(config.skip, config.latents * config.filters, 1),
            MASK_ACTIVATIONS[config.mask_activation](),
        )
        self.decoder = nn.ConvTranspose1d(
            config.filters, 1, config.kernel, config.hop, bias=False
        )

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        """Separates mixtures ``[B, T]`` into estimates ``[B, S, T]``."""
        encoded = self.encoder(mixture[:, None])
        trunk = self.bottleneck(encoded.relu() if self.rectified else encoded)
        skip_sum = 0
        for block in self.blocks:
            residual, skip = block(trunk)
            skip_sum = skip_sum + skip
            if residual is not None:
                trunk = trunk + residual
        masks = self.masks(skip_sum).unflatten(1, (self.latents, -1))
        masked = (masks * encoded[:, None]).flatten(0, 1)
        decoded = self.decoder(masked).unflatten(0, (-1, self.latents))[:, :, 0]
        if self.first_is_rest:
            return torch.cat([mixture[:, None] - decoded, decoded], dim=1)
        if self.sum_to_mixture:
            return mixture[:, None] / 2 + torch.cat([decoded, -decoded], dim=1)
        return decoded


NORMS = {"global": GlobalLayerNorm, "batch": nn.BatchNorm1d, "folded": nn.Identity}
ACTIVATIONS = {"prelu": nn.PReLU, "relu": nn.ReLU}
MASK_ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "linear": nn.Identity}


def _norm_and_activation(config: ConvTasNetConfig) -> tuple[nn.Module, nn.Module]:
    """Global norm follows the activation as published, batch norm precedes it."""
    norm, activation = NORMS[config.norm](config.hidden), ACTIVATIONS[config.activation]()
    return (norm, activation) if config.norm == "batch" else (activation, norm)
