#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/fabric_report.hpp>
#include <weft/nodes/cli/quantity.hpp>
#include <weft/nodes/cli/table.hpp>
#include <weft/nodes/cli/ticket_argument.hpp>

namespace weft::cli {
namespace {

/// The first line of a file of the system's; empty where there is none.
std::string line_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Finding memlock(bool has_rdma) {
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  if (limit.rlim_cur == RLIM_INFINITY) return {"memlock", Verdict::kOk, "unlimited"};
  const std::string text = human_bytes(limit.rlim_cur) + " may be locked";
  if (!has_rdma) return {"memlock", Verdict::kOk, text + "; only RDMA devices need more"};
  constexpr std::uint64_t kEnough = 1ull << 30;
  if (limit.rlim_cur >= kEnough) return {"memlock", Verdict::kOk, text};
  return {"memlock", Verdict::kWarn, text + ": larger tensors will not go over verbs",
          "ulimit -l unlimited    (systemd: LimitMEMLOCK=infinity)"};
}

Finding descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::string text = fmt::format("{} files and sockets may be open", limit.rlim_cur);
  if (limit.rlim_cur >= 1024) return {"descriptors", Verdict::kOk, text};
  return {"descriptors", Verdict::kWarn, text, "ulimit -n 65536"};
}

Finding huge_pages() {
  const std::string line = line_of("/sys/kernel/mm/transparent_hugepage/enabled");
  if (line.empty())
    return {"hugepages", Verdict::kWarn, "this kernel has no transparent huge pages: landings are slower"};
  if (line.find("[never]") != line.npos)
    return {"hugepages", Verdict::kWarn, "switched off: landings are filled at a fifth of the speed",
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"};
  return {"hugepages", Verdict::kOk, line};
}

Finding shm_space() {
  struct statvfs space{};
  if (::statvfs("/dev/shm", &space) != 0) return {"shm space", Verdict::kWarn, "there is no /dev/shm"};
  const std::uint64_t free = std::uint64_t{space.f_bavail} * space.f_frsize;
  const std::string text = human_bytes(free) + " free in /dev/shm";
  if (free >= 64ull << 20) return {"shm space", Verdict::kOk, text};
  return {"shm space", Verdict::kWarn, text, "mount -o remount,size=2g /dev/shm    (docker: --shm-size 2g)"};
}

Finding ptrace_scope() {
  const std::string line = line_of("/proc/sys/kernel/yama/ptrace_scope");
  if (line.empty() || line == "0") return {"ptrace scope", Verdict::kOk, "processes of one user may read each other"};
  return {"ptrace scope", Verdict::kOk,
          line + ": tensors of other processes are copied through a lane, not read in place"};
}

Finding gpu_direct() {
  std::error_code ignored;
  const bool gpu = std::filesystem::exists("/dev/nvidiactl", ignored);
  return {"gpudirect", Verdict::kOk, gpu ? "a GPU is here; its memory is not sent yet" : "no GPU here"};
}

Finding mtu() {
  std::string small;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/net", ignored)) {
    const std::string name = entry.path().filename();
    const std::string state = line_of(entry.path() / "operstate");
    const std::string bytes = line_of(entry.path() / "mtu");
    if (name == "lo" || state != "up" || bytes.empty()) continue;
    if (std::strtoul(bytes.c_str(), nullptr, 10) < 1500)
      small += fmt::format("{}{} {}", small.empty() ? "" : ", ", name, bytes);
  }
  if (small.empty()) return {"mtu", Verdict::kOk, "1500 and more everywhere"};
  return {"mtu", Verdict::kWarn, "small: " + small, "ip link set dev NAME mtu 9000    (where the network can)"};
}

Finding clock_here() {
  timex now{};
  if (::adjtimex(&now) >= 0 && (now.status & STA_UNSYNC) == 0) return {"clock", Verdict::kOk, "kept in step"};
  return {"clock", Verdict::kOk, "no time service keeps this clock in step; Weft works all the same"};
}

class DoctorCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("TICKET", ticket_, "of a node: the path to it is checked too", Needed::kNo);
  }

  Result<int> run(Context& context) override {
    std::optional<Ticket> ticket;
    if (!ticket_.empty()) {
      WEFT_LET(ticket, read_ticket(context, ticket_));
    }
    WEFT_LET(auto node, start_client(context));
    const FabricReport fabrics = look_at_fabrics(node.lanes());
    std::vector<Finding> all{memlock(!fabrics.devices.empty()),
                             descriptors(),
                             huge_pages(),
                             shm_space(),
                             ptrace_scope(),
                             check_tcp(fabrics),
                             check_verbs(fabrics),
                             check_efa(fabrics),
                             gpu_direct(),
                             mtu(),
                             clock_here()};
    if (ticket) path_to(context, node, *ticket, all);
    show(context, all, fabrics);
    const bool failed = std::ranges::any_of(all, [](const Finding& one) { return one.verdict == Verdict::kFail; });
    return failed ? 1 : 0;
  }

 private:
  static void path_to(Context& context, TensorNode& node, const Ticket& ticket, std::vector<Finding>& all) {
    const auto ping = await(node.ping(ticket, deadline_of(context)));
    if (!ping) {
      const Error& why = ping.error();
      all.push_back({"firewall", Verdict::kFail, why.to_string(), std::string(why.hint())});
      return;
    }
    all.push_back(
        {"firewall", Verdict::kOk,
         fmt::format("{} answers at {} in {}", ping->peer, ping->address, latency_text(ping->round_trip, true))});
    all.push_back({"versions", Verdict::kOk, fmt::format("protocol {} is spoken", ping->version)});
    const double skew = std::abs(seconds(ping->skew));
    all.push_back({"clock skew", skew < 1 ? Verdict::kOk : Verdict::kWarn,
                   fmt::format("{:+.3f} s", seconds(ping->skew)), skew < 1 ? "" : "timedatectl set-ntp true"});
  }

  static void show(Context& context, const std::vector<Finding>& all, const FabricReport& fabrics) {
    if (context.out.format() == Format::kJson) {
      Json list = Json::array();
      for (const Finding& one : all)
        list.push_back(
            {{"check", one.check}, {"verdict", to_string(one.verdict)}, {"found", one.found}, {"remedy", one.remedy}});
      Json object{{"checks", std::move(list)}};
      add_fabrics(fabrics, object);
      context.out.json(object);
      return;
    }
    Table table({{"CHECK"}, {"VERDICT"}, {"FOUND"}});
    for (const Finding& one : all) table.add({one.check, std::string(to_string(one.verdict)), escaped(one.found)});
    context.out.table(table);
    show_fabrics(fabrics, context.out);
    for (const Finding& one : all)
      if (!one.remedy.empty()) context.out.say(fmt::format("{}: {}", one.check, one.remedy));
  }

  std::string ticket_;
};

}  // namespace

std::unique_ptr<Command> make_doctor() { return std::make_unique<DoctorCommand>(); }

}  // namespace weft::cli
