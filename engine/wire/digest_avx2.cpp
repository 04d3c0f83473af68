#include <weft/wire/digest_kernel_inline.hpp>

namespace weft::wire::detail {

const DigestKernel kAvx2Kernel = {"avx2", leaf, begin, add, end, root};

}  // namespace weft::wire::detail
