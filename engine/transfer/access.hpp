#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/ids.hpp>
#include <weft/base/result.hpp>

namespace weft {

/// What a peer may ask for. Combined with `|`.
enum class AccessVerb : std::uint8_t { kNone = 0, kGet = 1, kPush = 2, kList = 4, kAll = 7 };
constexpr AccessVerb operator|(AccessVerb a, AccessVerb b) {
  return static_cast<AccessVerb>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool has(AccessVerb set, AccessVerb verb) {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(verb)) != 0;
}
std::string_view to_string(AccessVerb) noexcept;

/// Who may talk to a node, and about what. A value; immutable once a node runs with it. The default is this host only:
/// any user of it who has the ticket.
class Access {
 public:
  static Access local();
  static Access any();
  static Access peers(std::vector<NodeId> ids);

  /// Only names that match one of the globs added so far (none added: every name).
  Access names(std::string glob) &&;
  /// Only these verbs.
  Access verbs(AccessVerb verbs) &&;

  /// Whether listening beyond loopback is safe under this rule: everything but `local`.
  bool reaches_beyond_host() const noexcept { return kind_ != Kind::kLocal; }
  /// Whether a session with this peer may exist. Forbidden, with the line to add as hint.
  Result<void> admits(const NodeId& peer, bool same_host) const;
  /// Whether this peer, over a session that it or this node dialled, may do `verb` with `name`. Forbidden otherwise;
  /// the same answer whether the name exists or not.
  Result<void> allows(const NodeId& peer, bool same_host, AccessVerb verb, std::string_view name) const;
  /// The same without saying why.
  bool permits(const NodeId& peer, bool same_host, AccessVerb verb, std::string_view name) const;

 private:
  bool admits_quietly(const NodeId& peer, bool same_host) const;

  enum class Kind : std::uint8_t { kLocal, kAny, kPeers };
  Kind kind_ = Kind::kLocal;
  std::vector<NodeId> peers_;
  std::vector<std::string> globs_;
  AccessVerb verbs_ = AccessVerb::kAll;
};

}  // namespace weft
