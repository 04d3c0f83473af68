#include <weft/transfer/access.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <weft/base/text.hpp>

namespace weft {

std::string_view to_string(AccessVerb verb) noexcept {
  switch (verb) {
    case AccessVerb::kGet:
      return "get";
    case AccessVerb::kPush:
      return "push";
    case AccessVerb::kList:
      return "list";
    case AccessVerb::kAll:
      return "all";
    case AccessVerb::kNone:
      break;
  }
  return "none";
}

Access Access::local() { return {}; }

Access Access::any() {
  Access access;
  access.kind_ = Kind::kAny;
  return access;
}

Access Access::peers(std::vector<NodeId> ids) {
  Access access;
  access.kind_ = Kind::kPeers;
  access.peers_ = std::move(ids);
  std::sort(access.peers_.begin(), access.peers_.end());
  return access;
}

Access Access::names(std::string glob) && {
  globs_.push_back(std::move(glob));
  return std::move(*this);
}

Access Access::verbs(AccessVerb verbs) && {
  verbs_ = verbs;
  return std::move(*this);
}

bool Access::admits_quietly(const NodeId& peer, bool same_host) const {
  if (kind_ == Kind::kPeers) return std::binary_search(peers_.begin(), peers_.end(), peer);
  return kind_ == Kind::kAny || same_host;
}

Result<void> Access::admits(const NodeId& peer, bool same_host) const {
  if (admits_quietly(peer, same_host)) return {};
  return fail(Error(ErrorClass::kForbidden, "session", "this node does not admit " + peer.short_string())
                  .with_hint("on the other side: --allow " + peer.to_string()));
}

bool Access::permits(const NodeId& peer, bool same_host, AccessVerb verb, std::string_view name) const {
  const bool named =
      globs_.empty() || verb == AccessVerb::kList ||
      std::any_of(globs_.begin(), globs_.end(), [&](const std::string& g) { return glob_match(g, name); });
  return named && has(verbs_, verb) && admits_quietly(peer, same_host);
}

Result<void> Access::allows(const NodeId& peer, bool same_host, AccessVerb verb, std::string_view name) const {
  WEFT_TRY(admits(peer, same_host));
  if (permits(peer, same_host, verb, name)) return {};
  if (!has(verbs_, verb))
    return fail(Error(ErrorClass::kForbidden, std::string(to_string(verb)),
                      fmt::format("this node allows no {}", to_string(verb)))
                    .with_hint(verb == AccessVerb::kPush ? "weft recv prints the ticket of a node that takes pushes"
                                                         : "on the other side: widen its access rule's verbs")
                    .with_name(std::string(name)));
  return fail(Error(ErrorClass::kForbidden, std::string(to_string(verb)),
                    "\"" + escaped(name) + "\" may not be used so by " + peer.short_string())
                  .with_hint("on the other side: widen its access rule's names or verbs")
                  .with_name(std::string(name)));
}

}  // namespace weft
