#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include <weft/fabric/fabric_info.hpp>

namespace weft::fabric {

/// What an event queue says about connections. `fid()` names the endpoint (Endpoint::id) as an address to compare, not
/// to follow: it may be closed by now.
class ConnectionRequested {
 public:
  ConnectionRequested(const fid* passive, FabricInfo info, std::vector<std::byte> data)
      : fid_(passive), info_(std::move(info)), data_(std::move(data)) {}
  const ::fid* fid() const noexcept { return fid_; }  ///< the passive endpoint
  const FabricInfo& info() const noexcept { return info_; }
  /// Open an endpoint with it and accept, or give it to PassiveEndpoint::reject; neither leaks the connection.
  FabricInfo take_info() noexcept { return std::move(info_); }
  const std::vector<std::byte>& data() const noexcept { return data_; }  ///< what the peer's connect carried

 private:
  const ::fid* fid_;
  FabricInfo info_;
  std::vector<std::byte> data_;
};

class Connected {
 public:
  Connected(const fid* endpoint, std::vector<std::byte> data) : fid_(endpoint), data_(std::move(data)) {}
  const ::fid* fid() const noexcept { return fid_; }
  const std::vector<std::byte>& data() const noexcept { return data_; }  ///< what the peer's accept carried

 private:
  const ::fid* fid_;
  std::vector<std::byte> data_;
};

class Shutdown {
 public:
  explicit Shutdown(const fid* endpoint) : fid_(endpoint) {}
  const ::fid* fid() const noexcept { return fid_; }

 private:
  const ::fid* fid_;
};

/// A connection failed, or the read of the queue did (fid null).
class EventError {
 public:
  EventError(const fid* endpoint, int code, int provider_code, std::string text)
      : fid_(endpoint), code_(code), provider_code_(provider_code), text_(std::move(text)) {}
  const ::fid* fid() const noexcept { return fid_; }
  int code() const noexcept { return code_; }  ///< libfabric's, positive
  int provider_code() const noexcept { return provider_code_; }
  /// Both codes and both texts.
  std::string to_string() const;
  weft::Error to_error(std::string operation) const;

 private:
  const ::fid* fid_;
  int code_;
  int provider_code_;
  std::string text_;
};

class Event : public std::variant<EventError, ConnectionRequested, Connected, Shutdown> {
 public:
  using ConnectionRequested = fabric::ConnectionRequested;
  using Connected = fabric::Connected;
  using Shutdown = fabric::Shutdown;
  using Error = EventError;
  using std::variant<EventError, fabric::ConnectionRequested, fabric::Connected, fabric::Shutdown>::variant;

  bool is_connection_requested() const noexcept { return std::holds_alternative<ConnectionRequested>(*this); }
  bool is_connected() const noexcept { return std::holds_alternative<Connected>(*this); }
  bool is_shutdown() const noexcept { return std::holds_alternative<Shutdown>(*this); }
  bool is_error() const noexcept { return std::holds_alternative<Error>(*this); }
  const ::fid* fid() const noexcept {
    return std::visit([](const auto& one) { return one.fid(); }, *this);
  }
};

}  // namespace weft::fabric
