#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/peer_names.hpp>

namespace weft::cli {

std::string peer_text(const Context& context, TensorNode& node, const Ticket& ticket) {
  auto pong = await(node.ping(ticket, deadline_of(context)));
  return pong && !pong->peer.empty() ? pong->peer : ticket.node.short_string();
}

namespace {

std::string nearest_and_list(std::string_view name, const std::vector<Entry>& entries, std::string_view spelled) {
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (const auto& entry : entries) names.push_back(entry.name);
  std::string word(name);
  std::erase_if(word, [](char c) { return c == '*' || c == '?'; });
  const auto near = nearest(word, names);
  const auto list = entries.empty() ? std::string("it serves nothing")
                                    : fmt::format("weft ls {} lists all {}", spelled, entries.size());
  return near.empty() ? list : fmt::format("did you mean \"{}\"? {}", escaped(near), list);
}

}  // namespace

std::string nothing_matches(std::string_view pattern, const std::vector<Entry>& entries, std::string_view spelled) {
  return fmt::format("nothing matches \"{}\"; {}", escaped(pattern), nearest_and_list(pattern, entries, spelled));
}

Error no_such_name(const std::string& peer, std::string_view name, const std::vector<Entry>& entries,
                   std::string_view spelled) {
  return Error{ErrorClass::kNotFound, "get", fmt::format("no tensor named \"{}\"", escaped(name))}
      .with_peer(peer)
      .with_name(std::string(name))
      .with_hint(nearest_and_list(name, entries, spelled));
}

Error explained(const Context& context, TensorNode& node, const Ticket& ticket, Error why, std::string_view name,
                std::string_view spelled) {
  if (why.kind() != ErrorClass::kNotFound || name.empty()) return why;
  const auto entries = await(node.list(ticket, "*", {.deadline = deadline_of(context)}));
  if (!entries) return why;
  return no_such_name(peer_text(context, node, ticket), name, *entries, spelled);
}

}  // namespace weft::cli
