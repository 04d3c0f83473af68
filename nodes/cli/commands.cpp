#include <array>

#include <weft/nodes/cli/command.hpp>

namespace weft::cli {
namespace {

constexpr std::array kCommands{
    CommandEntry{"serve", "", "serve files; prints a ticket", "weft serve model.safetensors --ticket-file t",
                 make_serve},
    CommandEntry{"ls", "", "names, types and sizes of what a node serves", "weft ls @t 'layers.*'", make_list},
    CommandEntry{"get", "", "pull tensors into a file", "weft get @t -o copy.safetensors", make_get},
    CommandEntry{"push", "broadcast", "push a file's tensors to one or many receivers",
                 "weft push model.safetensors @a @b", make_push},
    CommandEntry{"recv", "", "print a ticket and save what is pushed", "weft recv -o inbox --ticket-file t",
                 make_receive},
    CommandEntry{"grains", "", "a ring of equal buffers: receive into one, or send to some",
                 "weft grains recv --info-file i    weft grains send @i", make_grains},
    CommandEntry{"ping", "", "round trips to a node, and its clock's skew", "weft ping @t", make_ping},
    CommandEntry{"explain", "", "which lane a tensor would take, and why", "weft explain @t layers.0.w", make_explain},
    CommandEntry{"info", "", "the lanes of this host: used, or why not", "weft info", make_info},
    CommandEntry{"doctor", "", "checks this host, and the path to a node", "weft doctor @t", make_doctor},
    CommandEntry{"ticket", "", "what a ticket says", "weft ticket @t", make_ticket},
    CommandEntry{"demo", "", "two processes, every lane here, verified and timed", "weft demo --size 64MiB", make_demo},
    CommandEntry{"id", "", "our node id, for the other side's --allow", "weft id", make_id},
    CommandEntry{"version", "", "the version of weft and what it uses", "weft version", make_version},
    CommandEntry{"help", "", "what a command takes", "weft help get", make_help},
    CommandEntry{"completions", "", "a completion script for a shell", "weft completions bash", make_completions},
};

}  // namespace

std::span<const CommandEntry> commands() { return kCommands; }

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const auto& entry : kCommands) {
    names.emplace_back(entry.name);
    if (!entry.alias.empty()) names.emplace_back(entry.alias);
  }
  return names;
}

}  // namespace weft::cli
