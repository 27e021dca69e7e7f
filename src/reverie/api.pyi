# Written by scripts/write_stubs.py: do not edit.
# ruff: noqa
# fmt: off
from typing import Literal
from reverie.core.options import OptionValue
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from jaxtyping import Float
from torch import Tensor
from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.data.memory import Images, Labels, in_memory, refuse_in_memory
from reverie.evaluation.evaluate import EvaluateResult
from reverie.exports.files import ExportResult, export_files
from reverie.exports.web import PageResult, export_page
from reverie.inference.dream.files import DreamResult, dream_image
from reverie.inference.info import InfoResult, info
from reverie.inference.latent.files import EditResult, InterpolateResult, ReconstructResult, edit_files, interpolate_files, reconstruct_files
from reverie.inference.load import import_weights, is_image_set, load
from reverie.inference.model import Model
from reverie.inference.options import DreamOptions, EditOptions, EvaluateOptions, ExportOptions, InterpolateOptions, ReconstructOptions, SampleOptions, TranslateOptions, UpscaleOptions
from reverie.inference.place import DEFAULT_UPSCALER
from reverie.inference.sample import sample_images
from reverie.inference.translate import TranslateResult, translate_files
from reverie.inference.upscale import UpscaleResult, upscale_files
from reverie.methods import METHODS, Method, Translates, Upscales
from reverie.runs.place import with_runs_inside
from reverie.runs.run import find_run
from reverie.training.callbacks import Callback
from reverie.training.comparison import CompareResult, write_comparison
from reverie.training.result import TrainResult
from reverie.training.resume import base_recipe
from reverie.training.sweep_result import SweepResult

Paths = str | Path | Sequence[str | Path]
__all__ = ['CompareResult', 'DreamResult', 'EditResult', 'EvaluateResult', 'InfoResult', 'InterpolateResult', 'Model', 'ReconstructResult', 'SweepResult', 'TrainResult', 'TranslateResult', 'UpscaleResult', 'compare', 'dream', 'edit', 'evaluate', 'import_weights', 'info', 'interpolate', 'load', 'reconstruct', 'sample', 'sweep', 'train', 'translate', 'upscale']

def train(
    method: str | type[Method] | None = ...,
    *,
    out: str | Path,
    data: Images | None = ...,
    data_b: Images | None = ...,
    labels: Labels | None = ...,
    preset: str | None = ...,
    config: str | Path | None = ...,
    resume: bool = ...,
    restart: bool = ...,
    callbacks: Sequence[Callback] = ...,
    image_size: int | str | Sequence[int] | None = None,
    channels: Literal['auto', '1', '3'] = 'auto',
    resize: Literal['crop', 'squash', 'pad', 'width', 'none'] = 'crop',
    jitter: float = 0.0,
    where: str | None = None,
    domain_a: str | None = None,
    domain_b: str | None = None,
    pair_by: Literal['grey', 'edges', 'lowres', 'blur'] | None = None,
    direction: Literal['ab', 'ba'] = 'ab',
    split: Literal['train', 'test', 'all'] = 'train',
    label_column: str | None = None,
    flip: bool = False,
    decode: Literal['fast', 'exact'] = 'fast',
    cache: bool = True,
    steps: int | None = None,
    epochs: float | None = None,
    minutes: float | None = None,
    batch_size: int = 64,
    accumulate: int = 1,
    seed: int = 0,
    precision: Literal['auto', 'fp32', 'bf16', 'fp16'] = 'auto',
    autotune: bool = True,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    optimizer: str | Callable[..., object] = 'adam',
    schedule: str | None | Callable[..., object] = None,
    warmup_steps: int = 0,
    decay: Literal['none', 'linear', 'cosine'] = 'none',
    decay_from: float = 0.5,
    ema_decay: float = 0.999,
    clip_norm: float = 0.0,
    gradient_checkpointing: bool = False,
    log_every: int | str = '50 or 10s',
    sample_every: int | str = '500 or 5m',
    checkpoint_every: int | str = '1000 or 5m',
    keep_checkpoints: int = 3,
    evaluate_every: int = 0,
    evaluate_count: int = 1000,
    patience: int = 0,
    init: str | None = None,
    log_norms: bool = False,
    track: Sequence[str] = (),
    **options: OptionValue | Callable[..., object],
) -> TrainResult: ...
def sweep(
    method: str | type[Method],
    axes: Mapping[str, Sequence[OptionValue]],
    *,
    out: str | Path,
    preset: str | None = ...,
    jobs: int = ...,
    data: str | None = None,
    image_size: int | str | Sequence[int] | None = None,
    channels: Literal['auto', '1', '3'] = 'auto',
    resize: Literal['crop', 'squash', 'pad', 'width', 'none'] = 'crop',
    jitter: float = 0.0,
    data_b: str | None = None,
    where: str | None = None,
    domain_a: str | None = None,
    domain_b: str | None = None,
    pair_by: Literal['grey', 'edges', 'lowres', 'blur'] | None = None,
    direction: Literal['ab', 'ba'] = 'ab',
    split: Literal['train', 'test', 'all'] = 'train',
    label_column: str | None = None,
    flip: bool = False,
    decode: Literal['fast', 'exact'] = 'fast',
    cache: bool = True,
    steps: int | None = None,
    epochs: float | None = None,
    minutes: float | None = None,
    batch_size: int = 64,
    accumulate: int = 1,
    seed: int = 0,
    precision: Literal['auto', 'fp32', 'bf16', 'fp16'] = 'auto',
    autotune: bool = True,
    device: Literal['auto', 'cpu', 'cuda', 'mps'] = 'auto',
    optimizer: str | Callable[..., object] = 'adam',
    schedule: str | None | Callable[..., object] = None,
    warmup_steps: int = 0,
    decay: Literal['none', 'linear', 'cosine'] = 'none',
    decay_from: float = 0.5,
    ema_decay: float = 0.999,
    clip_norm: float = 0.0,
    gradient_checkpointing: bool = False,
    log_every: int | str = '50 or 10s',
    sample_every: int | str = '500 or 5m',
    checkpoint_every: int | str = '1000 or 5m',
    keep_checkpoints: int = 3,
    evaluate_every: int = 0,
    evaluate_count: int = 1000,
    patience: int = 0,
    init: str | None = None,
    log_norms: bool = False,
    track: Sequence[str] = (),
    **options: OptionValue,
) -> SweepResult: ...
def sample(
    model: str | Path | Model,
    count: int | None = ...,
    *,
    options: SampleOptions | None = ...,
    guidance: float | None = None,
    steps: int | None = None,
    sampler: Literal['auto', 'ddpm', 'ddim', 'euler', 'heun', 'dpmpp-2m', 'mean-flow'] | None = None,
    schedule: Literal['auto', 'karras', 'uniform'] | None | Callable[..., object] = None,
    seed: int = 0,
    label: Sequence[str] = (),
    between: Sequence[int] | None = None,
    init: str | Path | None = None,
    strength: float = 0.6,
    mask: str | Path | None = None,
    film: str | Path | None = None,
) -> Float[Tensor, 'count c h w']: ...
def translate(
    model: str | Path | Model,
    images: Paths,
    *,
    out: str | Path,
    options: TranslateOptions | None = ...,
    direction: Literal['ab', 'ba'] = 'ab',
    size: Literal['own', 'trained'] = 'own',
    dropout: Literal['off', 'on'] = 'off',
    statistics: Literal['trained', 'image'] = 'trained',
    tile: int | None = None,
    cycle: Literal['sheet', 'all', 'none'] = 'sheet',
    pair_by: Literal['grey', 'edges', 'lowres', 'blur'] | None = None,
    seed: int = 0,
) -> TranslateResult: ...
def upscale(
    images: Paths,
    *,
    out: str | Path,
    model: str | Path | Model = ...,
    options: UpscaleOptions | None = ...,
    scale: float | None = None,
    tile: int | None = None,
    precision: Literal['auto', 'fp32', 'bf16'] = 'auto',
    existing: Literal['skip', 'overwrite'] = 'skip',
    format: str | None = None,
) -> UpscaleResult: ...
def dream(
    image: str | Path,
    *,
    out: str | Path,
    options: DreamOptions | None = ...,
    octaves: int = 4,
    octave_scale: float = 1.4,
    steps: int = 10,
    step_size: float = 0.02,
    jitter: int = 32,
    normalise: Literal['mean-absolute', 'deviation'] = 'mean-absolute',
    carry: Literal['detail', 'all'] = 'detail',
    smoothing: float = 0.0,
    total_variation: float = 0.0,
    closeness: float = 0.0,
    tile: int = 512,
    seed: int = 0,
    backbone: str = 'efficientnet',
    weights: str | Path | None = None,
    layers: Sequence[str] = (),
    towards: Literal['l2', 'mean'] = 'l2',
    guide: str | Path | None = None,
    like: str | Path | None = None,
    film: int | None = None,
    zoom: float = 1.04,
    rotate: float = 0.0,
    rate: float = 12.0,
) -> DreamResult: ...
def edit(
    model: str | Path,
    expression: str | None = ...,
    *,
    out: str | Path,
    options: EditOptions | None = ...,
    image: str | Path | None = None,
    add: Sequence[str] = (),
    sweep: Sequence[str] = (),
    leave: Sequence[str] = (),
    kind: Literal['means', 'classifier'] = 'means',
    data: str | None = None,
    exemplars: int = 64,
    choice: Literal['alike', 'random'] = 'alike',
    seed: int = 0,
    noise: float = 0.2,
    norm: Literal['prior', 'keep'] = 'prior',
    refine: int = 100,
) -> EditResult: ...
def interpolate(
    model: str | Path,
    *,
    out: str | Path,
    options: InterpolateOptions | None = ...,
    guidance: float | None = None,
    steps: int | None = None,
    sampler: Literal['auto', 'ddpm', 'ddim', 'euler', 'heun', 'dpmpp-2m', 'mean-flow'] | None = None,
    schedule: Literal['auto', 'karras', 'uniform'] | None | Callable[..., object] = None,
    seeds: Sequence[int] = (),
    images: Sequence[str | Path] = (),
    frames: int = 60,
    loop: bool = False,
    straight: bool = False,
    label: str | None = None,
    plane: bool = False,
    rate: float = 20.0,
) -> InterpolateResult: ...
def reconstruct(
    model: str | Path,
    images: Paths,
    *,
    out: str | Path,
    options: ReconstructOptions | None = ...,
    refine: int = 0,
) -> ReconstructResult: ...
def evaluate(
    model: Model | Images,
    *,
    data: Images | None = ...,
    data_b: Images | None = ...,
    out: str | Path | None = ...,
    options: EvaluateOptions | None = ...,
    guidance: float | None = None,
    steps: int | None = None,
    sampler: Literal['auto', 'ddpm', 'ddim', 'euler', 'heun', 'dpmpp-2m', 'mean-flow'] | None = None,
    schedule: Literal['auto', 'karras', 'uniform'] | None | Callable[..., object] = None,
    against: str | Path | None = None,
    save_stats: str | Path | None = None,
    split: Literal['train', 'test', 'all'] = 'test',
    where: str | None = None,
    domain_a: str | None = None,
    domain_b: str | None = None,
    pair_by: Literal['grey', 'edges', 'lowres', 'blur'] | None = None,
    count: int | None = None,
    features: str | None = None,
    seed: int = 0,
    pairs: bool = False,
    luma: bool = False,
    border: int = 0,
    report: str | Path | None = None,
) -> EvaluateResult: ...
def export(
    model: str | Path | Model,
    *,
    out: str | Path,
    options: ExportOptions | None = ...,
    to: Literal['onnx', 'torch', 'web'] = 'onnx',
    single_file: bool = False,
    webgpu: bool = False,
    data: str | None = None,
    examples: str | Path | None = None,
    direction: Literal['ab', 'ba'] | None = None,
    compile: bool = False,
    half: bool = False,
    quantize: Literal['int8'] | None = None,
    images: str | Path | None = None,
    license: str = '',
) -> ExportResult | PageResult: ...
def compare(
    runs: Sequence[str | Path],
    out: str | Path,
    *,
    overwrite: bool = ...,
) -> CompareResult: ...
