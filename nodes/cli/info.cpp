#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/fabric_report.hpp>
#include <weft/nodes/cli/table.hpp>

namespace weft::cli {
namespace {

class InfoCommand final : public Command {
 public:
  void declare(Arguments&) override {}

  Result<int> run(Context& context) override {
    WEFT_LET(auto node, start_client(context));
    const FabricReport fabrics = look_at_fabrics(node.lanes());
    const auto& lanes = fabrics.lanes;
    utsname host{};
    ::uname(&host);
    const auto memory =
        static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
    const auto cores = std::thread::hardware_concurrency();
    if (context.out.format() == Format::kJson) {
      Json list = Json::array();
      for (const auto& lane : lanes)
        list.push_back(
            {{"lane", lane.lane}, {"used", lane.used}, {"provider", lane.provider}, {"detail", lane.detail}});
      Json object{{"version", WEFT_VERSION}, {"host", host.nodename}, {"kernel", host.release},
                  {"machine", host.machine}, {"cores", cores},        {"memory_bytes", memory},
                  {"lanes", std::move(list)}};
      add_fabrics(fabrics, object);
      context.out.json(object);
      return 0;
    }
    context.out.say(fmt::format("weft {} on {}: {} {}, {} cores, {} of memory", WEFT_VERSION, escaped(host.nodename),
                                host.machine, host.release, cores, human_bytes(memory)));
    Table table({{"LANE"}, {"USED"}, {"DETAIL"}});
    for (const auto& lane : lanes) table.add({lane.lane, lane.used ? "yes" : "no", escaped(lane.detail)});
    context.out.table(table);
    show_fabrics(fabrics, context.out);
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> make_info() { return std::make_unique<InfoCommand>(); }

}  // namespace weft::cli
