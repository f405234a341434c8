"""An arthritic hip as CT-like volumes with exact masks of femur and hip bone."""

from seggrid.phantom.hip.volumes import hip_volume

__all__ = ["hip_volume"]
