"""The arithmetic of a device, which may not have what a run asks for."""

from __future__ import annotations

import torch

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

#: Of x86 and of ARM, any of which a processor needs.
_INSTRUCTIONS = {
    "bf16": ("avx512_bf16", "amx_bf16", "bf16"),
    "fp16": ("avx512_fp16", "amx_fp16", "fp16_arith"),
}


def computed_precision(wanted: str, device: torch.device) -> str:
    """Return ``wanted`` where the device has instructions for it, else ``fp32``.

    What is emulated takes several times as long as float32, and is less accurate: see decision 0027.

    Args:
        wanted: ``fp32``, ``bf16`` or ``fp16``.
    """
    if wanted == "fp32":
        return wanted
    if device.type == "cpu":
        found = torch.cpu.get_capabilities()
        return wanted if any(found.get(name) for name in _INSTRUCTIONS[wanted]) else "fp32"
    if wanted == "bf16" and device.type == "cuda":
        with torch.cuda.device(device):
            return wanted if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return wanted
