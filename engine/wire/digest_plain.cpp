#include <weft/wire/digest_kernel_inline.hpp>

namespace weft::wire::detail {

const DigestKernel kPlainKernel = {"plain", leaf, begin, add, end, root};

}  // namespace weft::wire::detail
