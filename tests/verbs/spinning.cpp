// Grains from one process to another while both loops spin, for counting their system calls from outside:
//
//   spinning recv INFO_FILE GRAINS    opens a ring, writes its target info there, and takes so many grains
//   spinning send INFO_FILE GRAINS    sends them, eight at a time
//
// and small calls, whose lane they tell, for seeing that they ride rails:
//
//   spinning serve TICKET_FILE CALLS      serves a tensor of 4 KiB and takes pushes of so much
//   spinning exchange TICKET_FILE CALLS   pulls it and pushes it so many times, over verbs and over the session's
//   stream
//
// The loops run on threads of their own; this one looks at what came, and naps. What is measured lies between two
// writes to no descriptor, of "@from" and of "@to". Spins and asks the kernel as the environment says.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <weft/weft.hpp>

namespace {

using namespace weft;
using namespace std::chrono_literals;

constexpr std::size_t kSlots = 16, kBytes = 4096, kAhead = 8;

template <class T>
T need(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}\n", result.error().to_string());
  std::exit(1);
}
void need(const Result<void>& result) {
  if (result) return;
  fmt::print(stderr, "{}\n", result.error().to_string());
  std::exit(1);
}

void nap() { std::this_thread::sleep_for(500us); }
void mark(std::string_view what) { (void)!::write(-1, what.data(), what.size()); }

std::byte byte_of(std::uint64_t index) { return static_cast<std::byte>(index * 37 + 11); }

int receive(TensorNode& node, const std::string& file, std::uint64_t count) {
  std::vector<std::byte> memory(kSlots * kBytes);
  TargetOptions options;
  for (std::size_t i = 0; i < kSlots; ++i) options.slots.push_back(std::span(memory).subspan(i * kBytes, kBytes));
  auto target = need(node.open_target(std::move(options)));
  std::ofstream(file + ".new") << target.info().to_string();
  if (std::rename((file + ".new").c_str(), file.c_str()) != 0) return 1;
  for (std::uint64_t got = 0; got < count;) {
    const auto grain = target.try_read();
    if (!grain) {
      nap();
      continue;
    }
    for (const std::byte byte : grain->data)
      if (byte != byte_of(grain->index)) return 1;
    need(target.release(grain->slot));
    ++got;
    if (got == count / 10) mark("@from");
    if (got == count - 1) mark("@to");
  }
  while (target.stats().initiators != 0) nap();
  return 0;
}

int send(TensorNode& node, const std::string& file, std::uint64_t count) {
  std::ifstream from(file);
  const auto info = need(TargetInfo::parse(std::string(std::istreambuf_iterator<char>(from), {})));
  std::vector<std::vector<std::byte>> sources(kAhead, std::vector<std::byte>(kBytes));
  auto initiator = need(node.open_initiator({.lane = Lane::kVerbs}));
  need(initiator.add_target(info));
  while (initiator.link(0) != TargetLink::kConnected) nap();
  std::uint64_t sent = 0, ended = 0;
  while (ended < count) {
    for (; sent < count && sent - ended < kAhead; ++sent) {
      auto& source = sources[sent % kAhead];
      std::fill(source.begin(), source.end(), byte_of(sent));
      const std::span<const std::byte> part(source);
      need(initiator.send(sent, std::span(&part, 1)));
    }
    auto result = initiator.next_result();
    if (!result) {
      nap();
      continue;
    }
    need(result->result);
    ++ended;
    if (ended == count / 10) mark("@from");
    if (ended == count - 1) mark("@to");
  }
  return 0;
}

std::shared_ptr<std::byte[]> bytes_of(std::size_t size) {
  std::shared_ptr<std::byte[]> bytes(new std::byte[size]);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = byte_of(i / 3);
  return bytes;
}

int serve(TensorNode& node, const std::string& file, std::uint64_t count) {
  for (const auto& [name, size] : {std::pair{"small", kBytes}, std::pair{"large", std::size_t{1} << 20}}) {
    const auto bytes = bytes_of(size);
    need(node.put(name, TensorView::bytes({bytes.get(), size}), bytes));
  }
  std::ofstream(file + ".new") << node.ticket().to_string();
  if (std::rename((file + ".new").c_str(), file.c_str()) != 0) return 1;
  const auto expected = bytes_of(kBytes);
  for (std::uint64_t got = 0; got < 2 * count; ++got) {
    const Tensor pushed = need(node.receive("pushed", {.deadline = 100s}).wait());
    if (pushed.bytes().size() != kBytes || !std::equal(expected.get(), expected.get() + kBytes, pushed.bytes().data()))
      return 1;
  }
  need(node.stop(5s).wait());
  return 0;
}

void tell(const char* what, Lane lane, std::vector<double> us) {
  std::sort(us.begin(), us.end());
  fmt::print("{} {} {:.1f} us\n", what, to_string(lane), us[us.size() / 2]);
}

int exchange(TensorNode& node, const std::string& file, std::uint64_t count) {
  std::ifstream from(file);
  const Peer peer(need(Ticket::parse(std::string(std::istreambuf_iterator<char>(from), {}))));
  if (need(node.get(peer, "large", {.lane = Lane::kVerbs}).wait()).lane() != Lane::kVerbs) return 1;
  const auto expected = bytes_of(kBytes);
  for (const Lane lane : {Lane::kTls, Lane::kVerbs}) {
    std::vector<double> pulls, pushes;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto begun = Clock::now();
      const Tensor pulled = need(node.get(peer, "small", {.lane = lane}).wait());
      pulls.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begun).count());
      if (pulled.lane() != lane || !std::equal(expected.get(), expected.get() + kBytes, pulled.bytes().data()))
        return 1;
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto begun = Clock::now();
      const Receipt receipt =
          need(node.push(peer, "pushed", TensorView::bytes({expected.get(), kBytes}), {.lane = lane}).wait());
      pushes.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begun).count());
      if (receipt.lane != lane || receipt.bytes != kBytes) return 1;
    }
    tell("pull", lane, std::move(pulls));
    tell("push", lane, std::move(pushes));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string what = argv[1];
  const std::uint64_t count = std::strtoull(argv[3], nullptr, 10);
  auto options = need(NodeOptions::from_environment());
  options.lanes = {Lane::kTls, Lane::kVerbs};
  auto node = need(TensorNode::start(std::move(options)));
  const int status = what == "recv"    ? receive(node, argv[2], count)
                     : what == "send"  ? send(node, argv[2], count)
                     : what == "serve" ? serve(node, argv[2], count)
                                       : exchange(node, argv[2], count);
  fmt::print("{} {} of {}\n", what, status == 0 ? "all" : "not all", count);
  return status;
}
