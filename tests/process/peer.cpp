/// A node in a process of its own, told what to do by lines on its standard input; it answers in lines. It stops or
/// kills itself at a step of a transfer when it is told to, and dies with its parent.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <csignal>

#include <atomic>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include <tests/process/grain_reader.hpp>
#include <tests/process/noise.hpp>
#include <weft/weft.hpp>

namespace {

using namespace weft;

/// When to stop or die: at the count-th time of a step.
struct Trap {
  std::mutex mutex;
  std::string step;
  int count = 0;
  int signal = 0;

  void reached(std::string_view name) {
    const std::lock_guard lock(mutex);
    if (signal == 0 || name != step || --count > 0) return;
    const int now = std::exchange(signal, 0);
    const std::string line = "at " + step + "\n";
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) ::_exit(3);
    ::kill(::getpid(), now);
  }
};

void say(const std::string& line) { std::cout << line << std::endl; }

template <class T>
void say(const Result<T>& result) {
  if (result)
    say("ok");
  else
    say("error " + std::string(to_string(result.error().kind())) + " " + std::string(result.error().message()) +
        (result.error().may_have_arrived() ? " (may have arrived)" : ""));
}

Result<void> check(const Tensor& got, std::size_t bytes, std::uint64_t seed) {
  if (got.bytes().size() == bytes && test::is_noise(got.bytes(), seed)) return {};
  return fail(ErrorClass::kInternal, "peer", "other bytes than were served");
}

/// The most memory it has had since `measure`, in KiB; 0 where the kernel does not say.
std::uint64_t peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib;
  }
  return 0;
}

/// Says `ok PEAK` when it went well.
template <class T>
void say_with_peak(const Result<T>& got, std::size_t bytes, std::uint64_t seed) {
  const std::uint64_t peak = peak_kib();  // before it is looked at
  Result<void> result;
  if constexpr (std::is_same_v<T, Tensor>)
    if (got) result = check(*got, bytes, seed);
  if (!got) result = fail(got.error());
  result ? say("ok " + std::to_string(peak)) : say(result);
}

void obey(TensorNode& node, Trap& trap, std::istringstream& line) {
  std::string verb, ticket, name;
  std::size_t bytes = 0;
  std::uint64_t seed = 0;
  line >> verb;
  if (verb == "serve") {
    line >> name >> bytes >> seed;
    const auto content = std::make_shared<std::vector<std::byte>>(test::noise(bytes, seed));
    return say(node.put(name, TensorView::bytes(*content), content));
  }
  if (verb == "get") {
    line >> ticket >> name >> bytes >> seed;
    return say_with_peak(node.get(ticket, name).wait(), bytes, seed);
  }
  if (verb == "gets") {  // so many, small ones and large ones in turn
    int count = 0;
    line >> ticket >> count;
    for (int i = 0; i < count; ++i) {
      const bool large = i % 16 == 0;
      const auto got = node.get(ticket, large ? "large" : "small").wait();
      if (!got) return say(got);
      if (auto checked = check(*got, large ? 8 << 20 : 4000, large ? 1 : 2); !checked) return say(checked);
    }
    return say("ok");
  }
  if (verb == "push") {
    line >> ticket >> name >> bytes >> seed;
    const auto content = test::noise(bytes, seed);
    return say_with_peak(node.push(ticket, name, TensorView::bytes(content)).wait(), bytes, seed);
  }
  if (verb == "receive") {
    line >> name >> bytes >> seed;
    return say_with_peak(node.receive(name).wait(), bytes, seed);
  }
  if (verb == "ring") {
    static std::optional<test::GrainReader> reader;
    std::size_t grains = 0;
    line >> name >> grains >> bytes;
    if (name == "open") {
      reader.emplace(node, grains, bytes);
      return say("ok " + reader->info().to_string());
    }
    if (name == "close") reader.reset();
    return say("ok " + (reader ? reader->tally() : ""));
  }
  if (verb == "measure") {  // from now on the peak is what `get`, `push` and `receive` say
    std::ofstream("/proc/self/clear_refs") << "5";
    return say("ok " + std::to_string(peak_kib()));
  }
  if (verb == "peak") return say("ok " + std::to_string(peak_kib()));
  if (verb == "files") {  // any byte written to a file from now on ends the process
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    return say(::setrlimit(RLIMIT_FSIZE, &none) == 0 ? "ok" : "error");
  }
  if (verb == "arm") {
    const std::lock_guard lock(trap.mutex);
    line >> trap.step >> trap.count >> name;
    trap.signal = name == "kill" ? SIGKILL : SIGSTOP;
    return say("ok");
  }
  if (verb == "descriptors") {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    line >> limit.rlim_cur;
    return say(::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? "ok" : "error");
  }
  say("error what is " + verb);
}

}  // namespace

int main(int argc, char** argv) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  Trap trap;
  NodeOptions options;
  options.on_phase = [&trap](std::string_view name) { trap.reached(name); };
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--listen") options.listen = {argv[i + 1]};
    if (flag == "--identity") options.identity = argv[i + 1];
    if (flag == "--lane") options.lanes = {Lane::kTls};
  }
  auto node = TensorNode::start(std::move(options));
  if (!node) {
    say(node);
    return 1;
  }
  say("ticket " + node->ticket().to_string());
  for (std::string text; std::getline(std::cin, text);) {
    std::istringstream line(text);
    obey(*node, trap, line);
  }
  return 0;
}
