"""What is computed is what the hardware has."""

from __future__ import annotations

from contextlib import nullcontext
from types import MappingProxyType

import pytest
import torch

from seggrid.networks import SegmentationNetwork, compute_outputs, computed_precision

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


@pytest.mark.parametrize(
    ("instructions", "wanted", "computed"),
    [
        ({"avx512_f": True, "avx512_bf16": True}, "bf16", "bf16"),
        ({"amx_bf16": True}, "bf16", "bf16"),
        ({"architecture": "arm64", "bf16": True}, "bf16", "bf16"),
        ({"avx512_f": True, "avx512_bf16": False}, "bf16", "fp32"),
        ({"avx512_bf16": True, "avx512_fp16": False}, "fp16", "fp32"),
        ({"avx512_fp16": True}, "fp16", "fp16"),
        ({"avx512_bf16": True, "avx512_fp16": True}, "fp32", "fp32"),
        ({}, "bf16", "fp32"),
    ],
)
def test_a_processor(
    instructions: dict[str, object], wanted: str, computed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: MappingProxyType(instructions))
    assert computed_precision(wanted, CPU) == computed


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device", nullcontext)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation)
    assert computed_precision("bf16", GPU) == ("bf16" if native else "fp32")
    assert computed_precision("fp16", GPU) == "fp16"


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_the_forward_pass(native: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": native})
    found = []
    convolution = torch.nn.Conv2d(1, 2, 3, padding=1)
    convolution.register_forward_hook(lambda *given: found.append(given[-1].dtype))
    network = SegmentationNetwork(convolution, stride=1)
    outputs = compute_outputs(network, torch.zeros(1, 1, 8, 8), "bf16", channels_last=False)
    assert found == [dtype]
    assert outputs.logits.dtype == torch.float32
