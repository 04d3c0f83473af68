#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <span>
#include <vector>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/nodes/cli/resume_journal.hpp>
#include <weft/wire/digest.hpp>

namespace weft::cli {
namespace {

constexpr int kVersion = 1;

std::string what(const PullPart& part) {
  return fmt::format("{} [{}] generation {}", part.name, part.slice.to_string(), part.generation.value);
}

std::string line_of(const Json& object) { return object.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n"; }

Result<void> append(int fd, const std::string& path, std::string_view line) {
  const auto put = ::write(fd, line.data(), line.size());
  if (put == static_cast<ssize_t>(line.size())) return {};
  return fail_errno(put < 0 ? errno : ENOSPC, "write", path);
}

bool read_at(int file, std::uint64_t offset, std::span<std::byte> into) {
  while (!into.empty()) {
    const auto got = ::pread(file, into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    offset += static_cast<std::uint64_t>(got);
    into = into.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

}  // namespace

ResumeJournal::ResumeJournal(const std::filesystem::path& part, NodeId peer, Incarnation incarnation)
    : path_(part.string() + ".resume"), key_(peer.to_string() + " " + incarnation.to_string()) {}

void ResumeJournal::load() {
  std::ifstream file(path_);
  std::string line;
  if (!std::getline(file, line)) return;
  const auto parsed = [&line] { return Json::parse(line, nullptr, false); };
  try {
    const auto head = parsed();
    if (!head.is_object() || head.at("weft_resume").get<int>() != kVersion ||
        head.at("peer").get<std::string>() != key_)
      return;
  } catch (const Json::exception&) {
    return;
  }
  while (std::getline(file, line)) try {
      const auto record = parsed();
      if (!record.is_object()) continue;
      found_[record.at("offset").get<std::uint64_t>()] = {.of = record.at("of").get<std::string>(),
                                                          .bytes = record.at("bytes").get<std::uint64_t>(),
                                                          .digest = record.at("digest").get<std::string>()};
    } catch (const Json::exception&) {
      continue;  // another program's line, or a torn one
    }
}

bool ResumeJournal::holds(const PullPart& part, std::uint64_t offset, int file) const {
  const auto found = found_.find(offset);
  if (found == found_.end() || found->second.bytes != part.bytes || found->second.of != what(part)) return false;
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(kLeafBytes, part.bytes)));
  std::vector<wire::Leaf> leaves;
  leaves.reserve(static_cast<std::size_t>(wire::leaf_count(part.bytes)));
  for (std::uint64_t at = 0; at < part.bytes; at += kLeafBytes) {
    const auto leaf =
        std::span(bytes).first(static_cast<std::size_t>(std::min<std::uint64_t>(kLeafBytes, part.bytes - at)));
    if (!read_at(file, offset + at, leaf)) return false;
    leaves.push_back(wire::leaf_of(leaf));
  }
  return wire::root_of(part.bytes, part.generation, leaves).to_string() == found->second.digest;
}

Result<void> ResumeJournal::open() {
  const int anew = found_.empty() ? O_TRUNC : 0;
  fd_ = Fd{::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | anew, 0666)};
  if (!fd_) return fail_errno(errno, "open", path_);
  if (anew == 0) return append(fd_.get(), path_, "\n");  // behind a line that may be torn
  return append(fd_.get(), path_, line_of({{"weft_resume", kVersion}, {"peer", key_}}));
}

Result<void> ResumeJournal::note(const PullPart& part, std::uint64_t offset, const Digest& digest) {
  if (part.bytes == 0) return {};  // it lies where the next one does
  return append(
      fd_.get(), path_,
      line_of({{"offset", offset}, {"bytes", part.bytes}, {"of", what(part)}, {"digest", digest.to_string()}}));
}

void ResumeJournal::remove() noexcept {
  if (fd_) ::unlink(path_.c_str());
  fd_.reset();
}

}  // namespace weft::cli
