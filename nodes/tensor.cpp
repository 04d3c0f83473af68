#include <weft/nodes/tensor.hpp>

namespace weft {

Result<Tensor> Tensor::own(TensorMeta meta, std::shared_ptr<const std::byte[]> bytes) {
  WEFT_LET(auto view, TensorView::make(std::move(meta), bytes.get()));
  return Tensor(Parts{.view = std::move(view), .lease = std::move(bytes)});
}

bool Tensor::is_dense() const {
  const Strides& strides = meta().strides;
  if (strides.empty() || view().byte_size() == 0) return true;
  const Strides dense = row_major(meta().shape);
  for (std::size_t axis = 0; axis < meta().shape.rank(); ++axis)
    if (meta().shape[axis] > 1 && strides[axis] != dense[axis]) return false;  // an axis of one has no step to take
  return true;
}

}  // namespace weft
