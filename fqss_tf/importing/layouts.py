"""What is known of each published checkpoint: its keys, its arguments, its tensors."""

import functools

from fqss_tf.errors import FqssError
from fqss_tf.importing.layout import Layout, Supported
from fqss_tf.models.convtasnet import published as convtasnet
from fqss_tf.models.dprnn import published as dprnn
from fqss_tf.models.dptnet import published as dptnet
from fqss_tf.models.dptnet_asteroid import published as dptnet_asteroid
from fqss_tf.models.htdemucs import published as htdemucs
from fqss_tf.models.music_convtasnet import published as music_convtasnet
from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.sepformer import published as sepformer
from fqss_tf.models.sizes import EncoderSizes, MaskActivation
from fqss_tf.models.spleeter import published as spleeter
from fqss_tf.types import Json


def recognised(tensors: PublishedTensors, name: str | None = None) -> Layout:
    """The layout of a checkpoint.

    Args:
        tensors: PublishedTensors.
        name: of a layout or a publisher, to choose among these; None for all.

    Raises:
        FqssError: no layout is called so, or none has these keys.
    """
    chosen = [item for item in LAYOUTS if name in (None, item.name, item.publisher)]
    if not chosen:
        known = ", ".join(item.name for item in LAYOUTS)
        raise FqssError(f"layout {name!r} is unknown: use one of {known}")
    for layout in chosen:
        if layout.signature in tensors.tensors:
            return layout
    first = next(iter(tensors.tensors))
    if len(chosen) == 1:
        raise FqssError(f"{chosen[0].signature} of {chosen[0].name} is missing; it has {first}")
    raise FqssError(
        f"{first} is of no known layout: {', '.join(item.name for item in chosen)}"
    )


def _convtasnet_measured(encoder: str, tensors: PublishedTensors) -> dict[str, int]:
    filters, _, kernel = tensors.shape(encoder, 3)
    hidden, bottleneck, _ = tensors.shape("masker.TCN.0.shared_block.0.weight", 3)
    return {
        "filters": filters,
        "kernel": kernel,
        "bottleneck": bottleneck,
        "hidden": hidden,
        "skip": tensors.shape("masker.TCN.0.skip_conv.weight", 3)[0],
        "block_kernel": tensors.shape("masker.TCN.0.shared_block.3.weight", 3)[2],
        "sources": tensors.shape("masker.mask_net.1.weight", 3)[0] // filters,
    }


def _convtasnet_assumed(tensors: PublishedTensors, values: Json) -> Json:
    total = tensors.count("masker.TCN.%d.shared_block.0.weight")
    blocks = values.get("blocks", total // values.get("repeats", max(1, total // 8)))
    if not isinstance(blocks, int) or blocks < 1 or total % blocks:
        raise FqssError(f"how {total} blocks repeat cannot be told: give n_blocks by --config")
    if blocks * values.get("repeats", 1) > total:
        raise FqssError(f"masker.TCN.{total}.shared_block.0.weight is missing")
    return {
        "hop": values["kernel"] // 2, "mask_activation": "relu", "blocks": blocks,
        "repeats": total // blocks,
    }


def _sepformer_measured(
    encoder: str, masker: str, block: str, path: str, tensors: PublishedTensors
) -> dict[str, int]:
    """The arguments before the last are what the keys have in the places so named."""
    filters, _, kernel = tensors.shape(encoder, 3)
    ffn = "pos_ffn.ffn.0.weight" if masker == "masknet." else "ffn.0.weight"
    first = f"{masker}{block}.0.intra{path}.layers"
    feed_forward, width = tensors.shape(f"{first}.0.{ffn}", 2)
    return {
        "filters": filters,
        "kernel": kernel,
        "width": width,
        "feed_forward": feed_forward,
        "blocks": tensors.count(f"{masker}{block}.%d.intra{path}.layers.0.{ffn}"),
        "intra_layers": tensors.count(f"{first}.%d.{ffn}"),
        "inter_layers": tensors.count(f"{masker}{block}.0.inter{path}.layers.%d.{ffn}"),
        "sources": tensors.shape(f"{masker}conv2d.weight", 4)[0] // width,
    }


def _sepformer_assumed(tensors: PublishedTensors, values: Json) -> Json:
    return {"hop": values["kernel"] // 2, "chunk": 250, "heads": 8}


def _dptnet_measured(tensors: PublishedTensors) -> dict[str, int]:
    filters, _, kernel = tensors.shape("encoder.conv1d_U.weight", 3)
    width = tensors.shape("separator.BN.weight", 3)[0]
    layer = "separator.DPT.row_transformer.%d.transformer."
    return {
        "filters": filters,
        "kernel": kernel,
        "hop": max(1, kernel // 2),
        "width": width,
        "hidden": tensors.shape(f"{layer % 0}lstm.weight_hh_l0", 2)[1],
        "blocks": tensors.count(f"{layer}lstm.weight_hh_l0"),
        "heads": 4,
        "sources": tensors.shape("separator.DPT.output.1.weight", 4)[0] // width,
    }


def _dptnet_assumed(tensors: PublishedTensors, values: Json) -> Json:
    return {"chunk": 250}


def _asteroid_measured(recurrent: str, tensors: PublishedTensors) -> dict[str, int]:
    filters, _, kernel = tensors.shape("encoder.filterbank._filters", 3)
    channels, width = tensors.shape("masker.first_out.1.weight", 4)[:2]
    return {
        "filters": filters,
        "kernel": kernel,
        "hidden": tensors.shape(f"{recurrent % 0}.weight_hh_l0", 2)[1],
        "blocks": tensors.count(f"{recurrent}.weight_hh_l0"),
        "sources": channels // width,
    }


def _asteroid_dprnn_measured(tensors: PublishedTensors) -> dict[str, int]:
    width = tensors.shape("masker.bottleneck.1.weight", 3)[0]
    return _asteroid_measured("masker.net.%d.intra_RNN.rnn", tensors) | {"width": width}


def _asteroid_assumed(activation: MaskActivation, tensors: PublishedTensors, values: Json) -> Json:
    chunk = values.get("chunk", 100)
    return {
        "hop": values["kernel"] // 2, "chunk": chunk, "chunk_hop": max(1, chunk // 2),
        "mask_activation": activation,
    }


def _asteroid_dptnet_assumed(tensors: PublishedTensors, values: Json) -> Json:
    return _asteroid_assumed("relu", tensors, values) | {"heads": 4}


def _music_convtasnet_measured(
    keys: music_convtasnet.Keys, tensors: PublishedTensors
) -> dict[str, int]:
    filters, _, kernel = tensors.shape(keys.encoder, 3)
    first = music_convtasnet.BLOCK % (0, 0)
    hidden, bottleneck, _ = tensors.shape(f"{first}.0.weight", 3)
    return {
        "filters": filters,
        "kernel": kernel,
        "bottleneck": bottleneck,
        "hidden": hidden,
        "block_kernel": tensors.shape(f"{first}.3.net.0.weight", 3)[2],
        "blocks": tensors.count("separator.network.2.0.%d.net.0.weight"),
        "repeats": tensors.count("separator.network.2.%d.0.net.0.weight"),
        "sources": tensors.shape(f"{music_convtasnet.MASKS}.weight", 3)[0] // filters,
    }


def _music_convtasnet_assumed(tensors: PublishedTensors, values: Json) -> Json:
    return {"hop": values["kernel"] // 2}


def _music_convtasnet_recipe(sizes: EncoderSizes) -> str:
    return "music-convtasnet"


def _htdemucs_measured(tensors: PublishedTensors) -> dict[str, int]:
    filters, few = tensors.shape("encoder.0.dconv.layers.0.3.weight", 3)[:2]
    filters //= 2
    rows = tensors.shape("freq_emb.embedding.weight", 2)[0]
    depth = tensors.count("encoder.%d.conv.weight")
    feed_forward, width = tensors.shape("crosstransformer.layers.0.linear1.weight", 2)
    return {
        "filters": filters,
        "kernel": 8 * rows,
        "hop": 2 * rows,
        "depth": depth,
        "branches": tensors.count("encoder.0.dconv.layers.%d.0.weight"),
        "compression": max(1, filters // few),
        "decoder_branches": "decoder.0.dconv.layers.0.0.weight" in tensors.tensors,
        "width": width,
        "feed_forward": feed_forward,
        "layers": tensors.count("crosstransformer.layers.%d.linear1.weight"),
        # A bin of two channels is four numbers.
        "sources": tensors.shape(f"decoder.{depth - 1}.conv_tr.weight", 4)[1] // 4,
    }


def _htdemucs_assumed(tensors: PublishedTensors, values: Json) -> Json:
    return {"heads": 8}


def _htdemucs_recipe(sizes: EncoderSizes) -> str:
    return "htdemucs"


def _spleeter_measured(tensors: PublishedTensors) -> dict[str, int]:
    # A U-Net has seven convolutions, the last of which makes a mask.
    total = tensors.count("conv2d_%d/kernel", first=1) + 1
    return {
        "filters": tensors.shape("conv2d/kernel", 4)[3],
        "sources": -(-total // spleeter.CONVOLUTIONS),
    }


def _spleeter_assumed(tensors: PublishedTensors, values: Json) -> Json:
    sources = values["sources"]
    return {
        "kernel": 4096, "hop": 1024, "bins": 1024,
        "activation": "relu" if sources == 2 else "elu",
        "masks": "softmax" if sources == 5 else "sigmoid",
    }


def _spleeter_recipe(sizes: EncoderSizes) -> str:
    if sizes.sources not in SPLEETER_STEMS:
        raise FqssError(
            f"it has {sizes.sources} stems: only {', '.join(map(str, SPLEETER_STEMS))} have names"
        )
    return f"spleeter-{sizes.sources}stems"


SPLEETER_STEMS = (2, 4, 5)
_ASTEROID_ENCODER = {
    "n_src": "sources", "n_filters": "filters", "kernel_size": "kernel", "stride": "hop",
}
_FQSS_ENCODER = _ASTEROID_ENCODER | {"n_spks": "sources"}
_ASTEROID_FREE_FILTERS: Supported = {"fb_name": ("FreeFB", "free")}
_ASTEROID_RECURRENT: Supported = {"norm_type": ("gLN",), "bidirectional": (True,)}
_DPTNET = {
    "enc_dim": "filters", "feature_dim": "width", "hidden_dim": "hidden", "layer": "blocks",
    "segment_size": "chunk",
}

# Of masks by Wiener filters, which complex spectra as channels do without; of layers that are left
# out of a network of four layers; of training; of attention that is not sparse; of shapes.
HTDEMUCS_IGNORED = (
    "wiener_iters", "end_iters", "wiener_residual", "multi_freqs_depth", "norm_groups",
    "emb_smooth", "dconv_init", "rescale", "t_hidden_scale", "t_dropout", "t_weight_decay", "t_lr",
    "t_max_positions", "t_mask_type", "t_mask_random_seed", "t_sparse_attn_window",
    "t_global_window", "t_sparsity", "t_auto_sparsity", "t_cape_mean_normalize", "t_cape_augment",
    "t_cape_glob_loc_scale",
)

LAYOUTS = (
    Layout(
        name="asteroid-convtasnet",
        network="convtasnet",
        signature="masker.TCN.0.shared_block.2.gamma",
        arguments=_ASTEROID_ENCODER | {
            "in_chan": "filters", "out_chan": "filters", "bn_chan": "bottleneck",
            "hid_chan": "hidden", "skip_chan": "skip", "conv_kernel_size": "block_kernel",
            "n_blocks": "blocks", "n_repeats": "repeats", "mask_act": "mask_activation",
        },
        only=_ASTEROID_FREE_FILTERS | {
            "norm_type": ("gLN",), "causal": (False,), "encoder_activation": (None, "linear"),
        },
        measured=functools.partial(_convtasnet_measured, "encoder.filterbank._filters"),
        assumed=_convtasnet_assumed,
        weights=functools.partial(
            convtasnet.from_published, encoder="encoder.filterbank._filters",
            decoder="decoder.filterbank._filters", gain="gamma", shift="beta",
        ),
    ),
    Layout(
        name="fqss-convtasnet",
        network="convtasnet",
        signature="masker.TCN.0.shared_block.2.weight",
        arguments=_FQSS_ENCODER | {
            "bn_chan": "bottleneck", "hid_chan": "hidden", "mask_kernel_size": "block_kernel",
            "n_blocks": "blocks", "n_repeats": "repeats", "mask_act": "mask_activation",
        },
        only={},
        measured=functools.partial(_convtasnet_measured, "encoder.weight"),
        assumed=_convtasnet_assumed,
        weights=functools.partial(
            convtasnet.from_published, encoder="encoder.weight", decoder="decoder.weight",
            gain="weight", shift="bias",
        ),
    ),
    Layout(
        name="asteroid-dptnet",
        network="dptnet-asteroid",
        signature="masker.layers.0.0.mha.in_proj_weight",
        arguments=_ASTEROID_ENCODER | {
            "in_chan": "filters", "n_heads": "heads", "ff_hid": "hidden", "chunk_size": "chunk",
            "hop_size": "chunk_hop", "n_repeats": "blocks", "mask_act": "mask_activation",
        },
        only=_ASTEROID_FREE_FILTERS | _ASTEROID_RECURRENT | {
            "ff_activation": ("relu",), "encoder_activation": ("relu",),
        },
        measured=functools.partial(_asteroid_measured, "masker.layers.%d.0.recurrent"),
        assumed=_asteroid_dptnet_assumed,
        weights=dptnet_asteroid.from_published,
    ),
    Layout(
        name="asteroid-dprnntasnet",
        network="dprnn",
        signature="masker.net.0.intra_RNN.rnn.weight_ih_l0",
        arguments=_ASTEROID_ENCODER | {
            "in_chan": "filters", "out_chan": "filters", "bn_chan": "width", "hid_size": "hidden",
            "chunk_size": "chunk", "hop_size": "chunk_hop", "n_repeats": "blocks",
            "mask_act": "mask_activation",
        },
        only=_ASTEROID_FREE_FILTERS | _ASTEROID_RECURRENT | {
            "encoder_activation": (None, "linear"), "rnn_type": ("LSTM",), "num_layers": (1,),
            "use_mulcat": (False,),
        },
        measured=_asteroid_dprnn_measured,
        assumed=functools.partial(_asteroid_assumed, "sigmoid"),
        weights=dprnn.from_published,
    ),
    Layout(
        name="speechbrain-sepformer",
        network="sepformer",
        signature="masknet.dual_mdl.0.intra_mdl.mdl.layers.0.self_att.att.in_proj_weight",
        arguments={
            "num_spks": "sources", "N": "filters", "kernel_size": "kernel", "stride": "hop",
            "K": "chunk", "num_layers": "blocks", "intra_layers": "intra_layers",
            "inter_layers": "inter_layers", "nhead": "heads", "d_ffn": "feed_forward",
        },
        only={},
        measured=functools.partial(
            _sepformer_measured, "encoder.conv1d.weight", "masknet.", "dual_mdl", "_mdl.mdl",
        ),
        assumed=_sepformer_assumed,
        weights=functools.partial(sepformer.from_published, fqss=False),
    ),
    Layout(
        name="fqss-sepformer",
        network="sepformer",
        signature="masker.layers.0.intra_transformer_block.layers.0.mha.in_proj_weight",
        arguments=_FQSS_ENCODER | {
            "chunk_size": "chunk", "n_repeats": "blocks", "intra_layers": "intra_layers",
            "inter_layers": "inter_layers", "n_heads": "heads", "n_ffn": "feed_forward",
        },
        only={},
        measured=functools.partial(
            _sepformer_measured, "encoder.0.weight", "masker.", "layers", "_transformer_block",
        ),
        assumed=_sepformer_assumed,
        weights=functools.partial(sepformer.from_published, fqss=True),
    ),
    Layout(
        name="ujscjj-dptnet",
        network="dptnet",
        signature="mask_conv1x1.weight",
        arguments=_DPTNET | {"nspk": "sources", "win_len": "kernel"},
        only={},
        measured=_dptnet_measured,
        assumed=_dptnet_assumed,
        weights=functools.partial(dptnet.from_published, mask="mask_conv1x1"),
    ),
    Layout(
        name="fqss-dptnet",
        network="dptnet",
        signature="mask_conv1x1.0.weight",
        arguments=_DPTNET | {"n_spks": "sources", "kernel_size": "kernel"},
        only={},
        measured=_dptnet_measured,
        assumed=_dptnet_assumed,
        weights=functools.partial(dptnet.from_published, mask="mask_conv1x1.0"),
    ),
    Layout(
        name="demucs-tasnet",
        network="music-convtasnet",
        signature=music_convtasnet.DEMUCS.decoder,
        arguments={
            "N": "filters", "L": "kernel", "B": "bottleneck", "H": "hidden", "P": "block_kernel",
            "X": "blocks", "R": "repeats",
        },
        only={
            "audio_channels": (2,), "norm_type": ("gLN",), "causal": (False,),
            "mask_nonlinear": ("relu",),
        },
        measured=functools.partial(_music_convtasnet_measured, music_convtasnet.DEMUCS),
        assumed=_music_convtasnet_assumed,
        weights=functools.partial(
            music_convtasnet.from_published, keys=music_convtasnet.DEMUCS
        ),
        recipe=_music_convtasnet_recipe,
        named="sources",
    ),
    Layout(
        name="fqss-convtasnetmusic",
        network="music-convtasnet",
        signature=f"{music_convtasnet.FQSS.first_norm}.weight",
        arguments={
            "n_filters": "filters", "kernel": "kernel", "stride": "hop", "bn_chan": "bottleneck",
            "hid_chan": "hidden", "conv_kernel": "block_kernel", "n_blocks": "blocks",
            "n_repeats": "repeats",
        },
        only={"audio_channels": (2,), "mask_act": ("relu",)},
        measured=functools.partial(_music_convtasnet_measured, music_convtasnet.FQSS),
        assumed=_music_convtasnet_assumed,
        weights=functools.partial(music_convtasnet.from_published, keys=music_convtasnet.FQSS),
        recipe=_music_convtasnet_recipe,
        named="sources",
    ),
    Layout(
        name="demucs-htdemucs",
        network="htdemucs",
        signature="crosstransformer.layers.0.self_attn.in_proj_weight",
        arguments={
            "channels": "filters", "nfft": "kernel", "depth": "depth", "bottom_channels": "width",
            "t_layers": "layers", "t_heads": "heads", "dconv_depth": "branches",
            "dconv_comp": "compression",
        },
        only={
            "audio_channels": (2,), "cac": (True,), "rewrite": (True,), "growth": (2,),
            "channels_time": (None,), "kernel_size": (8,), "stride": (4,), "time_stride": (2,),
            "context": (1,), "context_enc": (0,), "norm_starts": (4,), "freq_emb": (0.2,),
            "emb_scale": (10,), "dconv_mode": (1, 3), "multi_freqs": (None, []),
            "use_train_segment": (True,), "t_emb": ("sin",), "t_norm_in": (True,),
            "t_norm_in_group": (False,), "t_group_norm": (False,), "t_norm_first": (True,),
            "t_norm_out": (True,), "t_max_period": (10000.0,), "t_weight_pos_embed": (1.0,),
            "t_cross_first": (False,), "t_layer_scale": (True,), "t_gelu": (True,),
            "t_sin_random_shift": (0,), "t_sparse_self_attn": (False,),
            "t_sparse_cross_attn": (False,),
        },
        measured=_htdemucs_measured,
        assumed=_htdemucs_assumed,
        weights=htdemucs.from_published,
        recipe=_htdemucs_recipe,
        named="sources",
        timed="segment",
        ignored=HTDEMUCS_IGNORED,
    ),
    Layout(
        name="spleeter-unets",
        network="spleeter",
        signature="conv2d_transpose/kernel",
        arguments={"frame_length": "kernel", "frame_step": "hop", "F": "bins"},
        only={"n_channels": (2,), "separation_exponent": (2,), "mask_extension": ("zeros",)},
        measured=_spleeter_measured,
        assumed=_spleeter_assumed,
        weights=spleeter.from_published,
        recipe=_spleeter_recipe,
    ),
)
