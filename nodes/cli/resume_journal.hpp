#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include <weft/base/fd.hpp>
#include <weft/nodes/cli/pull.hpp>

namespace weft::cli {

/// Which parts of a `FILE.part` have been verified, kept beside it as `FILE.part.resume`: JSON lines, the first of
/// which names the peer and its incarnation (one that restarted may serve other bytes under the same generation), each
/// further one a part: where it lies, what it is of, and the digest that it came with. A torn or foreign line counts
/// for nothing.
class ResumeJournal {
 public:
  /// Of the part file `part`, from `peer` in that life of it.
  ResumeJournal(const std::filesystem::path& part, NodeId peer, Incarnation incarnation);

  /// Reads what an earlier run left; nothing when it was of another peer or life, or is not there.
  void load();
  /// Whether the part lies at `offset` of the file: it was verified, and its bytes still have that digest.
  bool holds(const PullPart& part, std::uint64_t offset, int file) const;

  /// Opens it for what follows: behind what `load` found, else anew. Errors: the disk's.
  Result<void> open();
  /// The part lies at this offset of the file, verified. Errors: the disk's.
  Result<void> note(const PullPart& part, std::uint64_t offset, const Digest& digest);
  /// Takes the file away.
  void remove() noexcept;

 private:
  struct Record {
    std::string of{};
    std::uint64_t bytes = 0;
    std::string digest{};
  };
  std::string path_, key_;
  std::map<std::uint64_t, Record> found_;  // by offset in the file
  Fd fd_;
};

}  // namespace weft::cli
