"""tensor_protocol and tensor_iroh, over Weft: both Python shapes of that library.

The UniFFI shape: create_node, TensorNode, TensorMetadata, TensorData, TensorError, TensorReceiveCallback,
uniffi_set_event_loop.  The PyO3 shape: PyTensorNode, PyTensorData, CHUNK_SIZE.  The wheel weft-compat gives this module
the names that programs import.  docs/compat.md tells what is different, and why.
"""

from ._errors import SendCancelled, TensorError
from ._pyo3 import CHUNK_SIZE, PyTensorData, PyTensorNode
from ._tensors import ReceivedTensor, TensorData, TensorMetadata
from ._uniffi import TensorNode, TensorReceiveCallback, create_node, uniffi_set_event_loop

__all__ = [
    "CHUNK_SIZE", "PyTensorData", "PyTensorNode", "ReceivedTensor", "SendCancelled", "TensorData", "TensorError",
    "TensorMetadata", "TensorNode", "TensorReceiveCallback", "create_node", "uniffi_set_event_loop",
]  # fmt: skip
