#include <weft/fabric/message_buffers.hpp>

#include <new>

namespace weft::fabric {

Result<MessageBuffers> MessageBuffers::open(const Domain& domain, std::size_t count, std::size_t bytes, Access access) {
  std::unique_ptr<std::byte[]> memory{new (std::nothrow) std::byte[count * bytes]};
  if (!memory) return fail(ErrorClass::kResourceExhausted, "messages", "no memory for their buffers");
  WEFT_LET(MemoryRegion registered, MemoryRegion::reg(domain, Region::of({memory.get(), count * bytes}), access));
  return MessageBuffers{std::move(memory), std::move(registered), bytes};
}

}  // namespace weft::fabric
