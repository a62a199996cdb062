"""Runs one published noise suppressor over WAV files; benchmarks/peers.py calls it.

    python peer_worker.py PEER REPOSITORY INPUT OUTPUT

Runs in the environment that peers.py makes: it needs no part of this package. Reads all files of
the folder INPUT, 16 kHz and mono, writes the voice of each under its name into OUTPUT, and prints
``{"seconds": time of computing, "bytes": of the weights}``. One thread.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE = 16000
FRAME, HOP = 512, 256  # of the spectrograms of GTCRN and UL-UNAS
Denoise = Callable[[np.ndarray], np.ndarray]


def webrtc(repository: Path) -> tuple[Denoise, int]:
    from webrtc_noise_gain import AudioProcessor

    def denoise(mixture):
        processor = AudioProcessor(0, 4)
        frames = _int16(mixture).reshape(-1, RATE // 100)
        return _float(b"".join(processor.Process10ms(each.tobytes()).audio for each in frames))

    return denoise, 0


def rnnoise(repository: Path) -> tuple[Denoise, int]:
    from pyrnnoise import rnnoise as library

    def denoise(mixture):
        state = library.create()
        at_48k = _int16(soxr.resample(mixture, RATE, 3 * RATE)).reshape(-1, library.FRAME_SIZE)
        frames = [library.process_mono_frame(state, each)[0] for each in at_48k]
        library.destroy(state)
        return soxr.resample(np.concatenate(frames) / np.float32(2**15), 3 * RATE, RATE)

    # The library is hardly more than its weights.
    return denoise, next(Path(library.__file__).parent.glob("librnnoise*")).stat().st_size


def dtln(repository: Path, prefix: str = "model") -> tuple[Denoise, int]:
    from ai_edge_litert.interpreter import Interpreter

    files = [repository / "pretrained_model" / f"{prefix}_{part}.tflite" for part in (1, 2)]
    parts = [Interpreter(str(file), num_threads=1) for file in files]
    for part in parts:
        part.allocate_tensors()
    length, shift = 512, 128

    def run(part, value, state):
        (data, states), (result, next_state) = part.get_input_details(), part.get_output_details()
        part.set_tensor(states["index"], state)
        part.set_tensor(data["index"], value)
        part.invoke()
        return part.get_tensor(result["index"]), part.get_tensor(next_state["index"])

    def denoise(mixture):
        states = [
            np.zeros(part.get_input_details()[1]["shape"], np.float32) for part in parts
        ]
        heard, estimate = np.zeros(length, np.float32), np.zeros(len(mixture) + length, np.float32)
        for start in range(0, len(mixture) - shift + 1, shift):
            heard = np.concatenate([heard[shift:], mixture[start : start + shift]])
            spectrum = np.fft.rfft(heard)
            magnitude = np.abs(spectrum).astype(np.float32)[None, None]
            mask, states[0] = run(parts[0], magnitude, states[0])
            masked = np.fft.irfft(spectrum * mask[0, 0]).astype(np.float32)[None, None]
            block, states[1] = run(parts[1], masked, states[1])
            estimate[start : start + length] += block.ravel()
        return estimate[: len(mixture)]

    return denoise, sum(file.stat().st_size for file in files)


def dtln_8_bit(repository: Path) -> tuple[Denoise, int]:
    return dtln(repository, "model_quant")


def gtcrn(repository: Path) -> tuple[Denoise, int]:
    return _spectral(
        repository / "stream" / "onnx_models" / "gtcrn_simple.onnx",
        np.sqrt(np.hanning(FRAME + 1)[:-1]), np.sqrt(np.hanning(FRAME + 1)[:-1]),
    )


def ul_unas(repository: Path) -> tuple[Denoise, int]:
    window = np.hanning(FRAME + 1)[:-1]
    inverse = window / (window**2 + np.roll(window, HOP) ** 2)
    return _spectral(
        repository / "ulunas_onnx" / "onnx_models" / "ulunas_stream_simple.onnx", window, inverse
    )


def _spectral(file: Path, window: np.ndarray, inverse: np.ndarray) -> tuple[Denoise, int]:
    """A network that turns one frame of a spectrogram into another, and keeps states."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    data, *kept = session.get_inputs()

    def denoise(mixture):
        states = {each.name: np.zeros(each.shape, np.float32) for each in kept}
        padded = np.concatenate([np.zeros(HOP), mixture, np.zeros(FRAME)])
        estimate = np.zeros(len(padded))
        for start in range(0, len(padded) - FRAME + 1, HOP):
            spectrum = np.fft.rfft(window * padded[start : start + FRAME])
            parts = np.stack([spectrum.real, spectrum.imag], -1).astype(np.float32)
            result, *found = session.run(None, {data.name: parts[None, :, None], **states})
            states = dict(zip(states, found, strict=True))
            block = np.fft.irfft(result[0, :, 0, 0] + 1j * result[0, :, 0, 1])
            estimate[start : start + FRAME] += inverse * block
        return estimate[HOP : HOP + len(mixture)].astype(np.float32)

    return denoise, file.stat().st_size


def _int16(samples: np.ndarray) -> np.ndarray:
    return np.clip(np.round(samples * 2**15), -(2**15), 2**15 - 1).astype(np.int16)


def _float(samples: bytes) -> np.ndarray:
    return np.frombuffer(samples, np.int16) / np.float32(2**15)


PEERS = {
    "webrtc": webrtc, "rnnoise": rnnoise, "dtln": dtln, "dtln-8-bit": dtln_8_bit,
    "gtcrn": gtcrn, "ul-unas": ul_unas,
}


def main() -> None:
    name, repository, source, output = sys.argv[1:]
    denoise, weights = PEERS[name](Path(repository))
    seconds = 0.0
    for path in sorted(Path(source).glob("*.wav")):
        mixture, rate = soundfile.read(path, dtype="float32")
        if rate != RATE or mixture.ndim != 1:
            sys.exit(f"{path}: is not mono at {RATE} Hz")
        # Whole frames of all of them, and silence that brings out what they hold back.
        padded = np.pad(mixture, (0, 2400 + -len(mixture) % 160))
        began = time.process_time()
        estimate = denoise(padded)
        seconds += time.process_time() - began
        soundfile.write(Path(output) / path.name, estimate, RATE, subtype="FLOAT")
    print(json.dumps({"seconds": seconds, "bytes": weights}))


if __name__ == "__main__":
    main()
