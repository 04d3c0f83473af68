/// Prefill and decode in two processes: blocks of a KV cache are pulled by page number, from any pages of one tensor
/// into any free pages of another, all of them in one request.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include <weft/weft.hpp>

namespace {

constexpr std::int64_t kTokens = 16, kHeads = 8, kWidth = 128;  // of one block: 64 KiB of float
constexpr std::size_t kBlockFloats = kTokens * kHeads * kWidth;

/// Serves its cache, hands the ticket over and waits until the other side is done.
int prefill(int ticket_out, int done_in) {
  constexpr std::int64_t kBlocks = 64;
  std::vector<float> cache(kBlocks * kBlockFloats);
  for (std::size_t i = 0; i < cache.size(); ++i) cache[i] = static_cast<float>(i / kBlockFloats);  // the block's number
  auto node = weft::unwrap(weft::TensorNode::start());
  auto loan =
      weft::unwrap(node.lend("kv.layer0", weft::TensorView::of<float>(cache, {kBlocks, kTokens, kHeads, kWidth})));
  const std::string ticket = node.ticket().to_string();
  if (::write(ticket_out, ticket.data(), ticket.size()) < 0) return 1;
  ::close(ticket_out);
  char done = 0;
  return ::read(done_in, &done, 1) >= 0 ? 0 : 1;  // the end of the pipe is the end of the decoder
}

int decode(const std::string& ticket) {
  constexpr std::int64_t kBlocks = 32;
  std::vector<float> cache(kBlocks * kBlockFloats, -1.0f);
  auto node = weft::unwrap(weft::TensorNode::start());
  // The blocks of one sequence, wherever prefill had room for them, into pages that are free here.
  const std::vector<std::uint32_t> source{3, 17, 18, 40, 63};
  const std::vector<std::uint32_t> target{0, 9, 1, 31, 5};
  const auto pulled = node.get(ticket, "kv.layer0",
                               {.pages = {.axis = 0, .source = source, .target = target},
                                .into = weft::MutableTensorView::of<float>(cache, {kBlocks, kTokens, kHeads, kWidth})})
                          .wait();
  if (!pulled) {
    std::printf("error: %s\n", pulled.error().to_string().c_str());
    return 1;
  }
  for (std::size_t i = 0; i < source.size(); ++i)
    std::printf("block %2u is page %2u here, and holds %2.0f\n", source[i], target[i],
                static_cast<double>(cache[target[i] * kBlockFloats]));
  std::printf("page 2 is untouched: %.0f\n", static_cast<double>(cache[2 * kBlockFloats]));
  return 0;
}

}  // namespace

int main() {
  std::array<int, 2> tickets{}, done{};
  if (::pipe(tickets.data()) != 0 || ::pipe(done.data()) != 0) return 1;
  const pid_t child = ::fork();  // before any node: threads do not survive a fork
  if (child < 0) return 1;
  if (child == 0) {
    ::close(done[1]);
    ::_exit(prefill(tickets[1], done[0]));
  }
  ::close(tickets[1]);
  std::string ticket(4096, '\0');
  const ssize_t got = ::read(tickets[0], ticket.data(), ticket.size());
  ticket.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  const int result = decode(ticket);
  ::close(done[1]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return result != 0 || status != 0 ? 1 : 0;
}
