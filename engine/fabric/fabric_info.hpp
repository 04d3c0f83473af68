#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include <weft/base/result.hpp>
#include <weft/fabric/fabric_address.hpp>
#include <weft/fabric/fabric_version.hpp>
#include <weft/fabric/handles.hpp>

namespace weft::fabric {

enum class EndpointType : std::uint8_t { kAny, kMessage, kReliableDatagram, kDatagram };
/// "any", "msg", "rdm", "dgram".
std::string_view to_string(EndpointType type) noexcept;

class FabricInfo;

/// One configuration that libfabric offers, borrowed from a FabricInfo or a FabricInfoList. Text and addresses that it
/// returns by view live as long as those. Any thread.
class FabricInfoView {
 public:
  explicit FabricInfoView(const fi_info* raw) noexcept : raw_(raw) {}

  std::string_view provider_name() const noexcept;  ///< libfabric's: "net", "tcp;ofi_rxm", …
  FabricVersion provider_version() const noexcept;  ///< the provider's own
  std::string_view fabric_name() const noexcept;
  std::string_view domain_name() const noexcept;
  EndpointType endpoint_type() const noexcept;
  std::uint64_t caps() const noexcept;
  std::uint64_t mode() const noexcept;
  std::uint64_t mr_mode() const noexcept;
  std::size_t tx_iov_limit() const noexcept;      ///< local ranges of one write
  std::size_t rma_iov_limit() const noexcept;     ///< remote ranges of one write
  std::size_t tx_size() const noexcept;           ///< operations
  std::size_t rx_size() const noexcept;           ///< operations
  std::size_t max_message_size() const noexcept;  ///< bytes
  std::size_t cq_data_size() const noexcept;      ///< bytes of immediate data
  std::size_t mr_key_size() const noexcept;       ///< bytes of a remote key
  /// Writes to one peer are placed in the order they were posted.
  bool keeps_write_order() const noexcept;
  bool can_fence() const noexcept;  ///< FI_FENCE
  /// Remote addresses are virtual addresses rather than offsets from the region's start.
  bool using_virtual_addresses() const noexcept;
  /// An immediate consumes a posted receive of the target.
  bool using_recv_buf_for_cq_data() const noexcept;
  /// Local memory must be registered before it is sent from.
  bool needs_local_registration() const noexcept;
  std::optional<FabricAddress> source() const;
  std::optional<FabricAddress> destination() const;
  /// libfabric's own description, several lines.
  std::string to_string() const;
  /// A deep copy that outlives the list.
  FabricInfo owned() const;
  const fi_info* raw() const noexcept { return raw_; }

 private:
  const fi_info* raw_;
};

struct InfoTraits {
  using Handle = fi_info*;
  static Handle none() noexcept { return nullptr; }
  static void close(Handle info) noexcept;  // the whole list that starts here
};
using InfoHandle = UniqueHandle<InfoTraits>;

/// A configuration and its only owner. Copies are deep (they throw std::bad_alloc as any value does).
class FabricInfo {
 public:
  /// Takes what libfabric allocated.
  static FabricInfo own(fi_info* raw) noexcept { return FabricInfo{InfoHandle{raw}}; }
  static FabricInfo clone(FabricInfoView view);
  /// A blank one, to be filled as hints. ResourceExhausted, or Unsupported without libfabric.
  static Result<FabricInfo> empty();

  FabricInfo(const FabricInfo& other) : FabricInfo(clone(other.view())) {}
  FabricInfo& operator=(const FabricInfo& other) {
    if (this != &other) *this = clone(other.view());
    return *this;
  }
  FabricInfo(FabricInfo&&) noexcept = default;
  FabricInfo& operator=(FabricInfo&&) noexcept = default;
  ~FabricInfo() = default;

  FabricInfoView view() const noexcept { return FabricInfoView{handle_.get()}; }
  fi_info* raw() const noexcept { return handle_.get(); }
  /// Replaces an address; absent takes it away. ResourceExhausted.
  Result<void> set_source(const std::optional<FabricAddress>& address);
  Result<void> set_destination(const std::optional<FabricAddress>& address);

 private:
  explicit FabricInfo(InfoHandle handle) noexcept : handle_(std::move(handle)) {}
  InfoHandle handle_;
};

/// What to ask libfabric for. Zero and empty mean: do not care.
struct InfoQuery {
  std::string provider{};  ///< libfabric's name, exact ("net"); layered providers only when named in full
  EndpointType endpoint_type = EndpointType::kAny;
  std::uint64_t caps = 0;
  std::uint64_t mode = 0;                 ///< modes the caller can live with
  std::uint64_t mr_mode = 0;              ///< registration modes the caller can live with
  std::optional<FabricAddress> source{};  ///< numeric address to bind to
};

/// What libfabric offers, in its order of preference. Move only; its views die with it.
class FabricInfoList {
 public:
  class Iterator {
   public:
    using value_type = FabricInfoView;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::forward_iterator_tag;
    using pointer = const FabricInfoView*;
    using reference = FabricInfoView;
    Iterator() noexcept = default;
    explicit Iterator(const fi_info* at) noexcept : at_(at) {}
    FabricInfoView operator*() const noexcept { return FabricInfoView{at_}; }
    Iterator& operator++() noexcept;
    Iterator operator++(int) noexcept {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const fi_info* at_ = nullptr;
  };

  /// Everything there is on this host.
  static Result<FabricInfoList> get();
  /// An entry for each provider that libfabric has, whether or not it is of use on this host: name and version only.
  static Result<FabricInfoList> providers();
  /// What matches; an empty list when nothing does. Unsupported without libfabric. Reads interfaces, names no host:
  /// it does not wait for a name server.
  static Result<FabricInfoList> get(const InfoQuery& query);

  Iterator begin() const noexcept { return Iterator{handle_.get()}; }
  Iterator end() const noexcept { return Iterator{}; }
  bool empty() const noexcept { return !handle_; }

 private:
  static Result<FabricInfoList> all(std::uint64_t flags);
  explicit FabricInfoList(InfoHandle handle) noexcept : handle_(std::move(handle)) {}
  InfoHandle handle_;
};

}  // namespace weft::fabric
