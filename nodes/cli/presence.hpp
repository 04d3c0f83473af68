#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>
#include <weft/base/fd.hpp>
#include <weft/nodes/cli/command.hpp>
#include <weft/nodes/weft.hpp>

namespace weft::cli {

/// How serve, recv and grains recv can be reached: where they listen, who may come, and how their ticket (or target
/// info) is handed over.
class Presence {
 public:
  enum class Handed { kTicket, kTargetInfo };
  explicit Presence(Handed handed = Handed::kTicket) : handed_(handed) {}
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  ~Presence();  // takes the ticket file away, while it is ours

  void declare(Arguments& arguments);
  /// InvalidArgument: an --allow that is neither local, any nor node ids; a --listen of no host. Blocks for host names.
  Result<NodeOptions> options(const Context& context) const;
  /// Takes an old ticket file away, so that whoever waits for one gets ours. Exists: what is there is no ticket, or
  /// that of a node that still runs. InvalidArgument: no file can be made there.
  Result<void> prepare() const;
  /// Once the node is ready: writes the ticket file, whole or not at all; then prints the ticket alone on stdout, or
  /// with --json one object with it and `details`. Here --timeout ends: it bounds what comes before.
  Result<void> announce(Context& context, const TensorNode& node, const Json& details);
  /// The same with a target info, whose file only its owner may read: who has it may write the ring.
  Result<void> announce(Context& context, const TargetInfo& info, const Json& details);
  /// Whether only this host can reach it, as far as --listen tells.
  bool local_only() const noexcept { return listen_.empty(); }

 private:
  Result<void> check_hosts() const;
  bool may_be_replaced(const std::string& text) const;
  Result<void> hand_over(Context& context, const std::string& text, const Json& object);

  Handed handed_;
  std::vector<std::string> listen_, allow_;
  std::filesystem::path ticket_file_;
  std::string written_;  // into the ticket file
  Fd held_;              // the ticket file, locked while we run
};

/// "tcp://127.0.0.1:41873 and tcp://[::1]:41873".
std::string addresses_text(const Ticket& ticket);

}  // namespace weft::cli
