#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>
#include <catch2/catch_test_macros.hpp>
#include <weft/nodes/cli/resume_journal.hpp>
#include <weft/wire/digest.hpp>

using namespace weft;
using namespace weft::cli;

namespace {

constexpr std::uint64_t kBytes = kLeafBytes + 100;  // two leaves
const NodeId kPeer{{std::byte{1}}};
const Incarnation kLife{{std::byte{2}}};

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "weft-resume-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path part() const { return path_ / "m.part"; }
  std::filesystem::path journal() const { return path_ / "m.part.resume"; }

 private:
  std::filesystem::path path_;
};

/// A part file of two parts, and what they are.
struct Written {
  Written() : bytes(2 * kBytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7);
    std::ofstream(folder.part(), std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), 2 * kBytes);
    file = Fd{::open(folder.part().c_str(), O_RDWR)};
  }
  PullPart part(std::string name) const { return {.bytes = kBytes, .name = std::move(name), .generation = {4}}; }
  Digest digest(std::size_t which) const {
    const auto all = std::span(bytes).subspan(which * kBytes, kBytes);
    const std::vector<wire::Leaf> leaves{wire::leaf_of(all.first(kLeafBytes)), wire::leaf_of(all.subspan(kLeafBytes))};
    return wire::root_of(kBytes, {4}, leaves);
  }
  ResumeJournal loaded(NodeId peer = kPeer, Incarnation life = kLife) const {
    ResumeJournal journal(folder.part(), peer, life);
    journal.load();
    return journal;
  }
  void note_both() const {
    ResumeJournal journal(folder.part(), kPeer, kLife);
    REQUIRE(journal.open());
    REQUIRE(journal.note(part("a"), 0, digest(0)));
    REQUIRE(journal.note(part("b"), kBytes, digest(1)));
  }

  Folder folder;
  std::vector<std::byte> bytes;
  Fd file;
};

}  // namespace

TEST_CASE("resume journal: holds what was noted, where it was, of what it was") {
  const Written written;
  written.note_both();
  const auto journal = written.loaded();
  CHECK(journal.holds(written.part("a"), 0, written.file.get()));
  CHECK(journal.holds(written.part("b"), kBytes, written.file.get()));
  CHECK_FALSE(journal.holds(written.part("a"), kBytes, written.file.get()));
  CHECK_FALSE(journal.holds(written.part("c"), 0, written.file.get()));
  auto newer = written.part("a");
  newer.generation = {5};
  CHECK_FALSE(journal.holds(newer, 0, written.file.get()));
  auto slice = written.part("a");
  slice.slice = Slice{{0, 1}};
  CHECK_FALSE(journal.holds(slice, 0, written.file.get()));
}

TEST_CASE("resume journal: bytes that changed since are not held") {
  const Written written;
  written.note_both();
  for (const off_t at : {off_t{0}, static_cast<off_t>(kBytes - 1)}) {
    const auto was = written.bytes[static_cast<std::size_t>(at)];
    const auto other = was ^ std::byte{1};
    REQUIRE(::pwrite(written.file.get(), &other, 1, at) == 1);
    CHECK_FALSE(written.loaded().holds(written.part("a"), 0, written.file.get()));
    CHECK(written.loaded().holds(written.part("b"), kBytes, written.file.get()));
    REQUIRE(::pwrite(written.file.get(), &was, 1, at) == 1);
  }
  REQUIRE(::ftruncate(written.file.get(), static_cast<off_t>(kBytes + 5)) == 0);
  CHECK(written.loaded().holds(written.part("a"), 0, written.file.get()));
  CHECK_FALSE(written.loaded().holds(written.part("b"), kBytes, written.file.get()));
}

TEST_CASE("resume journal: of another peer or another life of it nothing counts") {
  const Written written;
  written.note_both();
  CHECK_FALSE(written.loaded(NodeId{{std::byte{9}}}).holds(written.part("a"), 0, written.file.get()));
  CHECK_FALSE(written.loaded(kPeer, {{std::byte{9}}}).holds(written.part("a"), 0, written.file.get()));
}

TEST_CASE("resume journal: torn at any byte, what is whole counts; more can be noted behind it") {
  const Written written;
  written.note_both();
  std::stringstream text;
  text << std::ifstream(written.folder.journal()).rdbuf();
  const std::string whole = text.str();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    std::ofstream(written.folder.journal(), std::ios::trunc) << whole.substr(0, length);
    auto journal = written.loaded();
    REQUIRE(journal.open());
    REQUIRE(journal.note(written.part("b"), kBytes, written.digest(1)));
    CHECK(written.loaded().holds(written.part("b"), kBytes, written.file.get()));
    const auto lines = std::ranges::count(std::string_view(whole).substr(0, length + 1), '\n');
    CHECK(written.loaded().holds(written.part("a"), 0, written.file.get()) == (lines >= 2));
  }
}

TEST_CASE("resume journal: lines of anybody else's are passed over, and remove takes the file away") {
  const Written written;
  written.note_both();
  std::ofstream(written.folder.journal(), std::ios::app)
      << "[]\n7\n{\"offset\":\"x\"}\n{\"offset\":0}\nnot "
         "json\n{\"offset\":-1,\"bytes\":1,\"of\":\"\",\"digest\":\"\"}\n";
  auto journal = written.loaded();
  CHECK(journal.holds(written.part("a"), 0, written.file.get()));
  REQUIRE(journal.open());
  journal.remove();
  CHECK_FALSE(std::filesystem::exists(written.folder.journal()));
}
